"""The resource BaileysTenantSet: tenants for all session directories of a volume, or for claims."""

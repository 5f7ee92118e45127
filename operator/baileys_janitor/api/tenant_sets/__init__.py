"""The resource BaileysTenantSet: tenants for whatever session directories or claims there are."""

"""The record of a tenant: what is known of it, changed by what scans and cleanups find."""

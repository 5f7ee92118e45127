"""When a tenant's scans and cleanups are due. Pure: no cluster, no disk, no clock."""

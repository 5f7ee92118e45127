"""The metrics of tenants and of the process, for any server."""

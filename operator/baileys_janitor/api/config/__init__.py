"""The operator's configuration, its defaults, and its merge with a tenant's spec."""

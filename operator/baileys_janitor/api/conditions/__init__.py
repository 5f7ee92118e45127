"""The conditions of a tenant's status, and everything published about each."""

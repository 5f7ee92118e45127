"""The conditions of a tenant's status, and everything that is published about each."""

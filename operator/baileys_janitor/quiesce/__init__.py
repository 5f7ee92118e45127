"""Stops the workload of a tenant and starts it again with at most its earlier replicas: decides the next step. Pure."""

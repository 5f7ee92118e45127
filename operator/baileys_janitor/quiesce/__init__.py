"""Stops the workload of a tenant and starts it again: what to do next, and never more than was there. Pure."""

"""Probes: whether the operator is alive and ready, and its watches still deliver events."""

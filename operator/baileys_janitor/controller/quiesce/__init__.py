"""Stops workloads of tenants and starts them again: reads, writes and waits as `baileys_janitor.quiesce` decides."""

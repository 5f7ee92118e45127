"""The record of a tenant: its known state, changed by the results of scans and cleanups."""

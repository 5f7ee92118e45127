"""Composes and writes the status of tenants."""

"""Backups and drills of tenants: when they are due, their Jobs, and what these bring."""

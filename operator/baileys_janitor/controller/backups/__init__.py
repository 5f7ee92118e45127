"""Backups and drills of tenants: their schedule, their Jobs, and the results."""

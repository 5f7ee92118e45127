"""Backups of the watched directories: the schedule, and the process that makes them."""

"""Backs up what the watch looks after: what is due, and the process that does it."""

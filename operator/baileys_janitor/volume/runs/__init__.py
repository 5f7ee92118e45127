"""Runs that change a session directory: lock, journal, trash, undo, and looking after those that were killed."""

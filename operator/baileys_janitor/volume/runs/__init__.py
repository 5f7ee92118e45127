"""Runs that change a session directory: lock, journal, trash, undo, and recovery of killed runs."""

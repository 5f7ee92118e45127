"""Scans of a session directory, which change nothing in the session."""

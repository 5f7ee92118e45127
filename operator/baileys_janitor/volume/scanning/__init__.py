"""Looks at a session directory that change nothing in the session."""

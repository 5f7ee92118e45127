"""Rotating a session out of its directory, for a new pairing, and rolling that back."""

"""Rotating a session out of its directory, so that the tenant can be paired anew, and rolling that back."""

"""Restores of one tenant or of a fleet, and what is kept for them beforehand."""

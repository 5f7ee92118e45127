"""Restores of one tenant or of a fleet, and the fingerprints recorded for them beforehand."""

"""Rotations, which end a pairing so that the tenant is paired anew, and their rollbacks."""

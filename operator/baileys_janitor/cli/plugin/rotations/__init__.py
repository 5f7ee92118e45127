"""Rotations: a pairing is ended, so that the tenant is paired anew, and taken back before that."""

"""Restores: what of an archive's rows goes back into the tables, and putting it there."""

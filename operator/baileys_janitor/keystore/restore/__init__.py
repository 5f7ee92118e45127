"""Restores: which of an archive's rows go back into the tables, and how they are written."""

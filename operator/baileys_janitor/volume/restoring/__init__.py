"""Putting an archived session back into a directory."""

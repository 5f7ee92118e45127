"""Repairing one contact or one group."""

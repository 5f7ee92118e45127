"""Keeping copies of creds.json, and restoring from them."""

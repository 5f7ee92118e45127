"""Kept copies of creds.json, and putting one back."""

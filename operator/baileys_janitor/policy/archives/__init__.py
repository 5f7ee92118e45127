"""Archives and copies: when one is due, which ones are removed, and which may be restored."""

"""Archives and copies: when one is due, which ones go, and what may be put back."""

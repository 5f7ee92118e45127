"""`repair`."""

"""`watch` and `status`."""

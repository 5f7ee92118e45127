"""`clean` and `undo`."""

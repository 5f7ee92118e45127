"""An archive: its manifest, its tar, its encryption."""

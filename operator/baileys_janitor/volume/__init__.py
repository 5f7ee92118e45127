"""A session directory on a volume: scanning, cleaning, repairing, restoring and rotating it."""

"""A session directory on a volume: counting it, cleaning it, and giving back what was taken."""

"""`keep`, and restoring from kept copies of creds.json."""

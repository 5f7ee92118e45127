"""`keystore backup`, `archives`, `drill` and `fingerprints`."""

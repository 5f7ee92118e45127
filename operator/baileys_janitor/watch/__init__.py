"""The resident process for the session directories of one server: small, and without a cluster."""

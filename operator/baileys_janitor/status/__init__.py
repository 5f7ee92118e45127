"""The status of a tenant: composed from its record, in words for people."""

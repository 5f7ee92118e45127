"""Shards of the fleet: which tenants are whose, and which replica looks after which shards."""

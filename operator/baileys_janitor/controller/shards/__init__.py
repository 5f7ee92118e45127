"""Shards of the fleet: which tenants belong to which shard, and which replica manages which shards."""

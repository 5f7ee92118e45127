"""The Jobs of tenants: queued, created, tracked, and their results recorded."""

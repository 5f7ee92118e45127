"""The Jobs of tenants: queued, created, tracked, and their results taken in."""

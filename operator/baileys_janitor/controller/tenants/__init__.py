"""The record of each tenant, and the cache that holds them."""

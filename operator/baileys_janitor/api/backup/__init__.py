"""The group `backup` of settings and status."""

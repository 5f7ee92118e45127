"""Repairs of one contact or group."""

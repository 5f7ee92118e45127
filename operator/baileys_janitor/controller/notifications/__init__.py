"""Notifies targets of incidents: what is wrong now, what was told, what to send."""

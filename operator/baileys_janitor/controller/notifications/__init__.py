"""Notifies targets of incidents: what is wrong now, what was sent, what to send."""

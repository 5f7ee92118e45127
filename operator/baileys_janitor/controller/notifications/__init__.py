"""Notifies targets of incidents: active incidents, sent messages, and messages to send."""

"""Notifications of active incidents: the messages, and the process that sends one."""

"""Tells channels of what holds: the messages, and the process that sends one."""

"""Notifications: the difference between the fleet's current incidents and those already sent.

Status -> `incidents` -> `routes` -> `delivery_state` (the difference) -> `document` -> `render` -> `channels`. Time is
an argument everywhere; only `channels` touches the network, and `secrets` the disk.
"""

"""Notifications: the difference between what holds in the fleet and what was sent already.

Status -> `incidents` -> `routes` -> `delivery_state` (the difference) -> `document` -> `render` -> `channels`. Time is
an argument everywhere; only `channels` touches the network, and `secrets` the disk.
"""

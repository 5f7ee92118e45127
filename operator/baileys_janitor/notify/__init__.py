"""Who is told what: the difference of what holds in the fleet and of what was told already.

Status -> `incidents` -> `routes` -> `ledger` (the difference) -> `document` -> `text` -> `channels`. Time is an
argument everywhere; only what lies in `channels` touches the network, and `secrets` the disk.
"""

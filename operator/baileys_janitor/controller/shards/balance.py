"""Decides which replica takes, requests and hands over which shard. Pure.

There is no list of replicas. Each decides by the Leases alone: it takes free shards, the sooner the fewer it has, and
asks the replica that has the most for some of its shards, until the two differ by one at most.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

STEP_SECONDS = 0.5
"""Seconds that a replica leaves a free shard to others, for each shard that it already has."""


@dataclass(frozen=True, slots=True)
class View:
    """The Leases as one replica sees them."""

    me: str
    holders: Mapping[int, str | None]
    """The holder of each shard; None for no known holder."""
    free: Mapping[int, float] = field(default_factory=dict)
    """For how many seconds each free shard has been free; shards that must not be taken now are omitted."""
    asks: Mapping[int, str] = field(default_factory=dict)
    """The replica that requests each requested shard."""

    def counts(self) -> Counter[str]:
        """Return how many shards each replica holds."""
        return Counter(holder for holder in self.holders.values() if holder is not None)


def to_take(view: View) -> int | None:
    """Return the free shard to take now, None for none."""
    wait = view.counts()[view.me] * STEP_SECONDS
    ripe = sorted(shard for shard, seconds in view.free.items() if seconds >= wait)
    # Replicas that start together begin at different shards, and seldom compete for one.
    return ripe[zlib.crc32(view.me.encode()) % len(ripe)] if ripe else None


def to_ask(view: View) -> list[int]:
    """Return the shards to request from their holder."""
    counts = view.counts()
    mine = counts[view.me] + sum(asker == view.me for asker in view.asks.values())
    if None in view.holders.values() or not (set(counts) - {view.me}):
        return []
    richest = max(set(counts) - {view.me}, key=lambda holder: (counts[holder], holder))
    theirs = counts[richest] - sum(
        view.holders[shard] == richest for shard in view.asks if shard in view.holders
    )
    found = []
    for shard in sorted(view.holders, reverse=True):
        if theirs - mine < 2:
            break
        if view.holders[shard] == richest and shard not in view.asks:
            found.append(shard)
            theirs, mine = theirs - 1, mine + 1
    return found


def to_give(view: View) -> dict[int, str]:
    """Return which of the own shards to hand over, and to which replica."""
    counts = view.counts()
    found = {}
    for shard, asker in sorted(view.asks.items()):
        if view.holders.get(shard) == view.me and counts[view.me] - counts[asker] >= 2:
            found[shard] = asker
            counts[view.me] -= 1
            counts[asker] += 1
    return found

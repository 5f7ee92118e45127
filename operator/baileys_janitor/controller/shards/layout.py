"""The layout of the fleet: each namespace belongs to one of N shards, by a stable hash of its name. Pure.

Everything in a namespace belongs to one shard: its tenants, key stores, sets and operations, and their Jobs and pods.
So one replica sees everything that must be seen together: two tenants on one directory, the limits of a namespace, its
breaker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from baileys_janitor.api import bounded
from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.names import DRILLED_LABEL

Object = Mapping[str, Any]


def shard_of(namespace: str, shards: int) -> int:
    """Return the number of a namespace's shard, from 0; the same in every process and version."""
    if shards == 1:
        return 0
    digest = hashlib.blake2b(namespace.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards


@dataclass(frozen=True, slots=True)
class Shards:
    """The shards that a replica manages, of `count` in all."""

    count: int = 1
    held: frozenset[int] = frozenset({0})

    @property
    def whole(self) -> bool:
        """Whether it manages the whole fleet."""
        return len(self.held) == self.count

    def has(self, namespace: str) -> bool:
        """Return whether a namespace belongs to these shards."""
        return self.whole or shard_of(namespace, self.count) in self.held

    def keeps(self, body: Object) -> bool:
        """Return whether an object belongs to this replica.

        The Job of a drill, and its pod, are in the operator's namespace: they belong to the shard of the tenants whose
        archives are tried. Anybody who writes that label can only make an object of that namespace be ignored.
        """
        if self.whole:
            return True
        meta = bounded.part(body, "metadata")
        drilled = bounded.text(bounded.part(meta, "labels").get(DRILLED_LABEL))
        namespace = drilled or bounded.text(meta.get("namespace"))
        return not namespace or self.has(namespace)

    def part(self, limit: int) -> int:
        """Return these shards' part of a limit of the whole cluster, at least 1."""
        each, rest = divmod(limit, self.count)
        return max(1, sum(each + (shard < rest) for shard in self.held))

    def limited(self, config: OperatorConfig) -> OperatorConfig:
        """Return the configuration with this replica's part of the cluster-wide limits."""
        if self.whole:
            return config
        limits = config.limits.model_copy(
            update={
                "jobs_in_flight": self.part(config.limits.jobs_in_flight),
                "pending_pods": self.part(config.limits.pending_pods),
            }
        )
        return config.model_copy(update={"limits": limits})


ALL = Shards()
"""The only shard, and with it the whole fleet."""

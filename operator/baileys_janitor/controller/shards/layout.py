"""The layout of the fleet: each namespace belongs to one of N shards, by a stable hash of its name. Pure.

Everything of a namespace is of one shard: its tenants, key stores, sets and operations, and their Jobs and pods. So
what must be seen together is seen by one replica: two tenants on one directory, the limits of a namespace, its breaker.
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
    """Return the number of the shard, from 0, that a namespace belongs to; the same in every process and version."""
    if shards == 1:
        return 0
    digest = hashlib.blake2b(namespace.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards


@dataclass(frozen=True, slots=True)
class Shards:
    """The shards that a replica looks after, of `count` in all."""

    count: int = 1
    held: frozenset[int] = frozenset({0})

    @property
    def whole(self) -> bool:
        """Whether it looks after the whole fleet."""
        return len(self.held) == self.count

    def has(self, namespace: str) -> bool:
        """Return whether a namespace is of these shards."""
        return self.whole or shard_of(namespace, self.count) in self.held

    def keeps(self, body: Object) -> bool:
        """Return whether an object is this replica's.

        The Job of a drill, and its pod, lie in the operator's namespace: they are of the shard of the tenants whose
        archives are tried. Whoever writes that label has an object of that namespace overlooked, and no more.
        """
        if self.whole:
            return True
        meta = bounded.part(body, "metadata")
        drilled = bounded.text(bounded.part(meta, "labels").get(DRILLED_LABEL))
        namespace = drilled or bounded.text(meta.get("namespace"))
        return not namespace or self.has(namespace)

    def part(self, limit: int) -> int:
        """Return these shards' part of a limit of the whole cluster, 1 at least."""
        each, rest = divmod(limit, self.count)
        return max(1, sum(each + (shard < rest) for shard in self.held))

    def limited(self, config: OperatorConfig) -> OperatorConfig:
        """Return the configuration with this replica's part of the limits that are the whole cluster's."""
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

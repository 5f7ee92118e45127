"""The records of one shard, from a cache that holds those of several. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from baileys_janitor.controller.shards.layout import Shards
from baileys_janitor.controller.tenants.record_cache import RecordCache
from baileys_janitor.tenants.record import AnyRecord, Key

R = TypeVar("R", bound=AnyRecord)


class ShardRecords(Generic[R]):
    """A read-only view of the cache. `records` is computed at each access, in time proportional to the cache."""

    def __init__(self, cache: RecordCache[R], shards: Shards) -> None:
        self._cache = cache
        self._shards = shards
        self.kind = cache.kind

    @property
    def records(self) -> Mapping[Key, R]:
        """The records by (namespace, name)."""
        if self._shards.whole:
            return self._cache.records
        has = self._shards.has
        return {key: record for key, record in self._cache.records.items() if has(key[0])}

"""The unfinished operations, by their tenant, and a few values of the finished ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from baileys_janitor.api.operations.status import ENDED
from baileys_janitor.api.values import decoding
from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.controller.operations.record import UID_MAX, Key, OperationRecord, read

Object = dict[str, Any]


class Ended(NamedTuple):
    """A finished operation; `time` is its end, in Unix seconds."""

    time: float
    name: str
    uid: str


class OperationCache:
    """Kept current by watch events. Little is kept of a finished operation: there may be twenty for each tenant."""

    def __init__(self) -> None:
        self.active: dict[Key, OperationRecord] = {}
        self._by_tenant: dict[Key, dict[str, OperationRecord]] = {}
        self._ended: dict[Key, dict[str, Ended]] = {}
        self._tenant_of: dict[Key, Key] = {}

    def __len__(self) -> int:
        """Return how many operations are known, including finished ones."""
        return len(self._tenant_of)

    def observe(self, body: Object, now: float) -> OperationRecord | None:
        """Process an operation that was added or changed; return its record unless it is finished or being deleted."""
        meta = decoding.part(body, "metadata")
        key = decoding.text(meta.get("namespace")), decoding.text(meta.get("name"))
        uid = decoding.text(meta.get("uid"), UID_MAX)
        known = self.active.get(key)
        if meta.get("deletionTimestamp"):
            self.forget(key, uid)
            return None
        if known is not None and known.uid == uid:
            if _older(decoding.text(meta.get("resourceVersion")), known.version):
                return known
            known.take(body)
            if known.status.get("phase") in ENDED:
                self.end(known)
                return None
            return known
        fresh = read(body, now)
        self.forget(key)
        self._tenant_of[key] = fresh.tenant_key
        if fresh.status.get("phase") in ENDED:
            self._remember(fresh)
            return None
        self.active[key] = fresh
        self._by_tenant.setdefault(fresh.tenant_key, {})[fresh.name] = fresh
        return fresh

    def end(self, operation: OperationRecord) -> None:
        """Keep only a few values of a finished operation, as stored in the API server."""
        self._drop(operation)
        self._remember(operation)

    def forget(self, key: Key, uid: str = "") -> OperationRecord | None:
        """Drop an operation that was deleted; with a uid, only that one. Return its record unless it was finished."""
        found = self.active.get(key)
        if found is not None and uid and found.uid != uid:
            return None
        tenant = self._tenant_of.pop(key, None)
        if found is not None:
            self._drop(found)
        elif tenant is not None:
            ended = self._ended.get(tenant, {})
            if uid and key[1] in ended and ended[key[1]].uid != uid:
                self._tenant_of[key] = tenant
                return None
            ended.pop(key[1], None)
            if not ended:
                self._ended.pop(tenant, None)
        return found

    def of_tenant(self, tenant: Key) -> list[OperationRecord]:
        """Return the unfinished operations of a tenant, the next one first."""
        return sorted(self._by_tenant.get(tenant, {}).values(), key=lambda each: each.order)

    def ended_of(self, tenant: Key) -> list[Ended]:
        """Return the finished operations of a tenant, latest first."""
        return sorted(self._ended.get(tenant, {}).values(), reverse=True)

    def tenants_with_ended(self) -> Iterable[Key]:
        """Return the tenants that have finished operations."""
        return list(self._ended)

    def records(self) -> Iterator[OperationRecord]:
        """Yield the unfinished operations."""
        yield from list(self.active.values())

    def _drop(self, operation: OperationRecord) -> None:
        self.active.pop(operation.key, None)
        siblings = self._by_tenant.get(operation.tenant_key, {})
        siblings.pop(operation.name, None)
        if not siblings:
            self._by_tenant.pop(operation.tenant_key, None)

    def _remember(self, operation: OperationRecord) -> None:
        when = from_rfc3339(operation.status.get("completionTime")) or operation.created
        ended = Ended(when, operation.name, operation.uid)
        self._tenant_of[operation.key] = operation.tenant_key
        self._ended.setdefault(operation.tenant_key, {})[operation.name] = ended


def _older(version: str, known: str) -> bool:
    """Return whether an event shows the known version, or an older one."""
    try:
        return int(version) <= int(known)
    except ValueError:
        return version == known


def surplus(ended: Iterable[Ended], keep: int, max_age: float, now: float) -> list[Ended]:
    """Return the operations of one tenant to delete: the last `keep` are kept, for `max_age` seconds."""
    newest_first = sorted(ended, reverse=True)
    return [
        each
        for place, each in enumerate(newest_first)
        if place >= keep or each.time <= now - max_age
    ]

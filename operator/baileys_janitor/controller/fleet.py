"""All tenants, and one queue of when each is due next."""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterator
from typing import Any

from baileys_janitor.api.config import OperatorConfig
from baileys_janitor.api.merge import InvalidTenant, effective
from baileys_janitor.api.names import EMERGENCY_ANNOTATION, TOKEN_LENGTH
from baileys_janitor.controller.faults import Fault
from baileys_janitor.controller.tenant import Key, Tenant

Object = dict[str, Any]

SINGLE_WRITER = ("run", "lastCleanup", "lastHandledRequest")
"""Status fields that only the acting operator writes: when they differ, another one has acted."""


class Fleet:
    """The tenants by (namespace, name), kept as the API server's events tell."""

    def __init__(self, config: OperatorConfig) -> None:
        self._config = config
        self.tenants: dict[Key, Tenant] = {}
        self._queue: list[tuple[float, Key]] = []

    def observe(self, body: Object, now: float) -> Tenant:
        """Take in a resource as an event or a read shows it; older versions than the known one are ignored."""
        meta = body["metadata"]
        key = meta["namespace"], meta["name"]
        tenant = self.tenants.get(key)
        if tenant is None or tenant.uid != meta["uid"]:
            tenant = Tenant(meta["namespace"], meta["name"], meta["uid"])
            self.tenants[key] = tenant
            tenant.load(body.get("status"))
            tenant.written_at = tenant.last_scan or now
            self._baseline(tenant, meta, now)
        elif _version(meta) <= _version({"resourceVersion": tenant.resource_version}):
            return tenant
        else:
            self._restore(tenant, body.get("status") or {})
        tenant.resource_version = str(meta.get("resourceVersion") or "")
        tenant.request = _token(meta)
        self._respec(tenant, body)
        return tenant

    def _baseline(self, tenant: Tenant, meta: Object, now: float) -> None:
        # A token that is there at the first sight came with the manifest: recorded, not run.
        if tenant.new:
            tenant.handled_request = _token(meta)
        # So do the timers begin: nothing was missed before the tenant was there.
        tenant.trigger_slot = now if tenant.trigger_slot is None else tenant.trigger_slot
        tenant.daily_slot = now if tenant.daily_slot is None else tenant.daily_slot

    def _restore(self, tenant: Tenant, status: Object) -> None:
        if any(status.get(field) != tenant.stored.get(field) for field in SINGLE_WRITER):
            tenant.load(status)
        else:
            tenant.stored = status

    def _respec(self, tenant: Tenant, body: Object) -> None:
        spec = body.get("spec") or {}
        digest = zlib.crc32(repr(spec).encode("utf-8", "surrogatepass"))
        if tenant.spec_digest == digest and tenant.generation == body["metadata"].get(
            "generation", 1
        ):
            return
        first = tenant.generation == 0
        tenant.spec_digest = digest
        tenant.generation = int(body["metadata"].get("generation") or 1)
        was = tenant.effective
        try:
            tenant.effective = effective(self._config, spec, tenant.name)
        except InvalidTenant as problem:
            tenant.effective = None
            tenant.fault = Fault("InvalidSpec", problem.message)
            return
        if tenant.fault is not None or not first:
            tenant.recovered()
        if not first:
            tenant.rescan = True
        if was is not None and _elsewhere(was, tenant.effective):
            tenant.look = None

    def forget(self, key: Key, uid: str) -> Tenant | None:
        """Drop a tenant that was deleted; None when it is unknown or a namesake."""
        tenant = self.tenants.get(key)
        if tenant is None or tenant.uid != uid:
            return None
        return self.tenants.pop(key)

    def of(self, namespace: str, name: str, uid: str) -> Tenant | None:
        """Return the tenant if it still is the same one."""
        tenant = self.tenants.get((namespace, name))
        return tenant if tenant is not None and tenant.uid == uid else None

    def schedule(self, tenant: Tenant, when: float | None) -> None:
        """Have `due` give this tenant at `when` (Unix seconds); the last call for a tenant counts."""
        if when == tenant.announced:
            return
        tenant.announced = when
        if when is not None:
            heapq.heappush(self._queue, (when, tenant.key))

    def due(self, now: float) -> Iterator[Tenant]:
        """Yield the tenants that are due, the longest overdue first; each must be scheduled anew."""
        while self._queue and self._queue[0][0] <= now:
            when, key = heapq.heappop(self._queue)
            tenant = self.tenants.get(key)
            if tenant is not None and tenant.announced == when:
                tenant.announced = None
                yield tenant

    def next_due(self) -> float | None:
        """Return when the next tenant is due; entries that no longer count are dropped on the way."""
        while self._queue:
            when, key = self._queue[0]
            tenant = self.tenants.get(key)
            if tenant is not None and tenant.announced == when:
                return when
            heapq.heappop(self._queue)
        return None


def _token(meta: Object) -> str | None:
    token = (meta.get("annotations") or {}).get(EMERGENCY_ANNOTATION)
    return str(token)[:TOKEN_LENGTH] if token else None


def _version(meta: Object) -> int:
    # Comparable by KEP-5504; where a server's are no numbers, every event counts as newer.
    try:
        return int(meta.get("resourceVersion") or 0)
    except ValueError:
        return 0


def _elsewhere(before: Any, after: Any) -> bool:
    return bool((before.claim_name, before.path) != (after.claim_name, after.path))

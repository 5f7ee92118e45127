"""All tenants, and the workqueue of when each is due next."""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from baileys_janitor.api.config import OperatorConfig
from baileys_janitor.api.effective import Effective
from baileys_janitor.api.last_valid import InForce, in_force
from baileys_janitor.api.names import EMERGENCY_ANNOTATION, NOTIFY_ANNOTATION, TOKEN_LENGTH
from baileys_janitor.api.timestamps import from_rfc3339
from baileys_janitor.controller.kube import decoding
from baileys_janitor.controller.kube.conditions import MESSAGE_LIMIT, find
from baileys_janitor.controller.tenants.cleanup_state import mark
from baileys_janitor.controller.tenants.directories import Directories, age
from baileys_janitor.controller.tenants.fault import CODE, WHEN_WRITING, Fault
from baileys_janitor.controller.tenants.record import Key, TenantRecord
from baileys_janitor.notify.routes import labels_asked
from baileys_janitor.schedule import slots

Object = dict[str, Any]

WELL = frozenset(
    {
        *(None, "Observing", "DryRun", "Observe", "Suspended"),
        *("CleanupsHeld", "NotScanned", "ScansMissed"),
    }
)
"""Reasons of Ready that speak of no fault."""


def _acts(status: Object) -> tuple[Any, ...]:
    """Return what only the acting operator writes: when it differs, another one has acted."""
    run, cleanup, request = (decoding.status_field(status, name) for name in _ACTS)
    return run, mark(cleanup), request


_ACTS = ("run", "lastCleanup", "lastHandledRequest")


class TenantCache:
    """The tenants by (namespace, name), kept current by watch events."""

    def __init__(self, config: OperatorConfig) -> None:
        self._config = config
        self._labels_asked = labels_asked(config.notifications)
        self.tenants: dict[Key, TenantRecord] = {}
        self._by_namespace: dict[str, dict[str, TenantRecord]] = {}
        self._directories = Directories()
        self._queue: list[tuple[float, Key]] = []

    def observe(self, body: Object, now: float) -> TenantRecord:
        """Take in a resource as an event or a read shows it; older versions than the known one are ignored."""
        meta = body["metadata"]
        key = meta["namespace"], meta["name"]
        tenant = self.tenants.get(key)
        first = tenant is None or tenant.uid != meta["uid"]
        if tenant is None or first:
            if tenant is not None:
                self._forget_directory(tenant)
            tenant = TenantRecord(meta["namespace"], meta["name"], meta["uid"])
            self.tenants[key] = tenant
            self._by_namespace.setdefault(tenant.namespace, {})[tenant.name] = tenant
            stored = decoding.mapping(body.get("status"))
            tenant.load(stored)
            tenant.resource.remember(decoding.status_field(stored, "lastValid"))
            tenant.resource.see(now, from_rfc3339(meta.get("creationTimestamp")) or 0.0)
            tenant.stored.written(min(tenant.scan.last_scan or now, now))
            self._baseline(tenant, meta, now)
        elif _older(meta.get("resourceVersion"), tenant.resource.version):
            return tenant
        else:
            self._restore(tenant, decoding.mapping(body.get("status")))
            if _token(meta) != tenant.resource.request:
                # Somebody asks right now: that waits for no back-off.
                tenant.backoff.hurry(now)
        tenant.resource.set_version(decoding.text(meta.get("resourceVersion")))
        muted = decoding.annotation(meta, NOTIFY_ANNOTATION, len("false ")) == "false"
        tenant.resource.annotate(_token(meta), muted, self._routed_by(meta))
        self._respec(tenant, body, now)
        tenant.cut(now)
        if first:
            _take_up_fault(tenant)
        return tenant

    def _routed_by(self, meta: Object) -> dict[str, str] | None:
        """Return the labels that notification routes ask for; None for none."""
        labels = decoding.part(meta, "labels") if self._labels_asked else {}
        asked = {k: decoding.text(labels[k]) for k in self._labels_asked if k in labels}
        return asked or None

    def _baseline(self, tenant: TenantRecord, meta: Object, now: float) -> None:
        # A token that is there at the first sight came with the manifest: recorded, not run.
        if tenant.new:
            tenant.timers.settle(None, None, _token(meta))
        jitter = self._config.daily_jitter.seconds
        tenant.timers.begin(now, slots.spread(tenant.text, "daily", jitter))

    def _restore(self, tenant: TenantRecord, status: Object) -> None:
        # The watch may show what this operator is writing before the write is answered: that is no other's act.
        stored = tenant.stored.raw
        known = (stored, tenant.stored.sending) if tenant.stored.sending else (stored,)
        if all(_acts(status) != _acts(one) for one in known):
            tenant.load(status)
            if tenant.effective is not None and _elsewhere(tenant.stored.status, tenant.effective):
                tenant.move()
        else:
            tenant.take_stored(status)

    def _respec(self, tenant: TenantRecord, body: Object, now: float) -> None:
        spec = decoding.mapping(body.get("spec"))
        digest = zlib.crc32(repr(spec).encode("utf-8", "surrogatepass"))
        generation = decoding.whole(body["metadata"].get("generation"), 1, 2**62) or 1
        if tenant.resource.digest == digest and tenant.resource.generation == generation:
            return
        first = tenant.resource.generation == 0
        tenant.resource.set_spec(generation, digest)
        was = tenant.effective
        found = in_force(self._config, spec, tenant.name, tenant.resource.last_valid)
        self._set_in_force(tenant, found)
        wanted = found.effective
        if wanted is None:
            return
        if not first:
            if tenant.backoff.hurry(now) or was is None:
                tenant.backoff.set_fault(None)
            tenant.jobs.want_scan()
        # An earlier operator's figures, or a spec that was invalid meanwhile, are compared by what is stored.
        here = _place(wanted)
        stored = decoding.mapping(body.get("status"))
        if _elsewhere(stored, wanted) if was is None else _place(was) != here:
            tenant.move()
        elif was is not None and was.suspend:
            # No scan was missed while none was made.
            tenant.scan.resume(now)

    def _set_in_force(self, tenant: TenantRecord, found: InForce) -> None:
        self._forget_directory(tenant)
        if found.effective is not None:
            self._directories.add(tenant.namespace, tenant.name, found.effective)
        tenant.resource.set_in_force(found)

    def _forget_directory(self, tenant: TenantRecord) -> None:
        if tenant.effective is not None:
            self._directories.remove(tenant.namespace, tenant.name, tenant.effective)

    def elder(self, tenant: TenantRecord) -> TenantRecord | None:
        """Return the eldest tenant whose directory is this tenant's too, or lies around or inside it.

        None where this tenant is the eldest of them.
        """
        if tenant.effective is None:
            return None
        names = self._directories.overlapping(tenant.namespace, tenant.effective)
        same = self._by_namespace.get(tenant.namespace, {})
        eldest = min((same[name] for name in names if name in same), key=age, default=tenant)
        return None if eldest is tenant else eldest

    def forget(self, key: Key, uid: str) -> TenantRecord | None:
        """Drop a tenant that was deleted; None when it is unknown or a namesake."""
        tenant = self.tenants.get(key)
        if tenant is None or tenant.uid != uid:
            return None
        self._forget_directory(tenant)
        soon_due = self._by_namespace[tenant.namespace]
        soon_due.pop(tenant.name, None)
        if not soon_due:
            del self._by_namespace[tenant.namespace]
        return self.tenants.pop(key)

    def namespaces(self) -> int:
        """Return in how many namespaces there are tenants."""
        return len(self._by_namespace)

    def in_namespace(self, namespace: str) -> Iterable[TenantRecord]:
        """Return the tenants of one namespace."""
        return self._by_namespace.get(namespace, {}).values()

    def of(self, namespace: str, name: str, uid: str) -> TenantRecord | None:
        """Return the tenant if it still is the same one."""
        tenant = self.tenants.get((namespace, name))
        return tenant if tenant is not None and tenant.uid == uid else None

    def schedule(self, tenant: TenantRecord, when: float | None) -> None:
        """Have `due` give this tenant at `when` (Unix seconds); the last call for a tenant counts."""
        if when == tenant.queue.due:
            return
        tenant.queue.schedule(when)
        if when is not None:
            heapq.heappush(self._queue, (when, tenant.key))
            self._tidy()

    def _tidy(self) -> None:
        # Entries that no longer count stay until their time; so many tenants' must not pile up.
        if len(self._queue) > 64 + 4 * len(self.tenants):
            self._queue = sorted(
                (tenant.queue.due, key)
                for key, tenant in self.tenants.items()
                if tenant.queue.due is not None
            )

    def shift(self, step: float) -> None:
        """Move every tenant's times, and when each is due, with the clock that was set by `step` seconds."""
        self._queue = [(when + step, key) for when, key in self._queue]
        for tenant in self.tenants.values():
            tenant.shift(step)

    def due(self, now: float) -> Iterator[TenantRecord]:
        """Yield the tenants that are due, the longest overdue first; each must be scheduled anew."""
        while self._queue and self._queue[0][0] <= now:
            when, key = heapq.heappop(self._queue)
            tenant = self.tenants.get(key)
            if tenant is not None and tenant.queue.due == when:
                tenant.queue.schedule(None)
                yield tenant

    def next_due(self) -> float | None:
        """Return when the next tenant is due; entries that no longer count are dropped on the way."""
        while self._queue:
            when, key = self._queue[0]
            tenant = self.tenants.get(key)
            if tenant is not None and tenant.queue.due == when:
                return when
            heapq.heappop(self._queue)
        return None


def _token(meta: Object) -> str | None:
    return decoding.annotation(meta, EMERGENCY_ANNOTATION, TOKEN_LENGTH)


def _older(version: Any, known: str) -> bool:
    """Return whether an event shows what is known already, or less.

    Versions are comparable by KEP-5504; where a server's are no numbers, every other one counts as newer.
    """
    try:
        return int(version) <= int(known)
    except (TypeError, ValueError):
        return str(version) == known


def _place(effective: Effective) -> tuple[str, str]:
    return effective.claim_name, effective.path


def _elsewhere(stored: Object, effective: Effective) -> bool:
    """Return whether the stored figures are of another directory."""
    volume = decoding.status_field(stored, "volume") or {}
    if not volume.get("claimName"):
        return False
    return (volume["claimName"], volume.get("path")) != _place(effective)


def _take_up_fault(tenant: TenantRecord) -> None:
    """Keep the fault that an earlier operator published until a look disproves it: a restart ends none."""
    told_of_this_spec = tenant.stored.generation == tenant.resource.generation
    if tenant.effective is None or not told_of_this_spec or tenant.stored.readiness in WELL:
        return
    ready = find(tenant.stored.status.get("conditions"), "Ready") or {}
    reason = str(ready.get("reason"))
    if not CODE.fullmatch(reason):
        return
    stalled = ready.get("status") == "False"
    fault = Fault(reason, str(ready.get("message"))[:MESSAGE_LIMIT], stalled)
    if fault.reason in WHEN_WRITING:
        tenant.backoff.set_work_fault(fault)
    elif fault.reason != "InvalidSpec":
        tenant.backoff.set_fault(fault)

"""The records of one kind of resource, kept current by watch events, and the workqueue of their due times."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Generic, TypeVar

from baileys_janitor.api.conditions.conditions import MESSAGE_LIMIT, find
from baileys_janitor.api.names import EMERGENCY_ANNOTATION, TOKEN_LENGTH
from baileys_janitor.api.values import decoding
from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.controller.tenants.annotations import is_muted, problem
from baileys_janitor.schedule import slots
from baileys_janitor.tenants.backup_state import attempts
from baileys_janitor.tenants.cleanup_state import mark
from baileys_janitor.tenants.fault import CODE, WHEN_WRITING, Fault
from baileys_janitor.tenants.record import AnyRecord, Key
from baileys_janitor.tenants.workqueue import WorkQueue

Object = dict[str, Any]
R = TypeVar("R", bound=AnyRecord)

WELL = frozenset(
    {
        *(None, "Observing", "DryRun", "Observe", "Suspended"),
        *("CleanupsHeld", "NotScanned", "ScansMissed"),
    }
)
"""Reasons of Ready that are no fault."""


class RecordCache(ABC, Generic[R]):
    """The records of one kind by (namespace, name). `jitter` is the time over which daily cleanups are spread, in
    seconds.
    """

    kind: ClassVar[str]
    """The kind of their resource, in the singular, as in kubectl commands."""

    def __init__(self, jitter: float) -> None:
        self._jitter = jitter
        self.records: dict[Key, R] = {}
        self._queue = WorkQueue(self.records)

    @abstractmethod
    def create(self, namespace: str, name: str, uid: str) -> R:
        """Return a new record; it replaces an earlier one of that name."""

    @abstractmethod
    def respec(self, record: R, body: Object, now: float) -> None:
        """Process the spec of a resource."""

    def first_seen(self, record: R, stored: Object) -> None:
        """Load the other values of a stored status, when its resource is seen for the first time."""

    def restored(self, record: R) -> None:
        """Follow up on a status that another operator has written."""

    def routed_by(self, meta: Object) -> dict[str, str] | None:  # noqa: ARG002 - for those that have routes
        """Return the labels that notification routes select by; None for none."""
        return None

    def observe(self, body: Object, now: float) -> R:
        """Process a resource from an event or a read; versions older than the known one are ignored."""
        meta = body["metadata"]
        key = meta["namespace"], meta["name"]
        record = self.records.get(key)
        first = record is None or record.uid != meta["uid"]
        if record is None or first:
            record = self.records[key] = self.create(*key, meta["uid"])
            stored = decoding.mapping(body.get("status"))
            record.load(stored)
            self.first_seen(record, stored)
            record.resource.see(now, from_rfc3339(meta.get("creationTimestamp")) or 0.0)
            record.stored.written(min(record.last_scan or now, now))
            self._baseline(record, meta, now)
        elif _older(meta.get("resourceVersion"), record.resource.version):
            return record
        else:
            self._restore(record, decoding.mapping(body.get("status")))
            if _token(meta) != record.resource.request:
                # Somebody requests a cleanup right now: that waits for no back-off.
                record.backoff.hurry(now)
        record.resource.set_version(decoding.text(meta.get("resourceVersion")))
        routed_by = self.routed_by(meta)
        record.resource.annotate(_token(meta), is_muted(meta), routed_by, problem(meta))
        self.respec(record, body, now)
        record.cut(now)
        if first:
            _take_up_fault(record)
        return record

    def _baseline(self, record: R, meta: Object, now: float) -> None:
        # A token that exists at the first sight came with the manifest: recorded, not run.
        if record.new:
            record.timers.settle(None, None, _token(meta))
        record.timers.begin(now, slots.spread(record.text, "daily", self._jitter))

    def _restore(self, record: R, status: Object) -> None:
        # The watch may show this operator's own write before its answer: that is no act of another operator.
        stored = record.stored.raw
        known = (stored, record.stored.sending) if record.stored.sending else (stored,)
        if all(_acts(record, status) != _acts(record, one) for one in known):
            record.load(status)
            self.restored(record)
        else:
            record.take_stored(status)

    def forget(self, key: Key, uid: str) -> R | None:
        """Drop a resource that was deleted; None when it is unknown or a namesake."""
        record = self.records.get(key)
        if record is None or record.uid != uid:
            return None
        return self.records.pop(key)

    def of(self, namespace: str, name: str, uid: str) -> R | None:
        """Return the record if the resource is still the same one."""
        record = self.records.get((namespace, name))
        return record if record is not None and record.uid == uid else None

    def schedule(self, record: R, when: float | None) -> None:
        """Schedule this record, so that `due` yields it at `when` (Unix seconds). Only the last call for a record
        counts.
        """
        self._queue.schedule(record, when)

    def shift(self, step: float) -> None:
        """Move the times and due times of every record with the clock, which was set by `step` seconds."""
        self._queue.shift(step)
        for record in self.records.values():
            record.shift(step)

    def due(self, now: float) -> Iterator[R]:
        """Yield the records that are due, the longest overdue first. The caller must schedule each of them again."""
        return self._queue.due(now)

    def next_due(self) -> float | None:
        """Return when the next record is due."""
        return self._queue.next_due()


def _acts(record: AnyRecord, status: Object) -> tuple[Any, ...]:
    """Return the values that only the acting operator writes: if they differ, another one has acted."""
    names = ("run", record.cleanup.last_field, "lastHandledRequest", "backup")
    run, cleanup, request, backup = (record.stored.reader.field(status, name) for name in names)
    return run, mark(cleanup), request, attempts(backup)


def _token(meta: Object) -> str | None:
    return decoding.annotation(meta, EMERGENCY_ANNOTATION, TOKEN_LENGTH)


def _older(version: Any, known: str) -> bool:
    """Return whether an event shows the known version, or an older one.

    Versions are comparable by KEP-5504; if a server's are no numbers, every different one counts as newer.
    """
    try:
        return int(version) <= int(known)
    except (TypeError, ValueError):
        return str(version) == known


def _take_up_fault(record: AnyRecord) -> None:
    """Keep the fault that an earlier operator published until a scan disproves it: a restart does not clear it."""
    told_of_this_spec = record.stored.generation == record.resource.generation
    if record.effective is None or not told_of_this_spec or record.stored.readiness in WELL:
        return
    ready = find(record.stored.status.get("conditions"), "Ready") or {}
    reason = str(ready.get("reason"))
    if not CODE.fullmatch(reason):
        return
    stalled = ready.get("status") == "False"
    fault = Fault(reason, str(ready.get("message"))[:MESSAGE_LIMIT], stalled)
    if fault.reason in WHEN_WRITING:
        record.backoff.set_work_fault(fault)
    elif fault.reason != "InvalidSpec":
        record.backoff.set_fault(fault)

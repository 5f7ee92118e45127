"""One operation that has stopped a workload, or is about to: its stored state and its progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from baileys_janitor.api import bounded
from baileys_janitor.api.names import GROUP
from baileys_janitor.api.operations.spec import QUIESCE, STOPPING
from baileys_janitor.api.operations.status import BACKING_UP, BEFORE, PENDING, WORKING
from baileys_janitor.api.values.timestamps import from_rfc3339, to_rfc3339
from baileys_janitor.quiesce.limits import Limits
from baileys_janitor.quiesce.record import OUTCOMES, QuiesceRecord
from baileys_janitor.quiesce.workload import PLURALS, REPLICAS_MAX

Object = dict[str, Any]
Key = tuple[str, str]
FINALIZER: Final = f"{GROUP}/resume"
"""Keeps an operation until its stopped workload is no longer ours to start."""
UID_MAX = 128


@dataclass(frozen=True, slots=True)
class Request:
    """The request. `kind` is empty for the method Manual, which stops nothing and only waits for the pods."""

    kind: str = ""
    workload: str = ""
    accepted: bool = False
    """Whether other tenants may be stopped as well."""
    limits: Limits = field(default_factory=Limits)


@dataclass(slots=True, eq=False)
class Hold:
    """Times are Unix seconds. `failed` is a reason and a sentence once it is known that the claim cannot be quiet."""

    namespace: str
    name: str
    uid: str
    tenant: str
    begun: float
    request: Request
    version: str = ""
    held: bool = False
    deleting: bool = False
    orphaned: bool = False
    """Whether the operation is gone although it was held: somebody has removed the finalizer."""
    record: QuiesceRecord | None = None
    finalizers: tuple[str, ...] = ()
    conditions: tuple[Object, ...] = ()
    generation: int = 1
    phase: str = ""
    action: str = ""
    asked: bool = False
    """Whether the request has `spec.quiesce`."""
    wanted: bool = False
    """Whether the claim is to be made quiet; if not, the recorded state is only maintained."""
    resume: str = ""
    """Why the workload is to be started again; empty if it is not."""
    unsure: float = 0.0
    quiet: bool = False
    quiet_once: bool = False
    failed: tuple[str, str] | None = None
    waits: str = ""
    over: bool = False
    again: float = 0.0
    hurried: bool = False
    """Whether an event came meanwhile that needs another pass at once."""
    resume_since: float | None = None
    """Since when the workload is to be started again."""
    busy: bool = False
    failures: int = 0

    @property
    def key(self) -> Key:
        """(namespace, name)."""
        return self.namespace, self.name

    @property
    def text(self) -> str:
        """namespace/name, for logs."""
        return f"{self.namespace}/{self.name}"

    @property
    def awaited(self) -> bool:
        """Return whether the operation will want the claim to be quiet once it has been processed."""
        if self.orphaned:
            return False
        if self.action == QUIESCE:
            return self.phase == WORKING
        return self.is_around and self.phase in {*BEFORE, WORKING}

    @property
    def is_around(self) -> bool:
        """Return whether the claim is to be quiet only during another action of the operation."""
        return self.action in STOPPING and self.asked

    @property
    def is_done(self) -> bool:
        """Return whether an operation no longer needs the claim to be quiet, whatever its outcome is."""
        return self.is_around and self.phase not in {"", PENDING, *BEFORE, WORKING}

    @property
    def holds(self) -> bool:
        """Return whether a workload may be down because of it, or its finalizer must be removed."""
        return self.held or (self.record is not None and self.record.holds)

    def hurry(self) -> None:
        """Schedule a pass at once, or another one right after the pass that is under way."""
        self.again = 0.0
        self.hurried = True

    def overdue(self, now: float) -> float:
        """Return for how many seconds the workload should have been started again; 0 while it may be stopped."""
        record = self.record
        if record is None or not record.holds or record.stopped is None:
            return 0.0
        latest = record.since + self.request.limits.max_duration
        return max(0.0, now - (latest if self.resume_since is None else self.resume_since))

    def take(self, body: Object) -> None:
        """Read the operation from the API server's object."""
        meta = bounded.part(body, "metadata")
        self.version = bounded.text(meta.get("resourceVersion"))
        listed = meta.get("finalizers")
        self.finalizers = tuple(each for each in listed or () if isinstance(each, str))
        self.held = FINALIZER in self.finalizers
        self.deleting = bool(meta.get("deletionTimestamp"))
        self.conditions = tuple(bounded.objects(bounded.part(body, "status").get("conditions")))
        spec = bounded.part(body, "spec")
        self.action = bounded.text(spec.get("action"))
        self.asked = isinstance(spec.get("quiesce"), dict)
        self.phase = bounded.text(bounded.part(body, "status").get("phase"))
        if self.is_around and self.phase in {BACKING_UP, WORKING}:
            # It reached this phase only because nothing used the claim.
            self.quiet_once = True
        self.generation = bounded.whole(meta.get("generation"), 1, 2**62) or 1
        stored = decode(bounded.part(body, "status").get("quiesce"), self.request)
        if stored is not None or self.record is None or not self.record.holds:
            # A record that somebody has removed from the status is kept here, and written again.
            self.record = stored


def decode(value: object, request: Request) -> QuiesceRecord | None:
    """Read a record; None if it is invalid, or about another workload than the operation was asked to stop.

    Anybody who can write the statuses of operations can write this, so it starts nothing that the request does not
    name.
    """
    found = bounded.mapping(value)
    about = bounded.part(found, "workload")
    kind, name = bounded.text(about.get("kind")), bounded.text(about.get("name"))
    replicas = bounded.whole(found.get("replicas"), 1, REPLICAS_MAX)
    since, uid = from_rfc3339(found.get("since")), bounded.text(found.get("uid"), UID_MAX)
    if (kind, name) != (request.kind, request.workload) or kind not in PLURALS:
        return None
    if replicas is None or since is None or not uid:
        return None
    outcome = bounded.text(found.get("outcome"))
    return QuiesceRecord(
        kind,
        name,
        uid,
        replicas,
        since,
        from_rfc3339(found.get("stopTime")),
        from_rfc3339(found.get("quietTime")),
        outcome if outcome in OUTCOMES else "",
    )


def encode(record: QuiesceRecord, ended: float | None) -> Object:
    """Return a record in the form of the status; `ended` is when its outcome became known."""
    return {
        "workload": {"kind": record.kind, "name": record.name},
        "uid": record.uid,
        "replicas": record.replicas,
        "since": to_rfc3339(record.since),
        "stopTime": None if record.stopped is None else to_rfc3339(record.stopped),
        "quietTime": None if record.quiet is None else to_rfc3339(record.quiet),
        "outcome": record.outcome or None,
        "endTime": None if ended is None else to_rfc3339(ended),
    }

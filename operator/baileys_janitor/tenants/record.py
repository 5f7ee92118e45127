"""The record of one tenant: begins with the stored status, authoritative while the operator runs.

The status in the API server is the store of this record, not a second source of truth: it is read when the tenant is
first seen and after a conflict, and written by `status.compose`. Times are Unix seconds.

Each part of the record changes through its own methods alone: no other module assigns to its fields, and a test
(`tests/controller/pure/test_record.py`) enforces that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from baileys_janitor.api.config.effective import Effective, EffectiveSettings
from baileys_janitor.api.config.last_valid import InForce
from baileys_janitor.api.names import KIND, PLURAL
from baileys_janitor.api.values import decoding
from baileys_janitor.job.result import ScanResult
from baileys_janitor.tenants.backoff import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Backoff,
)
from baileys_janitor.tenants.backup_state import BackupState
from baileys_janitor.tenants.cleanup_state import CleanupState
from baileys_janitor.tenants.copies_state import CopiesState
from baileys_janitor.tenants.directory_faults import of_directory
from baileys_janitor.tenants.fault import INTERNAL_ERROR, Fault
from baileys_janitor.tenants.scan_state import ScanState
from baileys_janitor.tenants.stored_status import StoredStatus
from baileys_janitor.tenants.timers import Timers

Object = dict[str, Any]
Key = tuple[str, str]
"""(namespace, name)."""


S = TypeVar("S", bound=EffectiveSettings)


@dataclass(slots=True)
class Resource(Generic[S]):
    """The resource as the watch reports it."""

    version: str = ""
    generation: int = 0
    effective: S | None = None
    """The settings in force; None while the spec is invalid and the directory is unknown."""
    invalid: Fault | None = None
    """Why the spec is invalid, and which settings are used meanwhile."""
    meanwhile: str = ""
    """The part of that message about the settings that are used."""
    last_valid: str | None = None
    """The last valid spec, as stored in the status."""
    digest: int = 0
    request: str | None = None
    """The value of the annotation, whether handled or not."""
    labels: Mapping[str, str] | None = None
    """The labels that a notification route selects by; None for none, as is usual."""
    muted: bool = False
    """Whether notifications about it are muted."""
    unknown: str | None = None
    """Why an annotation with the janitor's prefix is invalid, as a sentence; None if there is no problem."""
    created: float = 0.0
    """When the resource was created, by the API server's clock."""
    seen_at: float | None = None
    """When this operator first saw the tenant: the count of an earlier operator stays valid for a while from here."""

    def see(self, now: float, created: float) -> None:
        """Record when the resource was first seen, and when it was created."""
        self.seen_at, self.created = now, created

    def set_version(self, version: str) -> None:
        """Record the known version of the resource."""
        self.version = version

    def annotate(
        self,
        request: str | None,
        muted: bool,
        labels: Mapping[str, str] | None,
        unknown: str | None = None,
    ) -> None:
        """Record the metadata that people set."""
        self.request, self.muted, self.labels, self.unknown = request, muted, labels, unknown

    def set_spec(self, generation: int, digest: int) -> None:
        """Record which spec is in force."""
        self.generation, self.digest = generation, digest

    def set_effective(self, effective: S | None, invalid: Fault | None = None) -> None:
        """Record the settings in force, and why the spec is invalid."""
        self.effective, self.invalid = effective, invalid

    def set_in_force(self: Resource[Effective], found: InForce) -> None:
        """Record the settings in force, which may be those of the last valid spec."""
        self.last_valid, self.meanwhile = found.last_valid, found.meanwhile
        invalid = None
        if found.problem is not None:
            invalid = Fault("InvalidSpec", f"{found.problem.message} {found.meanwhile}")
        self.set_effective(found.effective, invalid)

    def remember(self, last_valid: str | None) -> None:
        """Store the last valid spec from the status."""
        self.last_valid = last_valid

    def shift(self, step: float) -> None:
        """Move the times with the clock."""
        self.seen_at = self.seen_at + step if self.seen_at else self.seen_at

    def cut(self, now: float) -> None:
        """Cut times in the future."""
        self.seen_at = None if self.seen_at is None else min(self.seen_at, now)


SCANS = frozenset({"scan", "keys-scan"})
"""Actions of Jobs that only read."""


@dataclass(slots=True)
class JobState:
    """The Jobs under way for one tenant, and the scan it waits for."""

    scan: str | None = None
    scan_since: float = 0.0
    """When the scan under way began (Unix seconds)."""
    work: str | None = None
    """Names of the Jobs under way: a scan's, and a cleanup's or purge's."""
    waiting: bool = False
    """Whether its scan is due and waits in the job queue."""
    rescan: bool = False
    """Whether a scan is wanted at once: after a change of the spec, or after a cleanup."""
    operation: str | None = None
    """Name of the operation that has reserved the tenant: meanwhile no other Job of the tenant begins."""
    max_batch: int | None = None
    """How many tenants its scan's pod may hold after one pod got stuck; None for no limit beyond the usual one."""

    def start(self, action: str, name: str, now: float) -> None:
        """Record a Job that is created."""
        if action in SCANS:
            self.scan, self.scan_since = name, now
        else:
            self.work = name

    def end(self, name: str) -> None:
        """Record that a Job has ended, or was never created."""
        self.scan = None if self.scan == name else self.scan
        self.work = None if self.work == name else self.work

    def reserve(self, operation: str | None) -> None:
        """Record which operation has reserved the tenant; None for none."""
        self.operation = operation

    def wait(self, waiting: bool = True) -> None:
        """Record whether a scan waits in the job queue."""
        self.waiting = waiting

    def want_scan(self, rescan: bool = True) -> None:
        """Record whether a scan is wanted at once."""
        self.rescan = rescan

    def shift(self, step: float) -> None:
        """Move the times with the clock."""
        self.scan_since += step

    def limit_batch(self, most: int | None) -> None:
        """Limit how many tenants share its scan's pod."""
        self.max_batch = most


@dataclass(slots=True)
class QueueEntry:
    """The tenant's place in the workqueue."""

    considered_at: float = 0.0
    busy: bool = False
    """Whether a worker is busy with this tenant: only one works on it at a time."""
    due: float | None = None
    """The due time for which the workqueue holds an entry."""

    def consider(self, now: float) -> None:
        """Record the time of this decision."""
        self.considered_at = now

    def work(self, busy: bool = True) -> None:
        """Record whether a worker is busy with this tenant."""
        self.busy = busy

    def schedule(self, when: float | None) -> None:
        """Record when the tenant is due; None while it is not in the workqueue."""
        self.due = when

    def shift(self, step: float) -> None:
        """Move the times with the clock."""
        self.considered_at += step if self.considered_at else 0.0
        self.due = None if self.due is None else self.due + step

    def cut(self, now: float) -> None:
        """Cut times in the future."""
        self.considered_at = min(self.considered_at, now)


class Timed(Protocol):
    def shift(self, step: float) -> None: ...


class Bounded(Timed, Protocol):
    def cut(self, now: float) -> None: ...


@dataclass(slots=True)
class BaseRecord(Generic[S]):
    """The common part of the records of tenants and of key stores."""

    kind: ClassVar[str]
    plural: ClassVar[str]
    """The resource's kind, and its plural name as in URLs."""
    log_field: ClassVar[str]
    """The field of a log line that names it."""
    unit: ClassVar[str]
    """The counted unit, in the singular."""

    namespace: str
    name: str
    uid: str
    resource: Resource[S] = field(default_factory=Resource)
    stored: StoredStatus = field(default_factory=StoredStatus)
    cleanup: CleanupState = field(init=False)
    copies: CopiesState = field(default_factory=CopiesState)
    """The kept copies of creds.json; used for tenants only."""
    backup: BackupState = field(default_factory=BackupState)
    timers: Timers = field(default_factory=Timers)
    backoff: Backoff = field(default_factory=Backoff)
    jobs: JobState = field(default_factory=JobState)
    queue: QueueEntry = field(default_factory=QueueEntry)

    def __post_init__(self) -> None:
        self.cleanup = CleanupState(self.stored)

    @property
    def effective(self) -> S | None:
        """The settings in force; None while the spec is invalid and no others can be used instead."""
        return self.resource.effective

    @property
    def invalid(self) -> Fault | None:
        """Why the spec is invalid."""
        return self.resource.invalid

    @property
    def fault(self) -> Fault | None:
        """Why it cannot be scanned or cleaned."""
        return self.backoff.fault

    @property
    def run(self) -> Object | None:
        """The claimed run."""
        return self.cleanup.run

    @property
    def edition(self) -> tuple[int, int]:
        """The version that a decision was based on: (acts of other operators, generation of the spec)."""
        return self.stored.editions, self.resource.generation

    @property
    def key(self) -> Key:
        """(namespace, name)."""
        return self.namespace, self.name

    @property
    def text(self) -> str:
        """namespace/name: for logs, and the key of all jitter."""
        return f"{self.namespace}/{self.name}"

    @property
    def last_scan(self) -> float | None:
        """When it was last scanned, by any process."""
        raise NotImplementedError

    @property
    def found(self) -> tuple[int, int] | None:
        """The counts of the last scan: all counted, and removable; None before the first scan."""
        raise NotImplementedError

    @property
    def company(self) -> str:
        """Its further name, besides its own."""
        return self.name

    def load(self, stored: Object | None) -> None:
        """Load the stored status. Values of a wrong type or out of bounds are dropped, and learned again."""
        raise NotImplementedError

    @property
    def new(self) -> bool:
        """Whether no operator has ever written the status."""
        return self.stored.generation < 0

    def fail(
        self,
        fault: Fault,
        now: float,
        first: float = FIRST_PAUSE_SECONDS,
        longest: float = LONGEST_PAUSE_SECONDS,
    ) -> None:
        """Record a fault and back off."""
        self.backoff.fail(fault, now, first, longest)

    def crash(self, now: float) -> None:
        """Record an unexpected exception, and back off."""
        self.backoff.crash(INTERNAL_ERROR, now)

    def recover(self) -> None:
        """Clear the fault: something has worked."""
        self.backoff.recover()

    def take_stored(self, stored: Object) -> None:
        """Record which of this operator's own values the API server has stored."""
        self.stored.take(stored)
        self.cleanup.sum_up()

    def _parts(self) -> tuple[Bounded, ...]:
        return self.resource, self.stored, self.timers, self.backoff, self.queue, self.backup

    def shift(self, step: float) -> None:
        """Move every time with the clock, which was set by `step` seconds, so that durations stay the same.

        Calendar times stay: the timers' slots, and times from the volume.
        """
        parts: tuple[Timed, ...] = (*self._parts(), self.cleanup, self.jobs)
        for part in parts:
            part.shift(step)

    def cut(self, now: float) -> None:
        """Cut every time that lies too far in the future: a wrong clock has written it."""
        for part in self._parts():
            part.cut(now)
        # With settings other than its own, no time may be shortened.
        known = None if self.effective is None or self.effective.scans_only else self.effective
        self.cleanup.cut(
            now,
            None if known is None else known.cooldown,
            None if known is None else known.emergency_cooldown,
        )


AnyRecord = BaseRecord[Any]
"""The record of a tenant or of a key store."""


@dataclass(slots=True)
class TenantRecord(BaseRecord[Effective]):
    """One `BaileysTenant`."""

    kind: ClassVar[str] = KIND
    plural: ClassVar[str] = PLURAL
    log_field: ClassVar[str] = "tenant"
    unit: ClassVar[str] = "file"

    scan: ScanState = field(default_factory=ScanState)

    @property
    def look(self) -> ScanResult | None:
        """The last scan of its directory."""
        return self.scan.look

    @property
    def last_scan(self) -> float | None:
        """When its files were last counted, by any process."""
        return self.scan.last_scan

    @property
    def found(self) -> tuple[int, int] | None:
        """The counted files of the last scan, and how many of them can be removed; None before the first scan."""
        return (self.scan.counted, self.scan.reclaimable) if self.scan.counts else None

    @property
    def company(self) -> str:
        """The company, as in metrics and messages."""
        return self.effective.company_id if self.effective is not None else self.name

    def fault_of(self, code: str) -> Fault:
        """Return the fault for a result's error code (`volume.errors`), with its way out."""
        return of_directory(code)

    def move(self) -> None:
        """Start again with another directory."""
        self.scan.forget()
        self.copies.forget()
        self.jobs.want_scan()

    def load(self, stored: Object | None) -> None:
        """Load the stored status. Values of a wrong type or out of bounds are dropped, and learned again."""
        self.stored.take_anew(stored or {})
        status = {name: decoding.status_field(stored, name) for name in _LOADED}
        self.scan.load(status)
        self.copies.load(status["credentialsCopies"])
        self.cleanup.load(status)
        self.timers.load(status)
        self.backup.load(status["backup"] or {})
        self.stored.share(self.backup.known)
        self._take_up_backups()

    def take_stored(self, stored: Object) -> None:
        """Record which of this operator's own values the API server has stored."""
        BaseRecord.take_stored(self, stored)
        self.stored.share(self.backup.known)

    def _take_up_backups(self) -> None:
        """Drop claimed backups: Jobs that still run are found by their labels."""
        self.backup.release()

    def _parts(self) -> tuple[Bounded, ...]:
        return (*BaseRecord._parts(self), self.scan, self.copies)


_LOADED = (
    *("lastScanTime", "running", "activeSince", "growthPerDay", "identity", "trash", "run"),
    *("credentialsCopies", "timers", "cooldownUntil", "emergencyCooldownUntil"),
    *("lastHandledRequest", "conditions", "backup"),
)
"""Fields of the status that `load` reads."""

"""What the operator remembers of one tenant: begun from the stored status, authoritative while it runs.

The status in the API server is this record's store, not a second truth: it is read when the tenant is first
seen and after a conflict, and written by `status.compose`. Times are Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from baileys_janitor.api.effective import Effective
from baileys_janitor.api.status import TenantStatus
from baileys_janitor.controller.clock import from_rfc3339
from baileys_janitor.controller.faults import Fault
from baileys_janitor.job.result import ScanResult

Object = dict[str, Any]
Key = tuple[str, str]
"""(namespace, name)."""


@dataclass(slots=True)
class Suspicion:
    """Successive looks that found the same creds.json unreadable."""

    token: str
    since: float
    looks: int


@dataclass(slots=True)
class Tenant:
    """One `BaileysTenant`."""

    namespace: str
    name: str
    uid: str
    resource_version: str = ""
    generation: int = 0
    effective: Effective | None = None
    spec_digest: int = 0
    request: str | None = None
    """The value of the annotation, whether handled or not."""
    stored: Object = field(default_factory=dict)
    """The status as the API server has it."""
    written_at: float = 0.0

    look: ScanResult | None = None
    last_scan: float | None = None
    known: bool = False
    """Whether an earlier look is on record: then `active_since` None means stopped, not unknown."""
    active_since: float | None = None
    growth: float | None = None
    anchor: tuple[float, int] | None = None
    """The count (time, counted) that growth is measured from."""
    fingerprint: str = ""
    re_paired: tuple[float, str] | None = None
    suspicion: Suspicion | None = None

    run: Object | None = None
    last_cleanup: Object | None = None
    history: list[Object] = field(default_factory=list)
    cooldown_until: float | None = None
    emergency_cooldown_until: float | None = None
    trigger_slot: float | None = None
    daily_slot: float | None = None
    handled_request: str | None = None

    fault: Fault | None = None
    failures: int = 0
    retry_at: float = 0.0
    """No Job for this tenant before this time: the back-off after a fault."""
    hold_until: float = 0.0
    """No automatic Emergency cleanup before this time: the last one had nothing to show for it."""
    attempts: int = 0
    """Jobs made for the claimed run so far."""
    scan_job: str | None = None
    work_job: str | None = None
    """Names of the Jobs under way: a scan's, and a cleanup's or purge's."""
    trash: tuple[int, float] | None = None
    """Runs in the trash, and when the oldest of them ran."""
    unused_since: float | None = None
    """Since when no running pod has been seen to use the claim."""
    checked_at: float | None = None
    """When a scan was last made, or found needless because nothing uses the claim."""
    rescan: bool = False
    """Whether a scan is wanted at once: the spec has changed, or a cleanup asks what is left."""
    considered_at: float = 0.0
    busy: bool = False
    """Whether a task of the operator is at work on this tenant: one at a time."""
    stale: bool = False
    """Whether the stored resource must be read again before anything is written."""
    announced: float | None = None
    """The due time for which the queue holds an entry."""

    @property
    def key(self) -> Key:
        """(namespace, name)."""
        return self.namespace, self.name

    @property
    def text(self) -> str:
        """namespace/name: for logs, and what jitter hangs on."""
        return f"{self.namespace}/{self.name}"

    @property
    def new(self) -> bool:
        """Whether no operator has ever written this tenant's status."""
        return int(self.stored.get("observedGeneration", -1)) < 0

    @property
    def counts(self) -> bool:
        """Whether the last look counted the files; False before it and when it failed."""
        return self.look is not None and self.look.error is None and self.look.counted is not None

    @property
    def counted(self) -> int:
        """Counted files at the last look."""
        return (self.look.counted or 0) if self.look is not None else 0

    @property
    def reclaimable(self) -> int:
        """Files that the retention would have removed at the last look."""
        return (self.look.reclaimable or 0) if self.look is not None else 0

    def back_off(self, fault: Fault, now: float, first: float = 15.0, most: float = 1800.0) -> None:
        """Note a fault: the next Job waits twice as long each time, from `first` up to `most` seconds."""
        self.fault = fault
        self.retry_at = now + min(most, first * 2.0 ** min(self.failures, 16))
        self.failures += 1

    def recovered(self) -> None:
        """Forget the fault: something has worked."""
        self.fault = None
        self.failures = 0
        self.retry_at = 0.0

    def load(self, stored: Object | None) -> None:
        """Take what the stored status says; what does not parse is learned again."""
        self.stored = stored or {}
        status = TenantStatus.read(stored).to_wire()
        timers = status.get("timers") or {}
        identity = status.get("identity") or {}
        self.last_scan = from_rfc3339(status.get("lastScanTime"))
        self.known = self.last_scan is not None
        self.active_since = from_rfc3339(status.get("activeSince"))
        self.growth = status.get("growthPerDay")
        self.fingerprint = identity.get("fingerprint") or ""
        since = from_rfc3339(identity.get("suspectSince"))
        if since is not None:
            self.suspicion = Suspicion(identity.get("credsToken") or "", since, 2)
        self.run = status.get("run")
        self.last_cleanup = status.get("lastCleanup")
        self.history = list(status.get("history") or ())
        self.cooldown_until = from_rfc3339(status.get("cooldownUntil"))
        self.emergency_cooldown_until = from_rfc3339(status.get("emergencyCooldownUntil"))
        self.trigger_slot = from_rfc3339(timers.get("trigger"))
        self.daily_slot = from_rfc3339(timers.get("daily"))
        self.handled_request = status.get("lastHandledRequest")

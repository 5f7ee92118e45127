"""What the operator remembers of one tenant: begun from the stored status, authoritative while it runs.

The status in the API server is this record's store, not a second truth: it is read when the tenant is first
seen and after a conflict, and written by `status.compose`. Times are Unix seconds.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from baileys_janitor.api.effective import Effective
from baileys_janitor.api.status import HISTORY_LENGTH
from baileys_janitor.controller.clock import from_rfc3339
from baileys_janitor.controller.conditions import find
from baileys_janitor.controller.faults import Fault
from baileys_janitor.controller.packed import pack, unpack
from baileys_janitor.controller.placement import Identity
from baileys_janitor.job.result import ScanResult
from baileys_janitor.policy.running_text import decode

Object = dict[str, Any]
Key = tuple[str, str]
"""(namespace, name)."""


AGREEING_LOOKS = 3
AGREEING_SECONDS = 30.0
"""creds.json is called corrupt when so many looks over at least so many seconds found the same bad file:
Baileys writes it in place, and a reader sees it cut at times with nothing wrong."""


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
    labels: Mapping[str, str] | None = None
    """Those of its labels that a notification route asks for; None for none, as nearly always."""
    muted: bool = False
    """Whether nobody is to be notified of it."""
    _stored: bytes = b""
    stored_level: str | None = None
    stored_generation: int = -1
    stored_readiness: str | None = None
    """The reason of the stored condition Ready."""
    stored_counted: int | None = None
    """The stored count; these four are asked for at every turn of the queue."""
    stored_signs: tuple[str, ...] = ()
    """The stored conditions that are True, beside Ready and the level's: asked for at every scrape."""
    sending: Object | None = None
    """The status on its way to the API server, while that has not answered."""
    written_at: float = 0.0
    seen_at: float | None = None
    """When this operator saw the tenant first: what an earlier one counted holds for a while from here."""

    look: ScanResult | None = None
    last_scan: float | None = None
    running: str | None = None
    """What is remembered of its running time, as `policy.running_text` writes it."""
    active_since: float | None = None
    """The start of the latest stretch of traffic, for people; None while it is stopped or nothing is known."""
    growth: float | None = None
    burst: float = 0.0
    """The growth a day of the last observation alone: what has just begun is not quiet, whatever was before."""
    anchor: tuple[float, int] | None = None
    """The count (time, counted) that growth is measured from."""
    fingerprint: str = ""
    re_paired: tuple[float, str] | None = None
    suspicion: Suspicion | None = None

    run: Object | None = None
    _last_cleanup: bytes | None = None
    _history: bytes | None = None
    """What the status is yet to say; None for what is stored."""
    last_cleanup_time: float | None = None
    last_cleanup_outcome: str | None = None
    """Both asked for at every scrape."""
    cooldown_until: float | None = None
    emergency_cooldown_until: float | None = None
    trigger_slot: float | None = None
    daily_slot: float | None = None
    handled_request: str | None = None

    fault: Fault | None = None
    work_fault: Fault | None = None
    """Why the last cleanup failed on the volume: a scan, which only reads, does not take it back."""
    company: int | None = None
    """How many tenants its scan's pod may hold after one that got stuck; None for as many as are allowed."""
    begun_at: float | None = None
    """When the scan that was taken in last was begun: the interval runs from here."""
    failures: int = 0
    failures_told: int = 0
    """How many of them have been told of."""
    retry_at: float = 0.0
    """No Job for this tenant before this time: the back-off after a fault."""
    purge_after: float = 0.0
    """No purge before this time: one that could not remove what was due is not repeated at once."""
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
    waiting: bool = False
    """Whether its scan is due and waits for its turn."""
    rescan: bool = False
    """Whether a scan is wanted at once: the spec has changed, or a cleanup asks what is left."""
    owner: Identity = field(default_factory=Identity)
    """Whom the pod that last used the claim ran as: it holds while the workload is scaled down, too."""
    considered_at: float = 0.0
    acts: int = 0
    """How often the status was taken in anew, at the first sight and whenever another operator has acted."""
    busy: bool = False
    """Whether a task of the operator is at work on this tenant: one at a time."""
    stale: bool = False
    """Whether the stored resource must be read again before anything is written."""
    unsaid: bool = False
    """Whether a Job has brought something that has not been weighed for the status yet."""
    announced: float | None = None
    """The due time for which the queue holds an entry."""

    @property
    def stored(self) -> Object:
        """The status as the API server has it; not to be changed in place."""
        found: Object = unpack(self._stored) or {}
        return found

    @stored.setter
    def stored(self, status: Object) -> None:
        self._stored = pack(status)
        self.stored_level = status.get("level")
        generation = status.get("observedGeneration", -1)
        self.stored_generation = generation if isinstance(generation, int) else -1
        conditions = status.get("conditions")
        self.stored_readiness = (find(conditions, "Ready") or {}).get("reason")
        counted = _number(_part(status, "files").get("counted"))
        self.stored_counted = None if counted is None else int(counted)
        said = (one["type"] for one in conditions or () if one.get("status") == "True")
        self.stored_signs = tuple(
            sys.intern(kind) for kind in said if kind not in {"Ready", self.stored_level}
        )
        if self._last_cleanup is None:
            self._sum_up(_part(status, "lastCleanup"))

    @property
    def last_cleanup(self) -> Object | None:
        """The last cleanup, as the status has it; not to be changed in place."""
        if self._last_cleanup is None:
            return _part(self.stored, "lastCleanup") or None
        found: Object | None = unpack(self._last_cleanup)
        return found

    @last_cleanup.setter
    def last_cleanup(self, entry: Object | None) -> None:
        self._last_cleanup = pack(entry)
        self._sum_up(entry or {})

    def _sum_up(self, entry: Object) -> None:
        self.last_cleanup_time = from_rfc3339(entry.get("time"))
        outcome = _text(entry.get("outcome"))
        self.last_cleanup_outcome = None if outcome is None else sys.intern(outcome)

    @property
    def history(self) -> list[Object]:
        """The last cleanups, newest first; not to be changed in place."""
        listed = self.stored.get("history") if self._history is None else unpack(self._history)
        return listed if isinstance(listed, list) else []

    @history.setter
    def history(self, entries: list[Object]) -> None:
        self._history = pack(entries)

    def record(self, entry: Object, detail: Object) -> None:
        """Put a cleanup that is over at the head of the history; `detail` is kept of the last one only."""
        self.history = [entry, *self.history][:HISTORY_LENGTH]
        self.last_cleanup = entry | detail

    def recorded(self) -> None:
        """Note that the stored status says all that was to be said of cleanups."""
        if self._last_cleanup is None and self._history is None:
            return
        said = self.stored.get("lastCleanup"), self.stored.get("history")
        if said == (self.last_cleanup, self.history):
            self._last_cleanup = self._history = None

    @property
    def edition(self) -> tuple[int, int]:
        """What a decision was made on: (acts of other operators, generation of the spec)."""
        return self.acts, self.generation

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
        return self.stored_generation < 0

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
        if self.effective is not None:
            self.fault = fault
        self.retry_at = now + min(most, first * 2.0 ** min(self.failures, 16))
        self.failures += 1

    def recovered(self) -> None:
        """Forget the fault: something has worked. An invalid spec stays one, whatever a late Job brings."""
        if self.effective is not None:
            self.fault = None
        self.failures = 0
        self.retry_at = 0.0

    def moved(self) -> None:
        """Forget what was learned of another directory: its activity says nothing about this one's ages."""
        self.look = None
        self.last_scan = self.active_since = self.growth = None
        self.running = None
        self.burst = 0.0
        self.anchor = self.re_paired = self.suspicion = self.trash = None
        self.fingerprint = ""
        self.unused_since = self.checked_at = self.begun_at = None
        self.rescan = True

    def load(self, stored: Object | None) -> None:
        """Take what the stored status says; what is not of its type is learned again."""
        self.acts += 1
        self._last_cleanup = self._history = None
        status = self.stored = stored or {}
        timers, identity, trash = (_part(status, name) for name in ("timers", "identity", "trash"))
        self.last_scan = from_rfc3339(status.get("lastScanTime"))
        running = _text(status.get("running"))
        self.running = running if decode(running) is not None else None
        self.active_since = from_rfc3339(status.get("activeSince"))
        self.growth = _number(status.get("growthPerDay"))
        self.fingerprint = _text(identity.get("fingerprint")) or ""
        since = from_rfc3339(identity.get("suspectSince"))
        self.suspicion = None
        if since is not None:
            # How many looks agreed is not stored: many where it was said already, else one.
            said = find(status.get("conditions"), "CredentialsCorrupt") or {}
            looks = AGREEING_LOOKS if said.get("status") == "True" else 1
            self.suspicion = Suspicion(_text(identity.get("credsToken")) or "", since, looks)
        oldest, runs = from_rfc3339(trash.get("oldestTime")), _number(trash.get("runs"))
        self.trash = (int(runs), oldest) if runs and oldest is not None else None
        run = _part(status, "run")
        self.run = run if _text(run.get("id")) and _text(run.get("reason")) else None
        self.cooldown_until = from_rfc3339(status.get("cooldownUntil"))
        self.emergency_cooldown_until = from_rfc3339(status.get("emergencyCooldownUntil"))
        self.trigger_slot = from_rfc3339(timers.get("trigger"))
        self.daily_slot = from_rfc3339(timers.get("daily"))
        self.handled_request = _text(status.get("lastHandledRequest"))


# The API server has validated every status against the CRD. What is read here leniently all the same is what an
# operator of another version, with another CRD, may have left.


def _part(status: Object, name: str) -> Object:
    part = status.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if known else None  # type: ignore[return-value]  # told by `known`

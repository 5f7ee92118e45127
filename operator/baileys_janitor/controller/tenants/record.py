"""What the operator remembers of one tenant: begun from the stored status, authoritative while it runs.

The status in the API server is this record's store, not a second truth: it is read when the tenant is first
seen and after a conflict, and written by `status.compose`. Times are Unix seconds.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, get_args

from baileys_janitor.api.effective import Effective
from baileys_janitor.api.status import HISTORY_LENGTH, CleanupReason
from baileys_janitor.controller.clock import from_rfc3339
from baileys_janitor.controller.jobs.faults import Fault
from baileys_janitor.controller.jobs.placement import RunAs
from baileys_janitor.controller.kube import decoding
from baileys_janitor.controller.kube.conditions import find
from baileys_janitor.controller.tenants.packed_json import RECENT, pack, unpack
from baileys_janitor.job.result import ScanResult
from baileys_janitor.policy.running_text import decode

Object = dict[str, Any]
Key = tuple[str, str]
"""(namespace, name)."""


AGREEING_LOOKS = 3
AGREEING_SECONDS = 30.0
"""creds.json is called corrupt when so many looks over at least so many seconds found the same bad file:
Baileys writes it in place, and a reader sees it cut at times with nothing wrong."""


RUN_ID = re.compile(r"[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?")
"""A run id that the operator has claimed; whoever can write a status can write another one there."""
CLEANUP_REASONS = frozenset(get_args(CleanupReason))
PAUSE_FIRST = 15.0
PAUSE_MAX = 1800.0
"""Seconds of the pause after a fault: the first, and the longest."""
REQUESTS_AT_ONCE = 3
REQUESTS_WITHIN = 600.0
"""So many requested cleanups of a tenant begin within so many seconds; a further one waits."""


@dataclass(slots=True)
class Suspicion:
    """Successive looks that found the same creds.json unreadable."""

    token: str
    since: float
    looks: int


@dataclass(slots=True)
class TenantRecord:
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
    hurried_until: float = 0.0
    """No edit and no request ends the pause after a fault before this time: one has just done so."""
    asked_at: tuple[float, ...] = ()
    """When the last requested cleanups began."""
    purge_after: float = 0.0
    """No purge before this time: one that could not remove what was due is not repeated at once."""
    hold_until: float = 0.0
    """No automatic Emergency cleanup before this time: the last one had nothing to show for it."""
    attempts: int = 0
    """Jobs made for the claimed run so far."""
    run_told: bool = True
    """Whether the stored run names the uid of its Job, as far as the API server keeps it."""
    in_doubt: bool = False
    """Whether there may be another Job of the claimed run, whose result nobody took in."""
    crashes: int = 0
    """How often something unforeseen was met in a row."""
    held_back: bool = False
    """Whether the run under way removes less than it could, because the circuit breaker is open."""
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
    owner: RunAs = field(default_factory=RunAs)
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
        """What can be read of the status that the API server has; not to be changed in place."""
        return _readable(self._stored)

    @stored.setter
    def stored(self, status: Object) -> None:
        self._stored = pack(status)
        self.stored_level = decoding.status_field(status, "level")
        generation = decoding.status_field(status, "observedGeneration")
        self.stored_generation = -1 if generation is None else generation
        conditions = decoding.status_field(status, "conditions") or []
        self.stored_readiness = (find(conditions, "Ready") or {}).get("reason")
        self.stored_counted = (decoding.status_field(status, "files") or {}).get("counted")
        said = (one["type"] for one in conditions if one["status"] == "True")
        self.stored_signs = tuple(
            sys.intern(kind) for kind in said if kind not in {"Ready", self.stored_level}
        )
        if self._last_cleanup is None:
            self._sum_up(decoding.status_field(status, "lastCleanup") or {})

    @property
    def raw_stored(self) -> Object:
        """The status as the API server has it, whatever is in it: what a patch is made against."""
        found: Object = unpack(self._stored) or {}
        return found

    @property
    def last_cleanup(self) -> Object | None:
        """The last cleanup, as the status has it; not to be changed in place."""
        if self._last_cleanup is None:
            return self.stored.get("lastCleanup") or None
        found: Object | None = unpack(self._last_cleanup)
        return found

    @last_cleanup.setter
    def last_cleanup(self, entry: Object | None) -> None:
        self._last_cleanup = pack(entry)
        self._sum_up(entry or {})

    def _sum_up(self, entry: Object) -> None:
        self.last_cleanup_time = from_rfc3339(entry.get("time"))
        outcome = entry.get("outcome")
        self.last_cleanup_outcome = None if outcome is None else sys.intern(outcome)

    @property
    def history(self) -> list[Object]:
        """The last cleanups, newest first; not to be changed in place."""
        listed = self.stored.get("history") if self._history is None else unpack(self._history)
        return listed or []

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

    def back_off(
        self, fault: Fault, now: float, first: float = PAUSE_FIRST, most: float = PAUSE_MAX
    ) -> None:
        """Note a fault: the next Job waits twice as long each time, from `first` up to `most` seconds."""
        if self.effective is not None:
            self.fault = fault
        self.retry_at = now + min(most, first * 2.0 ** min(self.failures, 16))
        self.failures += 1

    def hurry(self, now: float) -> bool:
        """End the pause after a fault, because somebody has changed what may have been wrong; False when it stays.

        The faults go on being counted, so that the next pause is longer all the same. Whoever changes something
        every second ends a pause each time that the last one ended would be over: nobody resets the back-off.
        """
        if not self.failures:
            self.retry_at = 0.0
            return True
        if now < self.hurried_until:
            return False
        pause = PAUSE_FIRST * 2.0 ** min(self.failures, 16)
        self.hurried_until = now + min(PAUSE_MAX, pause)
        self.retry_at = 0.0
        return True

    def request_time(self) -> float:
        """Return from when on (Unix seconds) a requested cleanup may begin: a flood of requests is spread."""
        if len(self.asked_at) < REQUESTS_AT_ONCE:
            return 0.0
        return self.asked_at[-REQUESTS_AT_ONCE] + REQUESTS_WITHIN

    def asked(self, now: float) -> None:
        """Note that a requested cleanup begins."""
        self.asked_at = (*self.asked_at, now)[-REQUESTS_AT_ONCE:]

    def recovered(self) -> None:
        """Forget the fault: something has worked. An invalid spec stays one, whatever a late Job brings."""
        if self.effective is not None:
            self.fault = None
        self.failures = 0
        self.retry_at = 0.0
        self.hurried_until = 0.0

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
        """Take what the stored status says; what is not of its type or out of bounds is learned again."""
        self.acts += 1
        self._last_cleanup = self._history = None
        self.stored = stored or {}
        status = {name: decoding.status_field(stored, name) for name in _LOADED}
        self.last_scan = from_rfc3339(status["lastScanTime"])
        running = status["running"]
        self.running = running if decode(running) is not None else None
        self.active_since = from_rfc3339(status["activeSince"])
        self.growth = status["growthPerDay"]
        identity = status["identity"] or {}
        self.fingerprint = identity.get("fingerprint") or ""
        self._load_suspicion(identity, status["conditions"])
        trash = status["trash"] or {}
        oldest, runs = from_rfc3339(trash.get("oldestTime")), trash.get("runs")
        self.trash = (runs, oldest) if runs and oldest is not None else None
        run = status["run"] or {}
        claimed = RUN_ID.fullmatch(run.get("id", "")) and run.get("reason") in CLEANUP_REASONS
        self.run = run if claimed else None
        self.run_told = True
        self.cooldown_until = from_rfc3339(status["cooldownUntil"])
        self.emergency_cooldown_until = from_rfc3339(status["emergencyCooldownUntil"])
        timers = status["timers"] or {}
        self.trigger_slot = from_rfc3339(timers.get("trigger"))
        self.daily_slot = from_rfc3339(timers.get("daily"))
        self.handled_request = status["lastHandledRequest"]

    def _load_suspicion(self, identity: Object, conditions: list[Object] | None) -> None:
        since = from_rfc3339(identity.get("suspectSince"))
        self.suspicion = None
        if since is not None:
            # How many looks agreed is not stored: many where it was said already, else one.
            said = find(conditions, "CredentialsCorrupt") or {}
            looks = AGREEING_LOOKS if said.get("status") == "True" else 1
            self.suspicion = Suspicion(identity.get("credsToken") or "", since, looks)

    # The clock

    def shift(self, step: float) -> None:
        """Move every time with the clock, which was set by `step` seconds: what has lasted goes on lasting as long.

        What belongs to the calendar stays: the timers' slots, and what the volume told.
        """
        for name in _SHIFTED:
            when = getattr(self, name)
            if when is not None:
                setattr(self, name, when + step if when else when)
        self.asked_at = tuple(when + step for when in self.asked_at)
        if self.anchor is not None:
            self.anchor = (self.anchor[0] + step, self.anchor[1])
        if self.re_paired is not None:
            self.re_paired = (self.re_paired[0] + step, self.re_paired[1])
        if self.suspicion is not None:
            self.suspicion.since += step

    def cut(self, now: float) -> None:
        """Cut every time that lies further ahead than it can: a clock that was wrong has written it."""
        for name in _PAST:
            when = getattr(self, name)
            if when is not None and when > now:
                setattr(self, name, now)
        known = self.effective
        cooldowns = (
            ("cooldown_until", _COOLDOWN_MAX if known is None else known.cooldown),
            (
                "emergency_cooldown_until",
                _COOLDOWN_MAX if known is None else known.emergency_cooldown,
            ),
        )
        for name, most in (*cooldowns, *_AHEAD):
            when = getattr(self, name)
            if when is not None and when > now + most:
                setattr(self, name, now + most)
        self._cut_parts(now)

    def _cut_parts(self, now: float) -> None:
        if self.anchor is not None and self.anchor[0] > now:
            self.anchor = None
        if self.re_paired is not None and self.re_paired[0] > now:
            self.re_paired = (now, self.re_paired[1])
        if self.suspicion is not None:
            self.suspicion.since = min(self.suspicion.since, now)
        if self.trash is not None and self.trash[1] > now:
            self.trash = (self.trash[0], now)
        if self.asked_at and self.asked_at[-1] > now:
            self.asked_at = tuple(min(when, now) for when in self.asked_at)


_LOADED = (
    *(
        "lastScanTime",
        "running",
        "activeSince",
        "growthPerDay",
        "identity",
        "trash",
        "run",
        "timers",
    ),
    *("cooldownUntil", "emergencyCooldownUntil", "lastHandledRequest", "conditions"),
)
"""Fields of the status that `load` reads."""
_SHIFTED = (
    *("written_at", "seen_at", "last_scan", "begun_at", "checked_at", "considered_at"),
    *("unused_since", "retry_at", "hurried_until", "purge_after", "hold_until"),
    *("cooldown_until", "emergency_cooldown_until"),
)
"""Times that say how long ago, or for how long; 0 is none."""
_PAST = (
    *("written_at", "seen_at", "last_scan", "begun_at", "checked_at", "considered_at"),
    *("unused_since", "active_since", "trigger_slot", "daily_slot"),
)
"""Times that cannot lie ahead."""
_AHEAD = (("retry_at", PAUSE_MAX), ("purge_after", PAUSE_MAX), ("hold_until", PAUSE_MAX))
"""Times that lie ahead, and by how many seconds at most; `hurried_until` matters only beside `retry_at`."""
_COOLDOWN_MAX = 30 * 86_400.0


@lru_cache(RECENT)
def _readable(packed: bytes) -> Object:
    return decoding.status(unpack(packed) or {})

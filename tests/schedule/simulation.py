"""The operator's loop in miniature, with virtual time: what the engine does with the pure modules, and no cluster."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from baileys_janitor.controller.jobs.create import settle
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.job.result import CleanResult, PurgeResult, ScanResult
from baileys_janitor.schedule import calendar, scan_times
from baileys_janitor.schedule.circuit_breaker import Hold
from baileys_janitor.schedule.decision import decide
from baileys_janitor.status import compose
from baileys_janitor.status.compose import StatusContext
from baileys_janitor.tenants import record_result
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord
from tests.controller.pure.world import CONFIG, LIMITS, NOW, PACE, body, look

Object = dict[str, Any]
JOB_TAKES = 3.0


def applied(stored: Object, patch: Object) -> Object:
    """The JSON merge patch of RFC 7386, as an API server applies it."""
    result = dict(stored)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            before = result.get(key)
            result[key] = applied(before if isinstance(before, dict) else {}, value)
        else:
            result[key] = value
    return result


@dataclass
class Directory:
    """A session directory: what a look finds, and what a cleanup does."""

    counted: float = 100.0
    grows: float = 0.0
    """Counted files a day."""
    reclaimable: int = 10
    more: Object = field(default_factory=dict)
    error: str | None = None
    touched: float = NOW
    journal: dict[str, CleanResult] = field(default_factory=dict)
    trash: int = 0
    cap: int | None = None
    """How many files one cleanup may remove."""
    leaves: bool = True
    """Whether as many files are removable after a cleanup as before it."""

    def look(self, now: float) -> ScanResult:
        """Scan it."""
        self.counted += (now - self.touched) / 86_400 * self.grows
        self.touched = now
        if self.error is not None:
            return ScanResult(error=self.error)
        values: Object = {"reclaimable": self.reclaimable, "gain": self.reclaimable}
        values |= {"newest_activity": int(now) - 60, "trash_runs": self.trash}
        return look(**({"counted": int(self.counted)} | values | self.more))

    def clean(self, run: str, now: float, *, dry_run: bool = False) -> CleanResult:
        """Clean it, once for each run."""
        if run in self.journal:
            done = self.journal[run]
            return CleanResult(run, "Repeated", code=done.outcome, removed=done.removed)
        due = min(self.reclaimable, int(self.counted))
        removed = due if self.cap is None else min(due, self.cap)
        outcome = "Completed" if removed == due else "Capped"
        if not removed:
            outcome = "NothingToDo"
        elif dry_run:
            outcome = "DryRun"
        else:
            self.counted -= removed
            self.trash += 1
            self.reclaimable = self.reclaimable if self.leaves else due - removed
        result = CleanResult(run, outcome, removed=removed, scan=self.look(now))
        self.journal[run] = result
        return result


@dataclass
class Cluster:
    """One tenant's resource in the API server, its directory, and an operator that can be stopped."""

    directory: Directory
    spec: Object = field(default_factory=dict)
    token: str | None = None
    broken: str | None = None
    """The reason of the fault with which every Job fails, or None."""
    now: float = NOW
    status: Object = field(default_factory=lambda: {"observedGeneration": -1})
    version: int = 1
    generation: int = 1
    writes: int = 0
    considered: int = 0
    jobs: int = 0
    begun: list[tuple[float, str]] = field(default_factory=list)
    scanned_at: list[float] = field(default_factory=list)
    """When scans were begun."""
    used: bool = True
    """Whether a running pod uses the claim."""
    causes: int = 0
    """How often something happened that changes what comes next, and that nobody could foresee."""
    tenant: TenantRecord | None = None
    cache: TenantCache = field(default_factory=lambda: TenantCache(CONFIG))
    started: float = 0.0
    hold: Hold | None = None
    """What the circuit breaker says."""
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _serial: Any = field(default_factory=itertools.count)

    @property
    def context(self) -> StatusContext:
        """What the operator knows besides the tenant."""
        held = self.hold is not None and self.hold.until > self.now
        return StatusContext(self.started, PACE, self.hold if held else None, LIMITS)

    def body(self) -> Object:
        """The resource as stored."""
        return body(
            self.spec,
            self.status,
            version=str(self.version),
            generation=self.generation,
            token=self.token,
        )

    def start(self) -> None:
        """A new operator process comes to know the tenant."""
        self.cache = TenantCache(CONFIG)
        self.started = self.now
        self.tenant = self.cache.observe(self.body(), self.now)

    def stop(self) -> None:
        """The operator dies; Jobs under way go on, but their results are lost."""
        self.tenant = None
        self._events.clear()

    def edit(self, spec: Object | None = None, token: str | None = None) -> None:
        """Somebody changes the resource."""
        if spec is not None:
            self.spec = spec
            self.generation += 1
        self.token = token or self.token
        self.version += 1
        if self.tenant is not None:
            self.cache.observe(self.body(), self.now)

    def set_clock(self, seconds: float) -> None:
        """Somebody sets the operator's clock; the volume, and what is stored, know nothing of it."""
        self.now += seconds
        self.started += seconds
        self.cache.shift(seconds)
        self.directory.touched += seconds
        self._events = [(when + seconds, serial, call) for when, serial, call in self._events]

    def run(self, seconds: float) -> None:
        """Let time pass; while an operator runs, it does what is due."""
        until = self.now + seconds
        while self.run_once(until):
            pass

    def run_once(self, until: float) -> bool:
        """Let time pass to the next thing that happens, at most to `until`; False when that is reached."""
        if self.tenant is None:
            self.now = max(self.now, until)
            return False
        self.tenant.cut(self.now)
        due = calendar.next_time(self.tenant, self.now, self.context.schedule)
        event = self._events[0][0] if self._events else None
        coming = [when for when in (due, event) if when is not None]
        if not coming or min(coming) > until:
            self.now = max(self.now, until)
            return False
        self.now = max(self.now, min(coming))
        if event is not None and event <= self.now:
            heapq.heappop(self._events)[2]()
        else:
            self.considered += 1
            assert self.considered < 1_000_000, "a busy loop"
            self._consider(self.tenant)
        return True

    def reconsider(self) -> None:
        """The operator looks at the tenant, whatever is due."""
        if self.tenant is not None:
            self.causes += 1
            self._consider(self.tenant)

    def _consider(self, tenant: TenantRecord) -> None:
        tenant.queue.considered_at = self.now
        if self.now < tenant.backoff.retry_at:
            return
        if tenant.effective is None:
            pass
        elif tenant.run is not None and tenant.jobs.work is None and tenant.effective.cleans:
            self._clean(tenant)
        elif self._decide(tenant):
            return
        self._write(tenant)

    def _decide(self, tenant: TenantRecord) -> bool:
        decision = decide(tenant, self.now, self.context.schedule)
        if decision.reason is not None:
            if tenant.jobs.work is None:
                serial = next(self._serial)
                tenant.cleanup.run = {
                    "id": f"r{serial}",
                    "reason": decision.reason,
                    "startTime": "2026-11-22T03:00:00Z",
                }
                settle(tenant, decision)
                if decision.reason == "Requested":
                    tenant.timers.requested(self.now)
                self.begun.append((self.now, decision.reason))
                self._write(tenant, force=True)
                self._clean(tenant)
                return True
        else:
            settle(tenant, decision)
            if decision.refusal:
                record_result.unanswered(tenant, "Requested", "Refused", decision.refusal, self.now)
            elif decision.idle:
                self.begun.append((self.now, "Daily"))
                record_result.unanswered(tenant, "Daily", "NothingToDo", "Nothing.", self.now)
            purge = calendar.purge_time(tenant)
            if purge is not None and self.now >= purge and tenant.jobs.work is None:
                tenant.jobs.work = "purge"
                self._after(lambda: self._purged(tenant))
                return False
        due = scan_times.scan_time(tenant, self.started)
        if due is not None and self.now >= due:
            self._scan(tenant)
        return False

    def _scan(self, tenant: TenantRecord) -> None:
        tenant.scan.use(self.used, self.now)
        if not self.used and not scan_times.is_scan_needed(tenant, self.now, PACE.unused_every):
            tenant.scan.skip(self.now)
            return
        began = self.now
        self.scanned_at.append(began)
        tenant.jobs.start("scan", "scan", began)
        self._after(lambda: self._scanned(tenant, began))

    def _after(self, call: Callable[[], None]) -> None:
        self.jobs += 1
        heapq.heappush(self._events, (self.now + JOB_TAKES, next(self._serial), call))

    def _fails(self, tenant: TenantRecord) -> bool:
        if self.broken is None:
            return False
        tenant.fail(Fault(self.broken, "Broken."), self.now)
        self.causes += 1
        self._write(tenant)
        return True

    def _scanned(self, tenant: TenantRecord, began: float) -> None:
        tenant.jobs.scan = None
        if not self._fails(tenant):
            before = _figures(tenant)
            look = self.directory.look(self.now)
            record_result.scanned(tenant, look, self.now, used=self.used)
            tenant.scan.begun_at = began
            self.causes += before != _figures(tenant)
            self._write(tenant)

    def _purged(self, tenant: TenantRecord) -> None:
        tenant.jobs.work = None
        if not self._fails(tenant):
            self.directory.trash = 0
            record_result.purged(tenant, PurgeResult("Completed", trash_runs=0), self.now)
            self._write(tenant)

    def _clean(self, tenant: TenantRecord) -> None:
        assert tenant.run is not None
        run = str(tenant.run["id"])
        tenant.jobs.work = "clean"
        # The Job does its work whether or not an operator is there to hear of it.
        dry_run = tenant.effective is not None and tenant.effective.mode == "DryRun"
        result = None if self.broken else self.directory.clean(run, self.now, dry_run=dry_run)
        self._after(lambda: self._cleaned(tenant, result))

    def _cleaned(self, tenant: TenantRecord, result: CleanResult | None) -> None:
        tenant.jobs.work = None
        if not self._fails(tenant) and result is not None:
            record_result.cleaned(tenant, result, self.now, used=self.used)
            self.causes += 1
            self._write(tenant)

    def _write(self, tenant: TenantRecord, *, force: bool = False) -> None:
        """As the store does."""
        suspended = tenant.effective is not None and tenant.effective.suspend
        faulty = tenant.fault is not None or tenant.invalid is not None
        news = tenant.look is not None or faulty or suspended
        if tenant.new and not force and not news:
            return
        fresh = compose.compose(tenant, self.now, self.context)
        idle = self.now - tenant.stored.written_at < PACE.status_every and not tenant.new
        if not force and idle and not compose.is_material(tenant.stored.status, fresh, self.now):
            return
        patch = compose.merge_patch(tenant.stored.status, fresh)
        tenant.stored.written_at = self.now
        if patch:
            self.writes += 1
            self.version += 1
            self.status = applied(self.status, patch)
            tenant.take_stored(self.status)
            tenant.resource.version = str(self.version)


def _figures(tenant: TenantRecord) -> Object:
    """What the calendar reads of a look."""
    found = tenant.scan
    suspended = tenant.effective is not None and tenant.effective.suspend
    return {
        "counted": found.counted,
        "reclaimable": found.reclaimable,
        "fault": tenant.fault,
        "first": found.look is None,
        "suspended": suspended,
    }

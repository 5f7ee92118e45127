"""Reconciles key stores: handles watch events, starts due work, runs each cleanup at most once.

They use the same calendar as tenants; there are few of them, each with Jobs of its own, so nothing is queued.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.names import STORE_PLURAL
from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.controller.clock import Clock, MonotonicClock, WatchedClock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs.cluster_reads import ClusterReads
from baileys_janitor.controller.jobs.create import settle
from baileys_janitor.controller.jobs.launch import JobLauncher
from baileys_janitor.controller.jobs.manifest import Pod
from baileys_janitor.controller.jobs.timeouts import JobTimeouts
from baileys_janitor.controller.jobs.tracker import JobTracker, TrackedJob, is_of_store
from baileys_janitor.controller.keystores import compose, record_result
from baileys_janitor.controller.keystores.backups import KeyStoreBackups
from baileys_janitor.controller.keystores.cache import KeyStoreCache
from baileys_janitor.controller.keystores.jobs import KeyStoreJobs
from baileys_janitor.controller.keystores.record import KeyStoreRecord
from baileys_janitor.controller.keystores.results import KeyStoreResults
from baileys_janitor.controller.kube.client import Kube
from baileys_janitor.controller.relist import list_again
from baileys_janitor.controller.status.writer import StatusWriter
from baileys_janitor.controller.workers import Workers
from baileys_janitor.schedule import calendar, scan_times
from baileys_janitor.schedule.circuit_breaker import Breakers, Hold
from baileys_janitor.schedule.context import Context, Intervals
from baileys_janitor.schedule.decision import Decision, decide
from baileys_janitor.status.backup import context_of
from baileys_janitor.status.changes import ChangeBus

Object = dict[str, Any]

TICK_SECONDS = 2.0
"""Seconds between checks of Jobs under way: pods that never appear send no event."""
GAP_SECONDS = 1.0
"""Minimum seconds between two decisions on one store."""
WAIT_MAX_SECONDS = 60.0
"""Maximum seconds that the loop waits: a clock that was set ahead meanwhile is noticed then."""
RUN_MARGIN_SECONDS = 120.0
"""Seconds after its deadline at which a pod that its node has not ended is given up."""
CRASH_PAUSE_SECONDS = 5.0
"""How long the loop waits after an unexpected exception."""


class KeyStoreReconciler:
    """Runs until cancelled. Events come through `observe`, `forget` and `results`."""

    def __init__(
        self,
        kube: Kube,
        config: OperatorConfig,
        pod: Pod,
        clock: Clock,
        prepare: Callable[[str], Awaitable[None]] | None = None,
        prepare_for_backup: Callable[[str], Awaitable[None]] | None = None,
        home: str = "",
    ) -> None:
        self._kube = kube
        self._clock = clock = WatchedClock(clock, self._clock_was_set)
        self._config = config
        self._started = clock.now()
        self._wake = asyncio.Event()
        breaker = config.circuit_breaker
        self.cache = KeyStoreCache(config)
        self.breakers = Breakers(
            breaker.window.seconds,
            breaker.percent,
            breaker.runs,
            breaker.hold.seconds,
            lambda: len({key[0] for key in self.cache.records}),
        )
        self._memory = breaker.window.seconds + breaker.hold.seconds
        self._intervals = Intervals(
            config.daily_jitter.seconds,
            config.scan_unused_claims_every.seconds,
            config.status_interval.seconds,
        )
        self.bus = ChangeBus()
        self.crashes = CrashHandler(clock, self.bus)
        self.workers: Workers[KeyStoreRecord] = Workers(clock, self._again, self.crashes)
        self.tracker = JobTracker()
        self._reads = ClusterReads(kube, MonotonicClock(clock))
        self._writer = StatusWriter(
            kube,
            self.cache,
            clock,
            compose.composer(self._context),
            self._intervals.status_every,
            self.bus,
            self.crashes,
        )
        launcher = JobLauncher(kube, clock, self.tracker, prepare)
        self._jobs = KeyStoreJobs(launcher, self._writer, clock, pod)
        self.results = KeyStoreResults(
            clock, self.cache, self.tracker, self._ended, self.bus, self.crashes
        )
        self._timeouts = _Timeouts(
            kube,
            clock,
            self.tracker,
            self._reads,
            self._writer,
            self.results,
            config,
            self.crashes,
        )
        self.backups = KeyStoreBackups(
            *(kube, config, pod, clock, self.cache, self._reads, self._writer, self._started),
            *(prepare_for_backup, home, self._backed_up, self.nudge, self.bus, self.crashes),
        )

    # Events

    def observe(self, body: Object) -> None:
        """Process a key store that was added or changed."""
        with self.crashes.contain("event"):
            meta = body["metadata"]
            if meta.get("deletionTimestamp"):
                self.forget(meta["namespace"], meta["name"], meta["uid"])
                return
            known = self.cache.records.get((meta["namespace"], meta["name"]))
            before = known.resource.generation if known is not None else 0
            record = self.cache.observe(body, self._clock.now())
            if record is known and record.resource.generation != before:
                self._give_up_pending_scan(record)
            self.results.attach(record)
            self.backups.observe(record)
            if record is not known:
                for entry in record.cleanup.history:
                    self._count(record, entry)
            self._again(record)

    def _give_up_pending_scan(self, record: KeyStoreRecord) -> None:
        """Replace a count that has not begun by one with the new spec: its pod may wait for a corrected value."""
        scan = self.tracker.get(record.namespace, record.jobs.scan)
        if scan is not None and scan.pending and scan.uid is not None:
            self.results.supersede(scan)

    def forget(self, namespace: str, name: str, uid: str) -> None:
        """Drop a key store that was deleted; its Jobs go with it."""
        record = self.cache.forget((namespace, name), uid)
        if record is not None:
            self.backups.forget(record)

    def nudge(self) -> None:
        """Wake the loop at once."""
        self._wake.set()

    def _clock_was_set(self, step: float) -> None:
        self._started += step
        self.backups.shift(step)
        self.cache.shift(step)
        self.tracker.shift(step)
        self.breakers.shift(step)
        self._wake.set()

    # The loop

    async def run(self) -> None:
        """Start due work, forever."""
        await self.results.adopt(self._kube, self._config.watch_namespaces, is_of_store)
        await self.backups.adopt()
        listing = asyncio.create_task(
            list_again(
                self._kube,
                self._clock,
                STORE_PLURAL,
                self._config.watch_namespaces,
                lambda: self.cache.records,
                self.observe,
                self.forget,
            )
        )
        try:
            while True:
                self._wake.clear()
                until = self._clock.now() + CRASH_PAUSE_SECONDS
                with self.crashes.contain("loop"):
                    until = self._pass()
                await self._clock.wait(self._wake, until)
        finally:
            listing.cancel()
            await self.workers.cancel()
            await self._reads.close()

    def _pass(self) -> float:
        """Start due work; return when the loop is to run again."""
        now = self._clock.now()
        for record in self._timeouts.look(now, self.workers.begin):
            self._weigh(record)
        self.backups.look(now, self.workers.begin)
        for record in self.cache.due(now):
            if not record.queue.busy:
                self._consider(record, now)
        coming = (now + WAIT_MAX_SECONDS, self.cache.next_due(), self.backups.next_due())
        until = min(when for when in coming if when is not None)
        busy = len(list(self.tracker)) or len(self.results.leftovers) or self.backups.busy
        return min(until, now + TICK_SECONDS) if busy else until

    def _consider(self, record: KeyStoreRecord, now: float) -> None:
        """Decide what this store needs now, and start it."""
        with self.crashes.contain("tenant", [record]) as considering:
            self._consider_one(record, now)
        if considering.crashed:
            self._again(record)

    def _consider_one(self, record: KeyStoreRecord, now: float) -> None:
        record.queue.consider(now)
        if now < record.backoff.retry_at:
            self._again(record)
        elif record.stored.stale:
            self.workers.begin(self._reload(record), record)
        elif record.effective is None:
            self.workers.begin(self._writer.write(record), record)
        elif record.run is not None and record.jobs.work is None and not record.effective.suspend:
            self._begin(record, lambda: self._jobs.resume(record))
        else:
            self._decide(record, now)

    def _decide(self, record: KeyStoreRecord, now: float) -> None:
        decision = decide(record, now, self._schedule(record, now))
        if decision.reason is not None:
            if record.jobs.work is None and record.jobs.scan is None:
                self._begin(record, lambda: self._jobs.begin(record, decision))
                return
        else:
            self._settle(record, decision, now)
        due = scan_times.scan_time(record, self._started)
        if due is not None and now >= due and record.jobs.work is None:
            self._begin(record, lambda: self._jobs.scan(record))
            return
        self._weigh(record)

    @staticmethod
    def _settle(record: KeyStoreRecord, decision: Decision, now: float) -> None:
        settle(record, decision)
        if decision.refusal is not None:
            message = f"The request was refused: {decision.refusal}."
            record_result.unanswered(record, "Requested", "Refused", message, now)
        elif decision.idle:
            message = "Nothing was old enough to remove."
            record_result.unanswered(record, "Daily", "NothingToDo", message, now)

    def _begin(self, record: KeyStoreRecord, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Create a Job, unless the decision is outdated; write the status afterwards."""
        edition = record.edition

        async def step() -> None:
            if record.edition == edition:
                await make()
            await self._writer.write(record)

        self.workers.begin(step(), record)

    async def _reload(self, record: KeyStoreRecord) -> None:
        if await self._writer.reload(record):
            await self._writer.write(record)

    def _weigh(self, record: KeyStoreRecord) -> None:
        """Write the status if something material has changed, and put the store into the queue again."""
        if record.queue.busy:
            return
        if self._writer.is_due(record):
            self.workers.begin(self._writer.write(record), record)
        else:
            self._again(record)

    # Callbacks of the parts

    def _ended(self, record: KeyStoreRecord, entry: Object | None) -> None:
        if entry is not None:
            self._count(record, entry)
        self._again(record)

    def _backed_up(self, record: KeyStoreRecord) -> None:
        self._weigh(record)

    def _count(self, record: KeyStoreRecord, entry: Object) -> None:
        """Add a cleanup to the circuit breaker; requested ones do not count."""
        now = self._clock.now()
        when = min(from_rfc3339(entry.get("time")) or now, now)
        automatic = entry.get("reason") != "Requested" and entry.get("outcome") != "DryRun"
        if when < self._started - self._memory or not automatic:
            return
        if self._config.circuit_breaker.enabled:
            removed = int(entry.get("removed") or 0)
            before = max(int(entry.get("before") or 0), removed)
            run = str(entry.get("run"))
            self.breakers.note(record.namespace, record.name, run, when, removed, before)
            self.breakers.tidy(now)

    def _hold(self, record: KeyStoreRecord, now: float) -> Hold | None:
        return self.breakers.hold(record.namespace, now)

    def _context(self, record: KeyStoreRecord, now: float) -> compose.StoreContext:
        schedule, effective = self.backups.schedule(record), record.effective
        backup = None
        if schedule is not None and effective is not None and effective.backup is not None:
            group, words = effective.backup.group, record.backup.words()
            backup = context_of(schedule, group, self._started, words)
        return compose.StoreContext(self._schedule(record, now), self._hold(record, now), backup)

    def _schedule(self, record: KeyStoreRecord, now: float) -> Context:
        hold = self._hold(record, now)
        return Context(self._started, self._intervals, None if hold is None else hold.until)

    def _again(self, record: KeyStoreRecord) -> None:
        """Put the store into the queue for its next due time, and wake the loop if that is sooner."""
        if self.cache.records.get(record.key) is not record:
            return
        now = self._clock.now()
        record.cut(now)
        when: float | None = None
        with self.crashes.contain("tenant", [record]) as planning:
            when = calendar.next_time(record, now, self._schedule(record, now))
        if planning.crashed:
            when = record.backoff.retry_at
        if when is not None:
            when = max(when, record.queue.considered_at + GAP_SECONDS)
        self.cache.schedule(record, when)
        self._wake.set()


class _Timeouts(JobTimeouts[KeyStoreRecord]):
    """Supervises the Jobs of key stores, which may run as long as `limits.duration` permits."""

    def _longest_run(self, tracked: TrackedJob) -> float:
        allowed = [
            each.effective.duration
            for each in self._results.members(tracked)
            if each.effective is not None
        ]
        return max(super()._longest_run(tracked), *allowed, 0) + RUN_MARGIN_SECONDS

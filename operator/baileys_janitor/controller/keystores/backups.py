"""Backs up and drills key stores on schedule, like tenants: each store has Jobs of its own.

A backup may take several Jobs, each of which continues where the one before ended. An operator that starts deletes the
Jobs of an earlier one and begins again: an unchanged session is not put twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.backup.job.task import DRILL
from baileys_janitor.controller.backups.jobs import DEADLINE_MAX_SECONDS
from baileys_janitor.controller.backups.launch import (
    BackupLauncher,
    BackupTimeouts,
    OperatorNamespace,
)
from baileys_janitor.controller.backups.queue import BackupQueue, fail
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs.cluster_reads import ClusterReads
from baileys_janitor.controller.jobs.manifest import ACTION_LABEL, Pod
from baileys_janitor.controller.jobs.timeouts import Spawn
from baileys_janitor.controller.jobs.tracker import JobTracker, TrackedJob, is_of_store_backup
from baileys_janitor.controller.keystores import backup_jobs
from baileys_janitor.controller.keystores.backup_results import KeyStoreBackupResults
from baileys_janitor.controller.keystores.cache import KeyStoreCache
from baileys_janitor.controller.keystores.record import KeyStoreRecord
from baileys_janitor.controller.kube.client import Kube
from baileys_janitor.controller.status.writer import StatusWriter
from baileys_janitor.schedule.backup_times import BackupSchedule
from baileys_janitor.schedule.tenant_backups import schedule_of
from baileys_janitor.status.changes import ChangeBus
from baileys_janitor.tenants.fault import Fault

NOTHING_SECONDS = 300.0
"""Seconds until a drill without a known archive is tried again."""


class KeyStoreBackups:
    """Part of the reconciler of key stores, whose loop calls `look`. `home` is the namespace of drills."""

    def __init__(
        self,
        kube: Kube,
        config: OperatorConfig,
        pod: Pod,
        clock: Clock,
        cache: KeyStoreCache,
        reads: ClusterReads,
        writer: StatusWriter[KeyStoreRecord],
        started: float,
        prepare: Callable[[str], Awaitable[None]] | None,
        home: str,
        over: Callable[[KeyStoreRecord], None],
        nudge: Callable[[], None],
        bus: ChangeBus,
        crashes: CrashHandler,
    ) -> None:
        self._kube = kube
        self._pod = pod
        self._clock = clock
        self._cache = cache
        self._jitter = config.daily_jitter.seconds
        self._prepare = prepare
        self._home = home
        self._over = over
        self._nudge = nudge
        self._crashes = crashes
        self._watched = config.watch_namespaces
        self.tracker = JobTracker()
        self.results = KeyStoreBackupResults(clock, cache, self.tracker, self._ended, bus, crashes)
        self._timeouts = BackupTimeouts(
            *(kube, clock, self.tracker, reads, writer, self.results, config, crashes),
            deadline=self._deadline,
        )
        self._away = OperatorNamespace(
            kube, config, home, self.tracker, self.results, self._timeouts
        )
        self._queue = BackupQueue(clock, cache.records.get, self.schedule, started)

    @property
    def busy(self) -> bool:
        """Whether something is under way that must be checked from time to time."""
        return bool(list(self.tracker) or len(self.results.leftovers))

    async def adopt(self) -> None:
        """Delete the Jobs that an earlier operator left; due work begins again."""
        await self.results.adopt(self._kube, self._watched, is_of_store_backup)
        await self._away.adopt(is_of_store_backup)

    def nudge(self) -> None:
        """Wake the loop at once."""
        self._nudge()

    def observe(self, record: KeyStoreRecord) -> None:
        """Process a store that may have changed."""
        self._queue.observe(record)

    def forget(self, record: KeyStoreRecord) -> None:
        """Drop a store that was deleted."""
        self._queue.forget(record.key)

    def shift(self, step: float) -> None:
        """Move all times with the clock, which was set by `step` seconds."""
        self.tracker.shift(step)
        self._queue.shift(step)

    def next_due(self) -> float | None:
        """Return when the next store is due."""
        return self._queue.next_due()

    def schedule(self, record: KeyStoreRecord) -> BackupSchedule | None:
        """Return the schedules in force for a store; None if nothing is backed up."""
        effective = record.effective
        if effective is None:
            return None
        schedule = schedule_of(record.namespace, effective, self._jitter)
        if schedule is not None and not self._home:
            # Drills run in the operator's namespace, and here the operator does not run in the cluster.
            return replace(schedule, drills=None)
        return schedule

    def look(self, now: float, spawn: Spawn) -> None:
        """Check the Jobs under way, and create those that are due."""
        self._timeouts.look(now, spawn)
        self._away.ask(now, spawn)
        for record in self._queue.due(now):
            with self._crashes.contain("tenant", [record]):
                claimed = self._queue.claim(record, now)
                if claimed is not None:
                    spawn(self._begin(record, *claimed, now))

    async def _begin(
        self, record: KeyStoreRecord, action: str, names: tuple[str, ...], now: float
    ) -> None:
        """Create a Job, unless the store is gone or has changed meanwhile."""
        launched = False
        try:
            with self._crashes.contain("step", [record]):
                launched = await self._launch(record, action, names, now)
        finally:
            if not launched:
                self._queue.release(record)
                self._over(record)

    async def _launch(
        self, record: KeyStoreRecord, action: str, names: tuple[str, ...], now: float
    ) -> bool:
        settings = record.effective
        if self._cache.records.get(record.key) is not record or settings is None:
            return False
        if settings.suspend or settings.backup is None:
            return False
        if action == DRILL:
            made = backup_jobs.drill_job(record, names, self._pod, now, self._home)
        else:
            going = record.backup.round
            # A round continues with the repositories that it began with.
            names = names if going is None else going.names
            made = backup_jobs.backup_job(record, names, self._pod, now)
        if made is None:
            # The next backup finds the sessions that can be opened.
            self._queue.wait(record, now + NOTHING_SECONDS)
            return False
        job, told = made
        launcher = BackupLauncher(
            *(self._kube, self._clock, self.tracker, self._prepare, self.results.told, told),
            partial(self._refused, record, action, names),
        )
        prefix = f"janitor-{job['metadata']['labels'][ACTION_LABEL]}"
        return await launcher.launch(job, prefix, [record], frozenset()) is not None

    def _deadline(self, tracked: TrackedJob) -> float:
        told = self.results.told.get(tracked.name)
        return DEADLINE_MAX_SECONDS if told is None else told.deadline

    def _refused(
        self, record: KeyStoreRecord, action: str, names: tuple[str, ...], fault: Fault
    ) -> None:
        fail(record, action, names, fault, self._clock.now())

    def _ended(self, record: KeyStoreRecord) -> None:
        # Its status is written before the Job is deleted.
        self._queue.release(record)
        self._over(record)

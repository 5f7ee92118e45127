"""Reconciles session directories: scans, decides, cleans and purges on schedule.

Synchronous: one action at a time, in one thread. The calendar, the decisions and the record are shared with the
operator; the work of a Job in a cluster is done here directly. Nothing here waits: `turn` does the due work and
returns when the next is due.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from baileys_janitor import log_lines
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.job.result import REPEATED
from baileys_janitor.schedule import calendar, scan_times, slots
from baileys_janitor.schedule.circuit_breaker import held_settings
from baileys_janitor.schedule.cleanup_times import DAILY, EMERGENCY, URGENT
from baileys_janitor.schedule.clock_steps import ClockSteps
from baileys_janitor.schedule.context import Context, Intervals
from baileys_janitor.schedule.decision import Decision, decide
from baileys_janitor.status import advice, compose, decision_log
from baileys_janitor.status.changes import ChangeBus, Crashed, between
from baileys_janitor.status.compose import StatusContext
from baileys_janitor.tenants import record_result
from baileys_janitor.tenants.workqueue import WorkQueue
from baileys_janitor.volume.errors import BUSY, DEADLINE_REACHED, SENTENCES
from baileys_janitor.volume.operations import new_run_id
from baileys_janitor.volume.report.results import REFUSED
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.scanning.activity import boot
from baileys_janitor.watch import copies, directories, others, wording, work
from baileys_janitor.watch.backups import child as backup_child
from baileys_janitor.watch.backups.manager import Backups
from baileys_janitor.watch.breaker import Breaker
from baileys_janitor.watch.clock import Clock
from baileys_janitor.watch.directories import Found, Place
from baileys_janitor.watch.notifications.notifier import ChildProcess, Notifier, Start
from baileys_janitor.watch.record import DirectoryRecord
from baileys_janitor.watch.roster import Roster
from baileys_janitor.watch.settings import WatchSettings
from baileys_janitor.watch.state import State, StateFile
from baileys_janitor.watch.work import Volume

Object = dict[str, Any]
logger = logging.getLogger("janitor.watch")

FIND_SECONDS = 60.0
"""Seconds from one search for directories to the next."""
CLEAN_SECONDS = 60.0
"""Time limit in seconds of one cleanup before the others get their turn; it continues later."""
GAP_SECONDS = 1.0
"""Minimum seconds between two scans of one directory."""
WAIT_MAX_SECONDS = 60.0
"""Maximum seconds until the next turn: a clock change is detected then."""
SAVE_SECONDS = 300.0
"""Seconds after which the state is saved although it has not changed materially."""
LAST_SEND_SECONDS = 1.5
"""Seconds for a message in progress when the watch ends, or changes its settings."""
ATTEMPTS = 3
"""How often a claimed run is tried before it is abandoned."""
UNUSED_SECONDS = 86_400.0


class Reconciler:
    """Reconciles the directories of `settings`. `stop` returns a code when the current work must end."""

    def __init__(
        self,
        settings: WatchSettings,
        clock: Clock,
        file: StateFile,
        stop: Callable[[], str | None],
        volume: Volume = work,
        send: Start = ChildProcess,
        back_up: backup_child.Start = backup_child.ChildProcess,
        find: Callable[[WatchSettings, bytes], Found] = directories.find,
    ) -> None:
        self._clock = clock
        self._volume = volume
        self._send = send
        self._search = find
        self._file = file
        self._stop = stop
        self._steps = ClockSteps(clock.now(), clock.monotonic())
        self._deadline = float("inf")
        self.bus = ChangeBus()
        self.bus.subscribe(decision_log.write)
        self.roster = Roster()
        self.records = self.roster.records
        self._queue = WorkQueue(self.records)
        self._find_at = 0.0
        self._saved_at = clock.now()
        self._unsaved = False
        self._touched = False
        self.state: State = file.read(clock.now())
        self.started = clock.now()
        if settings.once:
            # Successive runs by cron count as one: there is no pause after a start.
            self.started = min(self.state.started, self.started)
        self._set(settings)
        self.notifier = self._notifier(self.state.deliveries)
        self.bus.subscribe(lambda change: self.notifier.hear(change, self._clock.now()))
        self.backups = Backups(self.records, clock, self._claimed, self._backed_up, back_up)
        self.backups.take(settings, self.started)
        self._load()

    # Settings

    def _set(self, settings: WatchSettings) -> None:
        config = settings.operator
        self.settings = settings
        self._intervals = Intervals(
            config.daily_jitter.seconds, UNUSED_SECONDS, config.status_interval.seconds
        )
        self._advice = advice.Limits.of(config)
        self.breaker = Breaker(config.circuit_breaker)
        self._memory = self.breaker.memory

    def _notifier(self, deliveries: str) -> Notifier:
        return Notifier(
            self.settings.config.notifications,
            self.records,
            deliveries,
            self.started,
            self.breaker.any,
            self.want_save,
            self._send,
        )

    def reload(self, settings: WatchSettings) -> None:
        """Apply other settings: directories with changed settings are scanned at once."""
        now = self._clock.now()
        self.notifier.wait_and_end(LAST_SEND_SECONDS, now)
        deliveries = self.notifier.encoded()
        self._set(settings)
        self.notifier = self._notifier(deliveries)
        self.backups.take(settings, self.started)
        self._find_at = 0.0
        for record in self.records.values():
            record.settle_in(self.settings, self._clock.now())
            self._recount(record)
            self._again(record)
        self._unsaved = True

    # Directories

    def _load(self) -> None:
        """Load the state file; forget directories that are no longer beneath the paths."""
        now = self._clock.now()
        roots = set(self.settings.roots)
        for path, known in self.state.directories.items():
            place = Place(known.root, known.path, known.name)
            if (
                known.root in roots
                and place.full_path == path
                and self.roster.is_free(self.settings.name, place)
            ):
                record = self._add(place, now, known.status)
                record.gone_since = known.gone_since
                record.copied_at = known.copied_at
                if known.journal is not None:
                    record.see_journal(known.journal)
                record.cut(now)
        self._saved_at = now

    def _add(self, place: Place, now: float, status: Object | None) -> DirectoryRecord:
        record = DirectoryRecord(
            self.settings.name, place.name, place.name, root=place.root, path=place.path
        )
        record.load(status)
        record.resource.see(now, 0.0)
        record.stored.written(min(record.last_scan or now, now))
        delay = slots.spread(record.text, "daily", self._intervals.jitter)
        record.timers.begin(now, delay)
        self.roster.put(place, record)
        record.settle_in(self.settings, self._clock.now())
        record.cut(now)
        self._recount(record)
        self._again(record)
        return record

    def _recount(self, record: DirectoryRecord) -> None:
        for entry in record.cleanup.history:
            if not self.breaker.count(record, entry, self._clock.now()):
                break

    def find(self, now: float) -> None:
        """Search for directories: new ones are added, missing ones are logged once."""
        self._find_at = now + FIND_SECONDS
        found = self._search(self.settings, self.state.key)
        name, roots = self.settings.name, self.settings.roots

        def add(place: Place) -> None:
            self._add(place, now, None)

        def back(record: DirectoryRecord) -> None:
            record.backoff.hurry(now)
            record.jobs.want_scan()
            self._again(record)

        if self.roster.update(name, roots, found, now, add, back):
            self._unsaved = True

    # The loop's body

    def now(self) -> float:
        """Return the Unix time; if the clock was set, shift all times in memory."""
        now = self._clock.now()
        step = self._steps.step(now, self._clock.monotonic())
        if step:
            logger.warning("The clock was set by %+.0f s; due times are shifted with it", step)
            self.started += step
            self._saved_at += step
            self._find_at += step
            self._queue.shift(step)
            for record in self.records.values():
                record.shift(step)
            self.breaker.shift(step)
            self.backups.shift(step)
        return now

    def turn(self) -> float:
        """Do the due work; return when (Unix seconds) the next is due, a minute from now at most."""
        now = self.now()
        if now >= self._find_at:
            self.find(now)
        for record in self._queue.due(now):
            if self._stop() is not None:
                break
            self._contained(record)
        backup_at = self.backups.step(self.now())
        again = min(self.notifier.step(self.now()), backup_at)
        self.save(self.now())
        now = self._clock.now()
        coming = self._queue.next_due()
        until = min(now + WAIT_MAX_SECONDS, self._find_at, again)
        return until if coming is None else min(until, coming)

    def look_at_all(self) -> None:
        """Scan every directory once, due or not, and then do the due work: for cron."""
        now = self.now()
        self.find(now)
        for record in list(self.records.values()):
            if self._stop() is not None:
                break
            record.jobs.want_scan()
            self._contained(record)
            # Do the work that the scan made due.
            self._contained(record)
        self.backups.run_all(self.now, self._stop)
        self.notifier.send_all(self.now, self._stop)
        self.save(self.now(), force=True)

    def end(self) -> None:
        """Save everything; a message in progress gets a moment to arrive."""
        self.backups.end(LAST_SEND_SECONDS, self.now())
        self.notifier.wait_and_end(LAST_SEND_SECONDS, self.now())
        self.save(self.now(), force=True)

    def _contained(self, record: DirectoryRecord) -> None:
        """Reconcile a directory; an error of this program in one does not affect the others."""
        now = self.now()
        try:
            if self._consider(record, now) or self._is_late(record, now):
                self._weigh(record)
            record.backoff.no_crash()
        except Exception as error:  # noqa: BLE001 - the others are looked after
            self.bus.publish(Crashed("tenant"))
            # Its text may hold a file's name.
            kind = type(error).__name__
            logger.error(  # noqa: TRY400 - its text may hold a file's name
                "Unforeseen %s",
                kind,
                extra={"tenant": record.name, "detail": log_lines.where(error)},
            )
            record.crash(now)
        self._again(record)

    def _consider(self, record: DirectoryRecord, now: float) -> bool:
        """Do the due work for a directory; return whether its status may have changed."""
        record.queue.consider(now)
        effective = record.effective
        if now < record.backoff.retry_at or effective is None:
            return False
        if record.run is not None and effective.cleans:
            record.cleanup.doubt()
            self._clean(record)
            return True
        changed = False
        due = scan_times.scan_time(record, self.started)
        if due is not None and now >= due:
            changed = self._scan(record)
            now = self._clock.now()
            record.queue.consider(now)
        if now >= record.backoff.retry_at:
            changed = self._decide(record, now) or changed
        return changed

    def _decide(self, record: DirectoryRecord, now: float) -> bool:
        decision = decide(record, now, self._schedule(record, now))
        if decision.reason is not None and self._read_journal(record, now):
            # Another process has cleaned meanwhile: the counts of the last scan are outdated.
            record.jobs.want_scan()
            decision = decide(record, now, self._schedule(record, now))
        if decision.reason is not None:
            self._begin(record, decision, now)
            return True
        record.timers.settle(decision.trigger_slot, decision.daily_slot, decision.request)
        if decision.idle:
            message = "Nothing was old enough to remove."
            record_result.unanswered(record, DAILY, "NothingToDo", message, now)
        purge_at = calendar.purge_time(record)
        if purge_at is not None and now >= purge_at and record.run is None:
            self._purge(record, now)
            return True
        return decision.idle or decision.daily_slot is not None

    # Actions

    def _scan(self, record: DirectoryRecord) -> bool:
        """Scan a directory; return whether it has changed since the last scan."""
        assert record.effective is not None
        begun, fault = self._clock.now(), record.fault
        found = self._volume.look(record, record.effective.policy, begun, self._stop)
        if self._stop() is not None and found.error is not None:
            return False
        now = self.now()
        if record.gone_since is not None and found.error is None:
            record.find_again()
        self._read_journal(record, now)
        record_result.scanned(record, found, now, True, boot())
        record.scan.begin(begun)
        self._touched = True
        if found.error is None:
            copies.keep_if_due(self._volume, record, now)
        # An unchanged directory gives no new information.
        return found.looked is not None or found.error is not None or fault is not None

    def _begin(self, record: DirectoryRecord, decision: Decision, now: float) -> None:
        """Begin a cleanup exactly once: claim the run in the state file, then clean."""
        record.cleanup.claim(
            {
                "id": new_run_id(now, "watch"),
                "reason": decision.reason,
                "startTime": to_rfc3339(now),
            },
            before=record.scan.counted if record.scan.counts else None,
        )
        record.timers.settle(decision.trigger_slot, decision.daily_slot, decision.request)
        self._publish(record, now)
        self.save(now, force=True)
        self._clean(record)

    def _clean(self, record: DirectoryRecord) -> None:
        effective, run = record.effective, record.run
        assert effective is not None
        assert run is not None
        now = self.now()
        reason = str(run["reason"])
        record.cleanup.hold_back(reason == EMERGENCY and self.breaker.hold(record, now) is not None)
        policy = held_settings(effective.policy) if record.cleanup.held_back else effective.policy
        self._deadline = self._clock.monotonic() + CLEAN_SECONDS
        result = self._volume.clean(
            record,
            policy,
            str(run["id"]),
            reason,
            now,
            self._stop_or_deadline,
            emergency=reason in URGENT,
            dry_run=effective.mode != "Enforce",
            undo_window=float(effective.undo_window),
        )
        self._take(record, result, self.now())
        self._read_journal(record, self.now())
        self._unsaved = True

    def _stop_or_deadline(self) -> str | None:
        code = self._stop()
        if code is None and self._clock.monotonic() >= self._deadline:
            return DEADLINE_REACHED
        return code

    def _take(self, record: DirectoryRecord, result: CleanResult, now: float) -> None:
        if record.cleanup.in_doubt and (result.outcome, result.code) == (REFUSED, BUSY):
            # An earlier process may still be running it: ask for its record again.
            record.fail(record.fault_of(BUSY), now)
            if record.cleanup.attempt() >= ATTEMPTS:
                message = f"Given up after {ATTEMPTS} attempts: {SENTENCES[BUSY]}"
                reason = str((record.run or {}).get("reason"))
                record_result.unanswered(record, reason, "Failed", message, now)
            return
        recorded = result.outcome == REPEATED
        entry = record_result.cleaned(record, result, now, True, boot(), recorded=recorded)
        if not recorded:
            self.breaker.count(record, entry, self._clock.now())

    def _purge(self, record: DirectoryRecord, now: float) -> None:
        assert record.effective is not None
        result = self._volume.purge(record, float(record.effective.undo_window), now, self._stop)
        record_result.purged(record, result, self.now())
        if result.runs:
            about = {"tenant": record.name, "action": "purge", "outcome": result.outcome}
            logger.info("Trash purged", extra=about | {"removed": result.files})
        self._unsaved = True

    # Runs by others

    def _read_journal(self, record: DirectoryRecord, now: float) -> bool:
        """Record the cleanups of others in the journal; return whether one removed files."""
        read = self._volume.read_journal(record)
        if read is None:
            return False
        mark, runs = read
        if not others.take_in(record, mark, runs, now - self._memory, now):
            return False
        self._unsaved = True
        return True

    # Status and state

    def context(self, record: DirectoryRecord, now: float) -> StatusContext:
        """Return the facts besides its record that the status of a directory depends on."""
        return StatusContext(
            self.started,
            self._intervals,
            self.breaker.hold(record, now),
            self._advice,
            copies=False,
            backup=self.backups.context(record),
        )

    def _schedule(self, record: DirectoryRecord, now: float) -> Context:
        return self.context(record, now).schedule

    def _is_late(self, record: DirectoryRecord, now: float) -> bool:
        return record.new or now >= record.stored.written_at + self._intervals.status_every

    def _weigh(self, record: DirectoryRecord) -> None:
        """Publish the status after a material change."""
        now = self._clock.now()
        fresh = self._composed(record, now)
        if self._is_late(record, now) or compose.is_material(record.stored.status, fresh, now):
            self._store(record, fresh, now)

    def _publish(self, record: DirectoryRecord, now: float) -> None:
        self._store(record, self._composed(record, now), now)

    def _composed(self, record: DirectoryRecord, now: float) -> Object:
        return wording.of_server(compose.compose(record, now, self.context(record, now)))

    def _claimed(self) -> None:
        self.save(self._clock.now(), force=True)

    def _backed_up(self, record: DirectoryRecord) -> None:
        """Publish the result of a backup or a drill."""
        self._unsaved = True
        if self.records.get(record.key) is record and not record.new:
            self._publish(record, self._clock.now())

    def _store(self, record: DirectoryRecord, fresh: Object, now: float) -> None:
        before, new = record.stored.status, record.new
        record.stored.take(fresh)
        record.stored.written(now)
        record.cleanup.recorded()
        record.cleanup.sum_up()
        self._unsaved = True
        for change in between(record, before, fresh):
            if not (new and others.is_elsewhere(change)):  # in the journal before anybody watched
                self.bus.publish(change)

    def save(self, now: float, *, force: bool = False) -> None:
        """Write the state file after a material change, or if it is old."""
        old = self._touched and now - self._saved_at >= SAVE_SECONDS
        if not (force or self._unsaved or old):
            return
        self.state.started = self.started
        self.state.written = now
        self.state.take(self.roster.by_path)
        self.state.deliveries = self.notifier.encoded()
        if self._file.write(self.state):
            self._unsaved = self._touched = False
            self._saved_at = now

    def want_save(self) -> None:
        """Have the state written at the end of the turn."""
        self._unsaved = True

    def _again(self, record: DirectoryRecord) -> None:
        """Put the directory into the queue at its next due time."""
        if self.records.get(record.key) is not record:
            return
        now = self._clock.now()
        record.cut(now)
        when = calendar.next_time(record, now, self._schedule(record, now))
        if when is not None:
            when = max(when, record.queue.considered_at + GAP_SECONDS)
        self._queue.schedule(record, when)

"""Looks after session directories: scans, decides, cleans and purges when the calendar says so.

Synchronous: one thing at a time, in one thread. The calendar, the decisions and the record are the operator's; what a
Job does in a cluster is done here at once. Nothing here waits: `turn` does what is due and returns when the next
thing is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from baileys_janitor.api.timestamps import from_rfc3339, to_rfc3339
from baileys_janitor.job.result import REPEATED
from baileys_janitor.schedule import calendar, scan_times, slots
from baileys_janitor.schedule.circuit_breaker import Breakers, Hold, held_settings, named
from baileys_janitor.schedule.cleanup_times import DAILY, EMERGENCY, TRIGGER, URGENT
from baileys_janitor.schedule.clock_steps import ClockSteps
from baileys_janitor.schedule.context import Context, Intervals
from baileys_janitor.schedule.decision import Decision, decide
from baileys_janitor.status import advice, compose, decision_log
from baileys_janitor.status.changes import ChangeBus, Crashed, between
from baileys_janitor.status.compose import StatusContext
from baileys_janitor.tenants import record_result
from baileys_janitor.tenants.record import Key
from baileys_janitor.tenants.workqueue import WorkQueue
from baileys_janitor.volume.activity import boot
from baileys_janitor.volume.credential_copies import KEPT
from baileys_janitor.volume.errors import BUSY, DEADLINE_REACHED, SENTENCES
from baileys_janitor.volume.journal import Run
from baileys_janitor.volume.operations import new_run_id
from baileys_janitor.volume.results import COMPLETED, REFUSED
from baileys_janitor.volume.run_results import CleanResult
from baileys_janitor.watch import directories, wording, work
from baileys_janitor.watch.directories import Found, Place
from baileys_janitor.watch.notifying import SEND_SECONDS, ChildProcess, Notifier, Start
from baileys_janitor.watch.record import DirectoryRecord
from baileys_janitor.watch.settings import WatchSettings
from baileys_janitor.watch.state import State, StateFile

Object = dict[str, Any]
logger = logging.getLogger("janitor.watch")

FIND_SECONDS = 60.0
"""Seconds from one search for directories to the next."""
FORGET_SECONDS = 86_400.0
"""Seconds that a directory which is gone is remembered."""
CLEAN_SECONDS = 60.0
"""Seconds that one cleanup may take before the others have their turn; it goes on later."""
GAP_SECONDS = 1.0
"""Least seconds between two looks at one directory."""
WAIT_MAX_SECONDS = 60.0
"""Most seconds until the next turn: a clock that was set meanwhile is noticed then."""
SAVE_SECONDS = 300.0
"""Seconds after which the state is saved although nothing in it changed materially."""
MESSAGES_MAX = 20
"""Messages that one run of cron sends."""
NAMED_MAX = 5
"""New directories that are named in the log when they come at once."""
LAST_SEND_SECONDS = 1.5
"""Seconds that a message under way may take when the watch ends, or takes over other settings."""
ATTEMPTS = 3
"""How often a claimed run is tried before it is given up."""
COPY_LOOK_SECONDS = 3600.0
"""Seconds from one look for whether a copy of creds.json is due to the next."""
UNUSED_SECONDS = 86_400.0
AUTOMATIC = frozenset({DAILY, TRIGGER, EMERGENCY})
ELSEWHERE = "It was carried out by somebody else; the directory's journal has it."


class Clock(Protocol):
    """Unix time, and seconds that pass evenly, also while the machine sleeps."""

    def now(self) -> float:
        """Return the Unix time in seconds."""

    def monotonic(self) -> float:
        """Return seconds that pass evenly."""


class Volume(Protocol):
    """What is done in session directories: `work`, or what a test puts in its place."""

    look: Any
    clean: Any
    purge: Any
    read_journal: Any
    keep_copy: Any


class MachineClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return the Unix time in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since the machine's start, those that it slept included."""
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Reconciler:
    """Looks after the directories of `settings`. `stop` returns a code when whatever is under way is to end."""

    def __init__(
        self,
        settings: WatchSettings,
        clock: Clock,
        file: StateFile,
        stop: Callable[[], str | None],
        volume: Volume = work,
        send: Start = ChildProcess,
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
        self.records: dict[Key, DirectoryRecord] = {}
        self._by_path: dict[str, DirectoryRecord] = {}
        self._queue = WorkQueue(self.records)
        self._find_at = 0.0
        self._problems: dict[str, str] = {}
        self._saved_at = clock.now()
        self._unsaved = False
        self._touched = False
        self.state: State = file.read(clock.now())
        self.started = clock.now()
        if settings.once:
            # The runs that cron begins count as one that goes on: nothing pauses after a start.
            self.started = min(self.state.started, self.started)
        self._set(settings)
        self.notifier = self._notifier(self.state.deliveries)
        self.bus.subscribe(lambda change: self.notifier.hear(change, self._clock.now()))
        self._load()

    # Settings

    def _set(self, settings: WatchSettings) -> None:
        config = settings.operator
        breaker = config.circuit_breaker
        self.settings = settings
        self._intervals = Intervals(
            config.daily_jitter.seconds, UNUSED_SECONDS, config.status_interval.seconds
        )
        self._advice = advice.Limits.of(config)
        self.breakers = Breakers(
            breaker.window.seconds,
            breaker.percent,
            breaker.runs,
            breaker.hold.seconds,
            lambda: 1,
        )
        self._memory = breaker.window.seconds + breaker.hold.seconds

    def _notifier(self, deliveries: str) -> Notifier:
        return Notifier(
            self.settings.config.notifications,
            self.records,
            deliveries,
            self.started,
            self.breakers.any,
            self.want_save,
            self._send,
        )

    def reload(self, settings: WatchSettings) -> None:
        """Take over other settings: directories whose own have changed are scanned at once."""
        now = self._clock.now()
        self.notifier.wait_and_end(LAST_SEND_SECONDS, now)
        deliveries = self.notifier.encoded()
        self._set(settings)
        self.notifier = self._notifier(deliveries)
        self._find_at = 0.0
        for record in self.records.values():
            self._settle_in(record)
            self._recount(record)
            self._again(record)
        self._unsaved = True

    def _settle_in(self, record: DirectoryRecord) -> None:
        """Put the settings in force."""
        generation = self.settings.generation(record.name)
        if record.resource.generation not in (0, generation):
            record.jobs.want_scan()
            record.backoff.hurry(self._clock.now())
        if record.effective is not None and record.effective.suspend:
            record.scan.resume(self._clock.now())
        record.resource.set_spec(generation, generation)
        record.resource.set_effective(self.settings.of(record.name))
        record.resource.annotate(None, self.settings.is_muted(record.name), None)

    # Directories

    def _load(self) -> None:
        """Begin with what the state file knows; what is not beneath the paths any more is forgotten."""
        now = self._clock.now()
        roots = set(self.settings.roots)
        for path, known in self.state.directories.items():
            place = Place(known.root, known.path, known.name)
            if known.root in roots and place.full_path == path and self._is_free(place):
                record = self._add(place, now, known.status)
                record.gone_since = known.gone_since
                record.copied_at = known.copied_at
                if known.journal is not None:
                    record.see_journal(known.journal)
                record.cut(now)
        self._saved_at = now

    def _is_free(self, place: Place) -> bool:
        return (self.settings.name, place.name) not in self.records

    def _add(self, place: Place, now: float, status: Object | None) -> DirectoryRecord:
        record = DirectoryRecord(
            self.settings.name, place.name, place.name, root=place.root, path=place.path
        )
        record.load(status)
        record.resource.see(now, 0.0)
        record.stored.written(min(record.last_scan or now, now))
        delay = slots.spread(record.text, "daily", self._intervals.jitter)
        record.timers.begin(now, delay)
        self.records[record.key] = record
        self._by_path[place.full_path] = record
        self._settle_in(record)
        record.cut(now)
        self._recount(record)
        self._again(record)
        return record

    def _recount(self, record: DirectoryRecord) -> None:
        for entry in record.cleanup.history:
            if not self._count(record, entry):
                break

    def find(self, now: float) -> None:
        """Search for directories: new ones are looked after from now on, those that are gone are logged once."""
        self._find_at = now + FIND_SECONDS
        found = self._search(self.settings, self.state.key)
        self._tell_problems(found.problems)
        here = {place.full_path: place for place in found.places}
        new: list[Place] = []
        for path, place in here.items():
            record = self._by_path.get(path)
            if record is None and self._is_free(place):
                new.append(place)
                self._add(place, now, None)
            elif record is not None and record.gone_since is not None:
                logger.info("The session directory is back", extra={"tenant": record.name})
                record.find_again()
                record.backoff.hurry(now)
                record.jobs.want_scan()
                self._again(record)
        self._tell_new(new)
        for path, record in list(self._by_path.items()):
            if path not in here and record.root not in found.problems:
                self._lose(path, record, now)

    def _tell_new(self, new: list[Place]) -> None:
        if len(new) > NAMED_MAX:
            logger.info("%d more session directories are looked after", len(new))
            return
        for place in new:
            logger.info("A session directory is looked after", extra={"tenant": place.name})

    def _lose(self, path: str, record: DirectoryRecord, now: float) -> None:
        if record.gone_since is None:
            record.lose(now)
            logger.warning("A session directory is gone", extra={"tenant": record.name})
            self._unsaved = True
        elif now - record.gone_since >= FORGET_SECONDS and record.run is None:
            logger.info(
                "A session directory that is gone is forgotten", extra={"tenant": record.name}
            )
            del self._by_path[path], self.records[record.key]
            self._unsaved = True

    def _tell_problems(self, problems: dict[str, str]) -> None:
        for root, code in problems.items():
            if self._problems.get(root) != code:
                logger.warning(
                    "No directories can be looked for beneath path %d: %s",
                    self.settings.roots.index(root) + 1,
                    SENTENCES.get(code, code),
                )
        for root in self._problems.keys() - problems.keys():
            if root in self.settings.roots:
                number = self.settings.roots.index(root) + 1
                logger.info("Path %d can be searched again", number)
        self._problems = dict(problems)

    @property
    def has_problems(self) -> bool:
        """Whether a path cannot be searched."""
        return bool(self._problems)

    # The loop's body

    def now(self) -> float:
        """Return the Unix time, with all that is known moved if the clock was set."""
        now = self._clock.now()
        step = self._steps.step(now, self._clock.monotonic())
        if step:
            logger.warning("The clock was set by %+.0f s; what is due stays due", step)
            self.started += step
            self._saved_at += step
            self._find_at += step
            self._queue.shift(step)
            for record in self.records.values():
                record.shift(step)
            self.breakers.shift(step)
        return now

    def turn(self) -> float:
        """Do what is due now; return when (Unix seconds) the next thing is, a minute from now at most."""
        now = self.now()
        if now >= self._find_at:
            self.find(now)
        for record in self._queue.due(now):
            if self._stop() is not None:
                break
            self._contained(record)
        again = self.notifier.step(self.now())
        self.save(self.now())
        now = self._clock.now()
        coming = self._queue.next_due()
        until = min(now + WAIT_MAX_SECONDS, self._find_at, again)
        return until if coming is None else min(until, coming)

    def look_at_all(self) -> None:
        """Look at every directory once, whenever it is due, and do what is due then: for cron."""
        now = self.now()
        self.find(now)
        for record in list(self.records.values()):
            if self._stop() is not None:
                break
            record.jobs.want_scan()
            self._contained(record)
            # What the look called for.
            self._contained(record)
        self._send_all()
        self.save(self.now(), force=True)

    def _send_all(self) -> None:
        """Send what is due, one message after the other."""
        for _ in range(MESSAGES_MAX):
            self.notifier.step(self.now())
            if not self.notifier.is_sending or self._stop() is not None:
                return
            self.notifier.wait_and_end(SEND_SECONDS, self.now())
            self.notifier.hurry()

    def end(self) -> None:
        """Save everything; a message under way has a moment to arrive."""
        self.notifier.wait_and_end(LAST_SEND_SECONDS, self.now())
        self.save(self.now(), force=True)

    def _contained(self, record: DirectoryRecord) -> None:
        """Have a directory looked after; an error of this program in one is that directory's alone."""
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
                "Unforeseen %s", kind, extra={"tenant": record.name, "detail": _where(error)}
            )
            record.crash(now)
        self._again(record)

    def _consider(self, record: DirectoryRecord, now: float) -> bool:
        """Do what a directory needs now; return whether something may have changed by that."""
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
            # Somebody else has cleaned meanwhile: what the last look counted is over.
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

    # What is done

    def _scan(self, record: DirectoryRecord) -> bool:
        """Look at a directory; return whether it is another one than at the look before."""
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
            self._keep_copy(record, now)
        # A look that found nothing changed has learned nothing.
        return found.looked is not None or found.error is not None or fault is not None

    def _keep_copy(self, record: DirectoryRecord, now: float) -> None:
        """Keep a copy of creds.json, where anything may be written at all; look for that once an hour."""
        copies = self.settings.config.credentials_copies
        recent = record.copied_at is not None and now - record.copied_at < COPY_LOOK_SECONDS
        assert record.effective is not None
        if not copies.keep or recent or record.effective.mode != "Enforce":
            return
        record.copied(now)
        kept = self._volume.keep_copy(record, float(copies.every.seconds), copies.keep, now)
        if kept is not None and kept.outcome == KEPT:
            logger.info("A copy of creds.json is kept", extra={"tenant": record.name})

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
        record.cleanup.hold_back(reason == EMERGENCY and self._hold(record, now) is not None)
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
            # An earlier process of this run may be at it: its record is asked for again.
            record.fail(record.fault_of(BUSY), now)
            if record.cleanup.attempt() >= ATTEMPTS:
                message = f"Given up after {ATTEMPTS} attempts: {SENTENCES[BUSY]}"
                reason = str((record.run or {}).get("reason"))
                record_result.unanswered(record, reason, "Failed", message, now)
            return
        recorded = result.outcome == REPEATED
        entry = record_result.cleaned(record, result, now, True, boot(), recorded=recorded)
        if not recorded:
            self._count(record, entry)

    def _purge(self, record: DirectoryRecord, now: float) -> None:
        assert record.effective is not None
        result = self._volume.purge(record, float(record.effective.undo_window), now, self._stop)
        record_result.purged(record, result, self.now())
        if result.runs:
            about = {"tenant": record.name, "action": "purge", "outcome": result.outcome}
            logger.info("Trash purged", extra=about | {"removed": result.files})
        self._unsaved = True

    # What others have done

    def _read_journal(self, record: DirectoryRecord, now: float) -> bool:
        """Take in the cleanups that others have recorded; return whether there was one that removed something."""
        read = self._volume.read_journal(record)
        if read is None:
            return False
        mark, runs = read
        first = record.journal is None
        record.see_journal(mark)
        known = {str(entry.get("run")) for entry in record.cleanup.history}
        known.add(str((record.run or {}).get("id")))
        since = record.cleanup.last_time or now - self._memory
        news = [run for run in runs if run.run not in known and _counts(run, since, now)]
        for run in news:
            self._take_over(record, run)
            if not first and run.reason in AUTOMATIC and not record.shared:
                record.share()
                logger.warning(
                    "Somebody else looks after this directory too: its journal has an automatic cleanup that is not "
                    "this watch's. Nothing is done twice, but let one of them do it",
                    extra={"tenant": record.name, "run": run.run, "reason": run.reason},
                )
        return bool(news)

    def _take_over(self, record: DirectoryRecord, run: Run) -> None:
        """Take over another's cleanup. Whoever writes to the directory can write its journal: no figures."""
        assert run.result is not None
        assert record.effective is not None
        reason = run.reason if run.reason in AUTOMATIC else "Requested"
        when = float(run.result.time or run.time)
        entry = {
            "run": run.run,
            "time": to_rfc3339(when),
            "reason": reason,
            "outcome": run.result.outcome,
        }
        record.cleanup.record(entry, {"message": ELSEWHERE})
        record.scan.cleaned()
        if run.result.outcome == COMPLETED:
            record.cleanup.cool(when, record.effective.cooldown)
            if reason == EMERGENCY:
                record.cleanup.cool_emergency(when, record.effective.emergency_cooldown)
        self._unsaved = True

    # The circuit breaker

    def _hold(self, record: DirectoryRecord, now: float) -> Hold | None:
        return self.breakers.hold(record.namespace, now)

    def _count(self, record: DirectoryRecord, entry: Object) -> bool:
        """Add a cleanup to the circuit breaker; return False for one that is too old, as all before it are."""
        now = self._clock.now()
        when = min(from_rfc3339(entry.get("time")) or now, now)
        if when < now - self._memory:
            return False
        automatic = entry.get("reason") in AUTOMATIC and entry.get("outcome") != "DryRun"
        if self.settings.operator.circuit_breaker.enabled and automatic:
            before = self._hold(record, now)
            removed = int(entry.get("removed") or 0)
            total = record.look.total if record.look is not None else None
            files = max(int(entry.get("before") or 0), removed + (total or 0))
            run = str(entry.get("run"))
            self.breakers.note(record.namespace, record.name, run, when, removed, files)
            hold = self._hold(record, now)
            if hold is not None and before is None:
                about = {"action": "clean", "until": to_rfc3339(hold.until)}
                logger.warning(
                    "Cleanups removed abnormally much: the circuit breaker holds automatic ones",
                    extra=about | {"detail": named(hold.tenants)},
                )
            self.breakers.tidy(now)
        return True

    # Status and state

    def context(self, record: DirectoryRecord, now: float) -> StatusContext:
        """Return what the status of a directory needs to know besides its record."""
        return StatusContext(self.started, self._intervals, self._hold(record, now), self._advice)

    def _schedule(self, record: DirectoryRecord, now: float) -> Context:
        return self.context(record, now).schedule

    def _is_late(self, record: DirectoryRecord, now: float) -> bool:
        return record.new or now >= record.stored.written_at + self._intervals.status_every

    def _weigh(self, record: DirectoryRecord) -> None:
        """Publish the status if something material has changed."""
        now = self._clock.now()
        fresh = self._composed(record, now)
        if self._is_late(record, now) or compose.is_material(record.stored.status, fresh, now):
            self._store(record, fresh, now)

    def _publish(self, record: DirectoryRecord, now: float) -> None:
        self._store(record, self._composed(record, now), now)

    def _composed(self, record: DirectoryRecord, now: float) -> Object:
        return wording.of_server(compose.compose(record, now, self.context(record, now)))

    def _store(self, record: DirectoryRecord, fresh: Object, now: float) -> None:
        before = record.stored.status
        record.stored.take(fresh)
        record.stored.written(now)
        record.cleanup.recorded()
        record.cleanup.sum_up()
        self._unsaved = True
        for change in between(record, before, fresh):
            self.bus.publish(change)

    def save(self, now: float, *, force: bool = False) -> None:
        """Write the state file where something material has changed, or it is getting old."""
        old = self._touched and now - self._saved_at >= SAVE_SECONDS
        if not (force or self._unsaved or old):
            return
        self.state.started = self.started
        self.state.written = now
        self.state.take(self._by_path)
        self.state.deliveries = self.notifier.encoded()
        if self._file.write(self.state):
            self._unsaved = self._touched = False
            self._saved_at = now

    def want_save(self) -> None:
        """Have the state written at the end of the turn."""
        self._unsaved = True

    def _again(self, record: DirectoryRecord) -> None:
        """Put the directory into the queue for when it is due next."""
        if self.records.get(record.key) is not record:
            return
        now = self._clock.now()
        record.cut(now)
        when = calendar.next_time(record, now, self._schedule(record, now))
        if when is not None:
            when = max(when, record.queue.considered_at + GAP_SECONDS)
        self._queue.schedule(record, when)


def _counts(run: Run, since: float, now: float) -> bool:
    """Return whether a journal's run is over, removed something, and may be told of: not before, not ahead."""
    if run.result is None or run.result.removed <= 0:
        return False
    when = float(run.result.time or run.time)
    return since < when <= now + 1.0


def _where(error: BaseException) -> str:
    """Return where an exception was raised: its text may hold a file's name."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}, line {trace.tb_lineno}"

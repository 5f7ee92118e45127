"""Runs due backups and drills in a process that ends: no object store and no key is ever loaded in the watch.

One process runs at a time, and handles up to 25 directories one after the other. Its tasks are claimed in
the state file before it starts, and its results count once the watch has read them. If the watch is killed in between,
it finds the claim at its next start, counts the attempt as failed and retries after a pause. Archives are immutable
and each backup is a new one, so an archive whose answer was lost does no harm.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from baileys_janitor.schedule import backup_times
from baileys_janitor.schedule.backup_reasons import BACKUP, DRILL
from baileys_janitor.schedule.backup_times import START_SECONDS
from baileys_janitor.status.backup import BackupContext, context_of
from baileys_janitor.tenants.backup_state import (
    FAILED,
    INTERRUPTED,
    INTERRUPTED_MESSAGE,
    PUT,
    Tries,
)
from baileys_janitor.tenants.record import Key
from baileys_janitor.watch.backups.child import TASK_SECONDS, Child, ChildProcess, Start
from baileys_janitor.watch.backups.protocol import UNEXPECTED, Result, Task, plain
from baileys_janitor.watch.clock import Clock
from baileys_janitor.watch.record import DirectoryRecord
from baileys_janitor.watch.settings import WatchSettings

Object = dict[str, Any]
logger = logging.getLogger("janitor.watch")

TASKS_MAX = 25
"""The limit on directories of one process."""
LATE_SECONDS = 30.0
"""Seconds after the time limit of a task until the process is killed, if it has not ended itself."""
LOOK_SECONDS = 60.0
"""Maximum seconds from one check of all directories to the next."""
ROUNDS_MAX = 1000
"""The limit on processes that one run for cron starts."""
UNTOLD = "The process that backs up ended without a result; the watch tries again automatically."
TOO_SLOW = (
    f"It took longer than {TASK_SECONDS:.0f} seconds and was stopped: see whether the repository "
    "answers quickly."
)


class Backups:
    """Starts due backups and drills, and records their results. Times are Unix seconds.

    `claimed` stores the state; `done` is called with each record that has a new result.
    """

    def __init__(
        self,
        records: Mapping[Key, DirectoryRecord],
        clock: Clock,
        claimed: Callable[[], None],
        done: Callable[[DirectoryRecord], None],
        start: Start = ChildProcess,
    ) -> None:
        self._settings: WatchSettings | None = None
        self._started = 0.0
        self._records = records
        self._clock = clock
        self._claimed = claimed
        self._done = done
        self._start = start
        self._child: Child | None = None
        self._tasks: list[tuple[DirectoryRecord, Task]] = []
        self._answered = 0
        self._heard_at = 0.0
        self._look_at = 0.0
        self._counts: Counter[tuple[str, str]] = Counter()
        self._unknown: set[str] = set()
        self._kept: set[tuple[str, str]] = set()
        """Repositories that failed to remove old archives, and why."""
        self._first: dict[tuple[str, str, str], tuple[str, list[str]]] = {}
        """New failures, by the action, the repository and the code: the reason and the directories."""
        self._began_at = 0.0

    @property
    def is_working(self) -> bool:
        """Whether a process is running."""
        return self._child is not None

    def take(self, settings: WatchSettings, started: float) -> None:
        """Apply other settings; `started` is when the watch has started."""
        self._settings = settings
        # The pause after a start gives the first scans priority; a run for cron has scanned already.
        self._started = started - START_SECONDS if settings.once else started
        self.look_again()

    def look_again(self) -> None:
        """Check all directories at the next step: settings or directories have changed."""
        self._look_at = 0.0

    def shift(self, step: float) -> None:
        """Shift the times after a clock change."""
        self._look_at += step
        self._started += step
        self._began_at += step

    def context(self, record: DirectoryRecord) -> BackupContext | None:
        """Return the context for the status of a directory's backups; None without backups, or if it is left alone."""
        assert self._settings is not None
        found = self._settings.backups_of(record.name)
        if found is None or _is_left_alone(record):
            return None
        return context_of(self._settings.backup_schedule(record.name), found, self._started)

    def step(self, now: float) -> float:
        """Record results, and start due work; return when to call this again."""
        self._collect(now)
        if self._child is None and now >= self._look_at:
            self._begin(now)
        if self._child is not None:
            # The end of the process also wakes the loop.
            return now + self._patience()
        return self._look_at

    def run_all(
        self,
        clock: Callable[[], float],
        stop: Callable[[], str | None],
    ) -> None:
        """Do all due work, one process after the other, until `stop` returns a reason to end."""
        for _ in range(ROUNDS_MAX):
            self._look_at = 0.0
            self.step(clock())
            if self._child is None or stop() is not None:
                break
            while self._child is not None and stop() is None:
                self._child.wait(self._patience())
                self._collect(clock())
        self.end(0.0, clock())

    def end(self, seconds: float, now: float) -> None:
        """Wait up to this many seconds for the process, then kill it: its unfinished tasks are due again."""
        if self._child is None:
            return
        self._child.wait(seconds)
        self._collect(now)
        if self._child is not None:
            self._child.kill()
            self._collect(now, stopped=True)

    # Start

    def _begin(self, now: float) -> None:
        assert self._settings is not None
        settings, started = self._settings, self._started
        found: list[tuple[DirectoryRecord, Task]] = []
        again = math.inf
        firsts: dict[str, DirectoryRecord] = {}
        for record in self._records.values():
            firsts.setdefault(_directory(record), record)
        for record in self._records.values():
            if not record.backup.repositories or _is_left_alone(record):
                continue
            schedule = settings.backup_schedule(record.name)
            known = record.backup.repositories
            due = backup_times.due_now(known, schedule, now, started)
            if not due:
                coming = backup_times.upcoming(known, schedule, now, started)
                again = min([again, *(each.time for each in coming)])
                continue
            # A drill waits for the backup: it restores the newest archive.
            do = BACKUP if BACKUP in due else DRILL
            is_first = firsts[_directory(record)] is record
            archived_as = _directory(record) if is_first else _full_path(record)
            found.append((record, _task(settings, record, do, due[do], archived_as)))
        found = sorted(found, key=_order)[:TASKS_MAX]
        self._look_at = now if found else min(again, now + LOOK_SECONDS)
        if found:
            self._launch(found, now)

    def _launch(self, found: list[tuple[DirectoryRecord, Task]], now: float) -> None:
        for record, task in found:
            for tries in _tries(record, task):
                tries.claim(now)
        self._claimed()
        self._tasks, self._answered = found, 0
        self._counts, self._unknown, self._first = Counter(), set(), {}
        self._kept = set()
        self._began_at = now
        self._heard_at = self._clock.monotonic()
        try:
            self._child = self._start([task for _, task in found], TASK_SECONDS)
        except OSError as error:
            why = f"No process can be started for it ({error.strerror}); the watch tries again automatically."
            for record, task in found:
                self._settle(record, task, {}, now, UNEXPECTED, why)
            self._summarize(now)

    # End

    def _patience(self) -> float:
        quiet = self._clock.monotonic() - self._heard_at
        return max(0.0, TASK_SECONDS + LATE_SECONDS - quiet)

    def _collect(self, now: float, *, stopped: bool = False) -> None:
        child = self._child
        if child is None:
            return
        answers, ended = child.poll()
        for number, results in answers:
            # Answers arrive in order; a skipped task had none.
            while self._answered < number:
                self._next({}, now, UNEXPECTED, UNTOLD)
            if number == self._answered:
                self._next(results, now, UNEXPECTED, UNTOLD)
            self._heard_at = self._clock.monotonic()
        if ended is None and self._patience() <= 0:
            child.kill()
            _, ended = child.poll()
            ended = ended or "TooSlow"
        if ended is None:
            return
        self._child = None
        if self._answered < len(self._tasks) and not stopped:
            code, message = _ending(ended)
            self._next({}, now, code, message)
        for record, task in self._tasks[self._answered :]:
            for tries in _tries(record, task):
                tries.release()
        self._tasks = []
        self._look_at = 0.0
        self._summarize(now)

    def _next(self, results: Mapping[str, Result], now: float, code: str, message: str) -> None:
        record, task = self._tasks[self._answered]
        self._answered += 1
        self._settle(record, task, results, now, code, message)

    def _settle(
        self,
        record: DirectoryRecord,
        task: Task,
        results: Mapping[str, Result],
        now: float,
        code: str,
        message: str,
    ) -> None:
        for name in task.repositories:
            state = record.backup.repositories.get(name)
            if state is None:
                continue
            result = results.get(name) or Result(FAILED, code, message)
            tries = state if task.do == BACKUP else state.drill
            first = result.outcome == FAILED and not tries.failures
            if result.outcome == FAILED:
                tries.fail(now, result.code or UNEXPECTED, result.message or message)
            else:
                since = self._began_at if tries.claimed_at is None else tries.claimed_at
                when = now if result.time is None else min(max(result.time, since), now)
                tries.succeed(when, result.seconds)
            if task.do == BACKUP:
                if result.kept and result.kept != state.kept:
                    self._kept.add((name, result.kept))
                state.ended(result.outcome, result.newest, result.kept, listed=result.listed)
            elif result.outcome != FAILED:
                state.drill.passed(result.archive, result.files)
            self._counts[task.do, result.outcome] += 1
            self._unknown |= {name} if result.unknown else set()
            if first:
                self._first.setdefault((task.do, name, tries.code), (tries.message, []))[1].append(
                    record.name
                )
        self._done(record)

    def _summarize(self, now: float) -> None:
        for (do, repository, code), (message, names) in self._first.items():
            more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
            about = {"tenant": names[0], "action": do.lower(), "reason": code}
            detail = f"{repository}: {message}{more}"
            logger.warning("%s failed", do, extra=about | {"detail": detail})
        for name, code in sorted(self._kept):
            logger.warning(
                "Archives that are not needed any more could not be removed: allow that, or leave it to the store "
                "(backup.retention.by: Bucket)",
                extra={"action": "backup", "reason": code, "detail": name},
            )
        for name in sorted(self._unknown):
            logger.warning(
                "Somebody else puts archives where this watch does: they count for nothing here. Give each server a "
                "prefix of its own in the repository's url",
                extra={"action": "backup", "detail": name},
            )
        for do in (BACKUP, DRILL):
            told = {outcome: n for (what, outcome), n in self._counts.items() if what == do}
            if told:
                news = PUT in told or FAILED in told or do == DRILL
                logger.log(
                    logging.INFO if news else logging.DEBUG,
                    "%ss done: %s",
                    do,
                    ", ".join(f"{n} {outcome}" for outcome, n in sorted(told.items())),
                    extra={
                        "action": do.lower(),
                        "seconds": round(max(0.0, now - self._began_at), 1),
                    },
                )


def _ending(ended: str) -> tuple[str, str]:
    if ended == "TooSlow":
        return "TooSlow", TOO_SLOW
    return INTERRUPTED, INTERRUPTED_MESSAGE


def _order(pair: tuple[DirectoryRecord, Task]) -> tuple[bool, int, float]:
    """Return the sort key of a task: backups before drills, then fewest failures, so that failing ones delay none."""
    tries = list(_tries(*pair))
    failures = max(each.failures for each in tries)
    return pair[1].do != BACKUP, failures, min(each.tried_at or 0.0 for each in tries)


def _directory(record: DirectoryRecord) -> str:
    """Return the path beneath its root, or the name of a root itself, which names archives as on the command line."""
    return record.path if record.path != "." else record.root.rstrip("/").rpartition("/")[2]


def _full_path(record: DirectoryRecord) -> str:
    return record.root if record.path == "." else f"{record.root.rstrip('/')}/{record.path}"


def _is_left_alone(record: DirectoryRecord) -> bool:
    effective = record.effective
    return record.gone_since is not None or effective is None or effective.suspend


def _tries(record: DirectoryRecord, task: Task) -> Iterable[Tries]:
    for name in task.repositories:
        state = record.backup.repositories.get(name)
        if state is not None:
            yield state if task.do == BACKUP else state.drill


def _task(
    settings: WatchSettings, record: DirectoryRecord, do: str, names: list[str], archived_as: str
) -> Task:
    backups = settings.backups_of(record.name)
    assert backups is not None
    return Task(
        do=do,
        name=record.name,
        root=record.root,
        path=record.path,
        archived_as=archived_as,
        settings=plain(backups),
        repositories=tuple(names),
        anew=do == BACKUP and any(record.backup.repositories[name].is_lost for name in names),
    )

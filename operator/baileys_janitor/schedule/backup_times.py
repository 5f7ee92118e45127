"""When a tenant's backups and drills are due: the same slots, delay and catch-up as for the daily cleanup. Pure.

As with cleanups, one function decides (what is due), requeues (the earliest) and promises (the earliest in the future).
A missed slot is caught up on once. While a repository fails, its back-off replaces the slots.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from baileys_janitor.schedule import slots
from baileys_janitor.schedule.backoff import backoff_seconds
from baileys_janitor.schedule.backup_reasons import BACKUP, DRILL, LASTING, OF_SESSION, PASSING
from baileys_janitor.schedule.cleanup_times import Due

START_SECONDS = 30.0
"""Seconds after a start before missed attempts begin: the first scans go first."""
PAUSES: Mapping[bool, tuple[float, float]] = {False: (60.0, 900.0), True: (300.0, 3600.0)}
"""The first and the longest pause after a failed backup, in seconds, by whether the reason lasts."""
DRILL_PAUSES: Mapping[bool, tuple[float, float]] = {
    False: (300.0, 21_600.0),
    True: (3600.0, 86_400.0),
}
"""The same after a failed drill: every reason that does not pass by itself lasts."""
SLACK_SECONDS, SLACK_SHARE = 900.0, 0.25
"""How late a backup may be before it counts as overdue: the larger of both."""


class TriesState(Protocol):
    """Attempts at one task."""

    @property
    def done_at(self) -> float | None: ...
    @property
    def tried_at(self) -> float | None: ...
    @property
    def claimed_at(self) -> float | None: ...
    @property
    def failures(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def asked_at(self) -> float | None: ...
    @property
    def is_asked(self) -> bool: ...


class RepositoryTimes(TriesState, Protocol):
    """The state of one repository of a tenant that the calendar reads."""

    @property
    def drill(self) -> TriesState: ...
    @property
    def newest(self) -> object | None: ...


@dataclass(frozen=True, slots=True)
class BackupSchedule:
    """The schedules in force. `backups` and `drills` are cron expressions in `zone`, None for never.

    `delay` is this tenant's delay after the cron time, in whole seconds: times are stored as whole seconds, and an
    attempt must not lie before its own slot when they are read back.
    """

    backups: str | None
    drills: str | None
    zone: str
    delay: float
    undrilled: frozenset[str] = frozenset()
    """Names of the repositories that no drill can read."""


def upcoming(
    repositories: Mapping[str, RepositoryTimes],
    schedule: BackupSchedule,
    now: float,
    started: float,
) -> list[Due]:
    """Return when a backup and a drill are due, including overdue ones but not those under way, earliest first.

    `started` is when this process started (Unix seconds).
    """
    first: dict[str, float] = {}
    for reason, _, when in _times(repositories, schedule, now, started):
        first[reason] = min(when, first.get(reason, when))
    return sorted((Due(when, reason) for reason, when in first.items()), key=lambda due: due.time)


def due_now(
    repositories: Mapping[str, RepositoryTimes],
    schedule: BackupSchedule,
    now: float,
    started: float,
) -> dict[str, list[str]]:
    """Return the tasks that are due now: the names of the repositories by reason."""
    found: dict[str, list[str]] = {}
    for reason, name, when in _times(repositories, schedule, now, started):
        if when <= now:
            found.setdefault(reason, []).append(name)
    return found


def _times(
    repositories: Mapping[str, RepositoryTimes],
    schedule: BackupSchedule,
    now: float,
    started: float,
) -> Iterator[tuple[str, str, float]]:
    """Yield each due task as (reason, repository, time)."""
    for name, each in repositories.items():
        when = backup_time(each, schedule, now, started)
        if when is not None:
            yield BACKUP, name, when
        drill = None if name in schedule.undrilled else drill_time(each, schedule, now, started)
        if drill is not None:
            yield DRILL, name, drill


def promised(
    repositories: Mapping[str, RepositoryTimes],
    schedule: BackupSchedule,
    reason: str,
    now: float,
    started: float,
) -> float | None:
    """Return when the next backup or drill begins, for people: what is overdue begins now."""
    for due in upcoming(repositories, schedule, now, started):
        if due.reason == reason:
            return max(due.time, now)
    return None


def backup_time(
    tries: RepositoryTimes, schedule: BackupSchedule, now: float, started: float
) -> float | None:
    """Return when the next backup to a repository is due; None for never, and while one is under way."""
    if tries.claimed_at is not None:
        return None
    if tries.is_asked:
        return tries.asked_at
    if schedule.backups is None:
        return None
    if tries.tried_at is None:
        # The first backup shows at once whether the settings work.
        return started + START_SECONDS
    if tries.failures and tries.code not in OF_SESSION:
        first, longest = PAUSES[tries.code in LASTING]
        return tries.tried_at + backoff_seconds(tries.failures - 1, first, longest)
    return _slot_time(tries, schedule.backups, schedule, now, started)


def drill_time(
    tries: RepositoryTimes, schedule: BackupSchedule, now: float, started: float
) -> float | None:
    """Return when the next drill from a repository is due; None while there is nothing to restore."""
    drill = tries.drill
    if drill.claimed_at is not None or tries.newest is None:
        return None
    if drill.is_asked:
        return drill.asked_at
    if schedule.drills is None:
        return None
    if drill.tried_at is None:
        # The first drill shows at once, and not after a month, whether archives can be opened at all.
        return started + START_SECONDS
    if drill.failures:
        first, longest = DRILL_PAUSES[drill.code not in PASSING]
        return drill.tried_at + backoff_seconds(drill.failures - 1, first, longest)
    return _slot_time(drill, schedule.drills, schedule, now, started)


def _slot_time(
    tries: TriesState, cron: str, schedule: BackupSchedule, now: float, started: float
) -> float | None:
    latest = slots.daily_slot(cron, schedule.zone, schedule.delay, now)
    # Slots before the last attempt are handled by it.
    missed = None if latest is None else latest + schedule.delay
    if missed is not None and tries.tried_at is not None and missed > tries.tried_at:
        return missed if missed >= started else max(missed, started + START_SECONDS)
    return slots.next_daily(cron, schedule.zone, schedule.delay, now)


def overdue_time(tries: TriesState, seen_at: float | None, rpo: float) -> float | None:
    """Return the time from which the last backup is older than the RPO; None while unknown."""
    since = tries.done_at if tries.done_at is not None else seen_at
    return None if since is None else since + rpo + max(SLACK_SECONDS, rpo * SLACK_SHARE)


def drill_overdue_time(drill: TriesState, schedule: BackupSchedule) -> float | None:
    """Return the time from which the last passed drill is too old; None without drills, or if none has passed."""
    if schedule.drills is None or drill.done_at is None:
        return None
    coming = slots.next_daily(schedule.drills, schedule.zone, schedule.delay, drill.done_at)
    if coming is None:
        return None
    return coming + max(86_400.0, (coming - drill.done_at) * SLACK_SHARE)

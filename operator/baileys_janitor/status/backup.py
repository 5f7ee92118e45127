"""Whether a tenant is backed up and can be restored: two conditions and a part of the status. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.backup.backup_settings import BackupsOf, Repository
from baileys_janitor.api.conditions.backup_conditions import (
    BACKED_UP,
    DRILL_FAILED,
    DRILL_OVERDUE,
    DRILL_PASSED,
    DRILL_TOO_SLOW,
    FAILING,
    NEVER_DRILLED,
    NEVER_RUN,
    NO_IDENTITY,
    NOTHING_TO_DO,
    OVERDUE,
    REASONS,
    RESTORABLE,
    UP_TO_DATE,
)
from baileys_janitor.api.conditions.conditions import Conditions
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.schedule import backup_times
from baileys_janitor.schedule.backup_reasons import BACKUP, DRILL, LASTING, OF_SESSION, PASSING
from baileys_janitor.schedule.backup_times import BackupSchedule
from baileys_janitor.tenants import backup_state
from baileys_janitor.tenants.backup_state import BackupState, RepositoryState

Object = dict[str, Any]

FAILING_AFTER = 3
"""Failed attempts in a row that count as failing; two for a reason that lasts. One may be a restart."""
LASTING_AFTER = 2


@dataclass(frozen=True, slots=True)
class Words:
    """Words for a resource's backups in messages; the defaults are those of a tenant."""

    held: str = "The session is backed up"
    last: str = "The last backup holds the session"
    unpaired: str = "There is no paired session yet, so nothing to back up."
    undrilled: str = (
        "No drill runs here, since nothing is configured that opens the archives: rehearse where the secret key is, "
        "with `baileys-janitor drill`."
    )
    drilled: str = "The newest archive was restored in a rehearsal"
    pace: str = "in {seconds:.1f} s at most,"
    took: str = "It took"


@dataclass(frozen=True, slots=True)
class BackupContext:
    """The inputs of the status of backups besides their state. Times are Unix seconds."""

    schedule: BackupSchedule
    """Has no drills if nothing can be decrypted here."""
    rpo: float
    """Maximum age of the newest backup, in seconds."""
    rto: float
    """Maximum duration of a restore, in seconds."""
    drills: bool
    """Whether drills are configured."""
    started: float
    words: Words = Words()


def context_of(
    schedule: BackupSchedule,
    backups: BackupsOf[Repository],
    started: float,
    words: Words | None = None,
) -> BackupContext:
    """Return the context for the settings in force."""
    drills = backups.drill_schedule is not None
    return BackupContext(schedule, backups.rpo, backups.rto, drills, started, words or Words())


@dataclass(frozen=True, slots=True)
class Verdict:
    """The value of a condition: `holds` is None while unknown."""

    holds: bool | None
    reason: str
    message: str


_ORDER = {False: 0, None: 1, True: 2}


def state(
    conditions: Conditions, backup: BackupState, context: BackupContext | None, now: float
) -> Object:
    """State both conditions; return the group `backup` of the status, empty if nothing is configured.

    Without a context, while the tenant is suspended, both conditions are carried over.
    """
    if not backup.repositories:
        return {}
    found = backup.stored()
    if context is None:
        for kind in (BACKED_UP, RESTORABLE):
            conditions.keep(kind.type)
        return found
    schedule = context.schedule
    if schedule.backups is not None:
        _set(conditions, BACKED_UP, backed_up(backup, context, now))
    if context.drills:
        _set(conditions, RESTORABLE, restorable(backup, context, now))
    for key, reason in (("nextTime", BACKUP), ("nextDrillTime", DRILL)):
        when = backup_times.promised(backup.repositories, schedule, reason, now, context.started)
        if when is not None:
            found[key] = to_rfc3339(when)
    return found


def mark(stored: Object | None) -> tuple[Any, ...]:
    """Return the part of the group `backup` whose changes must be written at once.

    An unchanged session is checked every hour or so: the time of that check waits for the next regular write. After a
    restart it is checked once more, which puts nothing.
    """
    found = []
    for each in (stored or {}).get("repositories") or ():
        drill = each.get("drill") or {}
        found.append(
            (
                *(each["name"], each.get("archive"), each.get("failures"), each.get("reason")),
                *(drill.get("time"), drill.get("failures"), drill.get("reason")),
            )
        )
    return ((stored or {}).get("known"), *found)


def _set(conditions: Conditions, kind: Any, verdict: Verdict) -> None:
    conditions.set(kind.type, verdict.holds, verdict.reason, verdict.message)


def backed_up(backup: BackupState, context: BackupContext, now: float) -> Verdict:
    """Return the condition BackedUp: the worst of all repositories."""
    return _worst(
        backup.repositories.items(),
        lambda name, each: _backed_up(name, each, backup.seen_at, context, now),
        UP_TO_DATE,
        _held(backup, context.words),
    )


def restorable(backup: BackupState, context: BackupContext, now: float) -> Verdict:
    """Return the condition Restorable: the worst of all repositories."""
    if context.schedule.drills is None:
        return Verdict(
            None,
            NO_IDENTITY,
            context.words.undrilled,
        )
    return _worst(
        backup.repositories.items(),
        lambda name, each: _restorable(name, each, context, now),
        DRILL_PASSED,
        _drilled(backup, context.words),
    )


def _worst(
    repositories: Iterable[tuple[str, RepositoryState]],
    judge: Callable[[str, RepositoryState], Verdict | None],
    good: str,
    praise: str,
) -> Verdict:
    judged = [verdict for name, each in repositories if (verdict := judge(name, each)) is not None]
    if not judged:
        return Verdict(True, good, praise)
    worst = min(judged, key=lambda verdict: _ORDER[verdict.holds])
    others = [each.message for each in judged if each is not worst and each.holds is worst.holds]
    return Verdict(worst.holds, worst.reason, " ".join([worst.message, *others]))


def _backed_up(
    name: str, each: RepositoryState, seen_at: float | None, context: BackupContext, now: float
) -> Verdict | None:
    """Return the problem with the backups to one repository; None if there is none."""
    late = backup_times.overdue_time(each, seen_at, context.rpo)
    overdue = late is not None and now >= late
    if each.failures and (overdue or each.done_at is None or _is_failing(each)):
        reason = REASONS.get(each.code, FAILING)
        # The first attempt shows whether the settings work: report its error, as a fault unless it may pass by itself.
        fails = overdue or _is_failing(each) or each.code in LASTING
        said = f"{name}: {each.message} {_newest(each, context.words)}"
        return Verdict(False if fails else None, reason, said)
    if each.done_at is None:
        if overdue:
            return Verdict(False, NEVER_RUN, f"{name}: No backup has ever been made there.")
        return Verdict(None, NEVER_RUN, f"{name}: The first backup is due.")
    if overdue:
        return Verdict(
            False,
            OVERDUE,
            f"{name}: {_newest(each, context.words)} It should be made anew by now: see whether the janitor runs.",
        )
    if each.newest is None and each.outcome == backup_state.NOTHING_TO_DO:
        return Verdict(None, NOTHING_TO_DO, f"{name}: {context.words.unpaired}")
    return None


def _is_failing(each: RepositoryState) -> bool:
    if each.code in OF_SESSION:
        return True
    return each.failures >= (LASTING_AFTER if each.code in LASTING else FAILING_AFTER)


def _newest(each: RepositoryState, words: Words) -> str:
    if each.done_at is None:
        return "There is no backup yet."
    return f"{words.last} as of {to_rfc3339(each.done_at)}."


def _held(backup: BackupState, words: Words) -> str:
    since = min((each.done_at or 0.0 for each in backup.repositories.values()), default=0.0)
    return (
        f"{words.held} as of {to_rfc3339(since)} or later, in {_listed(list(backup.repositories))}."
    )


def _restorable(
    name: str, each: RepositoryState, context: BackupContext, now: float
) -> Verdict | None:
    drill = each.drill
    if name in context.schedule.undrilled:
        return Verdict(
            None,
            NO_IDENTITY,
            f"{name}: No drill can read it: no credentials for that are configured.",
        )
    late = backup_times.drill_overdue_time(drill, context.schedule)
    overdue = late is not None and now >= late
    if drill.failures and (drill.code not in PASSING or drill.failures >= FAILING_AFTER):
        return Verdict(False, DRILL_FAILED, f"{name}: {drill.message} {_last_drill(each)}")
    if drill.done_at is None:
        waits = "The first drill is due." if each.newest else "There is nothing to restore yet."
        return Verdict(None, NEVER_DRILLED, f"{name}: {waits}")
    if overdue:
        return Verdict(
            False, DRILL_OVERDUE, f"{name}: {_last_drill(each)} The next one is overdue."
        )
    if (drill.seconds or 0.0) > context.rto:
        return Verdict(
            False,
            DRILL_TOO_SLOW,
            f"{name}: {_last_drill(each)} {context.words.took} {drill.seconds:.0f} s, longer than "
            "backup.objectives.rto.",
        )
    return None


def _last_drill(each: RepositoryState) -> str:
    if each.drill.done_at is None:
        return "No drill has passed yet."
    return f"The last drill that passed was at {to_rfc3339(each.drill.done_at)}."


def _drilled(backup: BackupState, words: Words) -> str:
    drills = [each.drill for each in backup.repositories.values()]
    since = min((each.done_at or 0.0 for each in drills), default=0.0)
    slowest = max((each.seconds or 0.0 for each in drills), default=0.0)
    return (
        f"{words.drilled} at {to_rfc3339(since)} or later, {words.pace.format(seconds=slowest)} "
        f"from {_listed(list(backup.repositories))}."
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

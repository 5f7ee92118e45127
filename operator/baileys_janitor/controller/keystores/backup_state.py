"""The backups of a key store, with counts of its sessions. Pure; times are Unix seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from baileys_janitor.backup.job.result import FAILED, NOTHING_TO_DO, PUT, UNCHANGED, Outcome
from baileys_janitor.backup.names import is_tenant, parse_name
from baileys_janitor.keystore.job.backup_result import SAMPLE_MOST, BackedUp, Problem, Tally
from baileys_janitor.policy.archives import known_archives
from baileys_janitor.schedule.backup_reasons import OF_SESSION, PASSING
from baileys_janitor.status.backup import Words
from baileys_janitor.tenants.backup_state import (
    INTERRUPTED,
    INTERRUPTED_MESSAGE,
    Archived,
    BackupState,
    RepositoryState,
)
from baileys_janitor.tenants.wording import counted

Object = dict[str, Any]
Sample = list[tuple[str, str]]
"""Sessions by the tenants' parts of their names, each with its newest archives (`policy.known_archives`)."""

KILLED_MOST = 3
"""Maximum number of consecutive killed Jobs of one round, each at another session: then the session is not the cause.
"""
NO_PROGRESS = (
    "TooSlow",
    (
        "Not one session could be dealt with within spec.limits.duration: raise that, or look for what slows the "
        "database and the store down."
    ),
)


@dataclass(slots=True)
class Round:
    """One pass through all sessions, by one Job or several, each of which continues where the one before ended.

    `names` are the repositories, in the order of the Jobs' tasks; `since` is when the first Job was claimed.
    """

    names: tuple[str, ...]
    since: float
    found: BackedUp
    killed: int = 0
    """Consecutive Jobs that were killed before they had finished a single session."""


@dataclass(slots=True)
class StoreBackups(BackupState):
    """Backups of one key store. `round` is under way, or would continue; a new operator starts a new one."""

    sessions: dict[str, int] = field(default_factory=dict)
    """The number of sessions by their outcome in the last round: a part of the status."""
    round: Round | None = None

    def configure(self, names: Iterable[str], now: float) -> None:
        """Keep the state of these repositories, and forget all others."""
        BackupState.configure(self, names, now)
        if self.round is not None and not set(self.round.names) <= set(self.repositories):
            self.round = None
        if not self.repositories:
            self.sessions = {}

    @property
    def after(self) -> str:
        """The session after which the next Job continues."""
        return "" if self.round is None else self.round.found.after

    @property
    def sample(self) -> Sample:
        """The sessions that a drill opens. Anybody who can write the status can change them, so they are checked."""
        found: Sample = []
        for each in (self.known or "").split(" ")[:SAMPLE_MOST]:
            tenant, _, known = each.partition("=")
            if is_tenant(tenant) and known_archives.decode(known) is not None:
                found.append((tenant, known))
        return found

    def take(self, names: tuple[str, ...], found: BackedUp, now: float) -> None:
        """Record the results of the sessions that a Job had time for, in the repositories with these names."""
        killed = found.under_way and found.done == 0
        if found.under_way:
            _lose_one(found)
        if found.failure is not None:
            self._fail(names, *found.failure, now)
            return
        if found.left and not found.done:
            self._fail(names, *NO_PROGRESS, now)
            return
        claims = [
            each.claimed_at
            for name, each in self.repositories.items()
            if name in names and each.claimed_at is not None
        ]
        if self.round is None or self.round.names != names:
            self.round = Round(names, min(claims, default=now), found)
        else:
            self.round.found.add(found)
        self.round.killed = self.round.killed + 1 if killed else 0
        if self.round.killed >= KILLED_MOST:
            self._fail(names, INTERRUPTED, INTERRUPTED_MESSAGE, now)
        elif self.round.found.left == 0:
            self._end(self.round, now)
            self.round = None

    def _fail(self, names: Iterable[str], code: str, message: str, now: float) -> None:
        """Record that the round cannot continue. The next Job starts a new round, without repeating earlier puts."""
        self.round = None
        for name in names:
            state = self.repositories.get(name)
            if state is not None:
                state.fail(now, code, message)
                state.ended(FAILED, None)

    def _end(self, round_: Round, now: float) -> None:
        found = round_.found
        since = min(max(round_.since, 0.0), now)
        good = max(0, found.sessions - found.nothing - found.failing)
        self.sessions = {
            "count": found.sessions,
            "backedUp": good,
            "nothingToDo": found.nothing,
            "failing": found.failing,
        }
        if found.sample or not found.failing:
            self.remember(" ".join(f"{tenant}={known}" for tenant, known in found.sample) or None)
        for name, tally in zip(round_.names, found.repositories, strict=True):
            state = self.repositories.get(name)
            if state is not None:
                _end_one(state, tally, found, since, now)

    def take_drills(
        self, name: str, sessions: Sequence[Outcome], archives: Iterable[str], now: float
    ) -> None:
        """Record the drills of some sessions from one repository; if one has failed, the drill has failed."""
        state = self.repositories.get(name)
        if state is None:
            return
        if not sessions:
            state.drill.fail(now, INTERRUPTED, INTERRUPTED_MESSAGE)
            return
        failed = [each for each in sessions if each.outcome == FAILED]
        if failed:
            first = next((each for each in failed if each.code not in PASSING), failed[0])
            of = f"{len(failed)} of {counted(len(sessions), 'session')}"
            said = first.message or f"It failed ({first.code})."
            state.drill.fail(now, first.code, f"{of}: {said}")
            return
        mean = sum(each.ms for each in sessions) / len(sessions) / 1000
        state.drill.succeed(now, mean * max(self.sessions.get("count", 0), len(sessions)))
        files = sum(each.files or 0 for each in sessions)
        state.drill.passed(max(archives, default=""), files, len(sessions))

    def words(self) -> Words:
        """Return the words for its backups in messages."""
        figures = self.sessions
        total = figures.get("count", 0)
        unpaired = figures.get("nothingToDo", 0)
        beside = f", and {unpaired} not paired," if unpaired else ""
        drills = [each.drill.sessions or 0 for each in self.repositories.values()]
        return Words(
            held=f"{figures.get('backedUp', 0)} of {counted(total, 'session')}{beside} are backed up",
            last="All sessions were last backed up",
            unpaired="No session is paired yet, so nothing to back up.",
            undrilled=(
                "No drill runs here: it needs what opens the archives, and a database that the configuration names for "
                "this store (backup.drill.databaseSecretNames). Rehearse where both are, with `baileys-janitor "
                "keystore drill`."
            ),
            drilled=f"{min(drills, default=0)} of {counted(total, 'session')} were restored in a rehearsal",
            pace="all would take {seconds:.1f} s at most,",
            took="All sessions would take",
        )

    def load(self, stored: Mapping[str, Any]) -> None:
        """Load the group `backup` of a stored status, already read within its bounds."""
        BackupState.load(self, stored)
        self.sessions = dict(stored.get("sessions") or {})

    def stored(self) -> Object:
        """Return the state as `load` reads it; empty if nothing is configured."""
        found = BackupState.stored(self)
        return found | ({"sessions": self.sessions} if found and self.sessions else {})


def _lose_one(found: BackedUp) -> None:
    """Count the session during which a process was killed as failed: the next Job continues after it."""
    found.under_way = False
    found.done += 1
    found.failing += 1
    for tally in found.repositories:
        tally.fail(INTERRUPTED, INTERRUPTED_MESSAGE)


def _end_one(
    state: RepositoryState, tally: Tally, found: BackedUp, since: float, now: float
) -> None:
    archived = _archived(tally)
    if not tally.failed:
        outcome = PUT if tally.put else UNCHANGED if tally.unchanged else NOTHING_TO_DO
        state.succeed(since, found.ms / 1000)
        state.ended(outcome, archived, tally.kept)
        return
    code, problem = _worst(tally.problems)
    if OF_SESSION.issuperset(tally.problems):
        # The repository has everything else: the cause is in these sessions.
        state.succeed(since, found.ms / 1000)
    of = f"{problem.count} of {counted(found.sessions, 'session')}"
    state.fail(now, code, f"{of}: {problem.message or f'It failed ({code}).'}")
    state.ended(FAILED, archived)


def _worst(problems: Mapping[str, Problem]) -> tuple[str, Problem]:
    """Return the most frequent problem; a problem of a single session has less weight than any other."""
    return max(problems.items(), key=lambda each: (each[0] not in OF_SESSION, each[1].count))


def _archived(tally: Tally) -> Archived | None:
    name = parse_name(tally.newest)
    if name is None:
        return None
    return Archived(
        tally.newest,
        float(name.time),
        tally.rows,
        tally.bytes,
        None if tally.put_only else tally.archives,
        float(tally.oldest) if tally.oldest and not tally.put_only else None,
    )

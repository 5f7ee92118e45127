"""What is known of the backups and drills of one tenant, by repository. Pure; times are Unix seconds.

An attempt is claimed before it begins, and the claim is stored. Whoever finds a claim at its start knows that the
attempt was cut off: it counts as failed, so that what kills its process is not tried again at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from baileys_janitor.api.values.timestamps import from_rfc3339, to_rfc3339

Object = dict[str, Any]

PUT, UNCHANGED, NOTHING_TO_DO, FAILED = "Put", "Unchanged", "NothingToDo", "Failed"
"""How an attempt to back up ends. All but the last are successes: what is there is what there is to keep."""
INTERRUPTED = "Interrupted"
INTERRUPTED_MESSAGE = "The process was killed in the middle of it; it is tried again by itself."
LOST = frozenset(
    {"NoArchive", "ArchiveMissing", "NotAnArchive", "ArchiveTruncated", "ArchiveDamaged"}
)
"""Why a drill fails whose archive is gone, or is not what was put."""
FAILURES_MAX = 1_000_000
MESSAGE_MAX = 512


@dataclass(slots=True)
class Tries:
    """Attempts at one thing that is done again and again: a backup to one repository, or a drill from it."""

    done_at: float | None = None
    """When it last succeeded: the time of what was read then."""
    tried_at: float | None = None
    claimed_at: float | None = None
    """Since when an attempt is under way."""
    failures: int = 0
    """Attempts that failed one after another."""
    code: str = ""
    message: str = ""
    """Why the last one failed: the code, and a sentence."""
    seconds: float | None = None
    """How long the last success took."""
    asked_at: float | None = None
    """When somebody has asked for an attempt; it is due until one has begun since. It is not stored."""

    def ask(self, since: float) -> None:
        """Have an attempt made, whatever the schedule says."""
        self.asked_at = since

    @property
    def is_asked(self) -> bool:
        """Whether an attempt was asked for that has not begun."""
        return self.asked_at is not None and (self.tried_at or 0.0) < self.asked_at

    def claim(self, now: float) -> None:
        """Record that an attempt is about to begin."""
        self.claimed_at = now

    def release(self) -> None:
        """Record that the claimed attempt was not begun: it is as due as before."""
        self.claimed_at = None

    def hurry(self) -> None:
        """Have a failed attempt tried again at once: somebody has changed what may have been wrong."""
        if self.failures:
            self.tried_at = None

    def succeed(self, when: float, seconds: float | None) -> None:
        """Record a success with what was there at `when`."""
        self._end(when)
        self.done_at = when
        self.failures, self.code, self.message = 0, "", ""
        self.seconds = seconds

    def fail(self, now: float, code: str, message: str) -> None:
        """Record a failure."""
        self._end(now)
        self.failures = min(self.failures + 1, FAILURES_MAX)
        self.code, self.message = code, message[:MESSAGE_MAX]

    def _end(self, when: float) -> None:
        self.tried_at = when
        self.claimed_at = None

    def shift(self, step: float) -> None:
        """Move the times with the clock."""
        self.done_at = None if self.done_at is None else self.done_at + step
        self.tried_at = None if self.tried_at is None else self.tried_at + step
        self.claimed_at = None if self.claimed_at is None else self.claimed_at + step
        self.asked_at = None if self.asked_at is None else self.asked_at + step

    def cut(self, now: float) -> None:
        """Cut times that lie ahead: a clock that was wrong has written them."""
        self.done_at = None if self.done_at is None else min(self.done_at, now)
        self.tried_at = None if self.tried_at is None else min(self.tried_at, now)
        self.claimed_at = None if self.claimed_at is None else min(self.claimed_at, now)

    def load(self, stored: Mapping[str, Any]) -> None:
        """Take over what is stored."""
        self.done_at = from_rfc3339(stored.get("time"))
        self.tried_at = from_rfc3339(stored.get("triedTime"))
        self.failures = stored.get("failures") or 0
        self.code, self.message = stored.get("reason") or "", stored.get("message") or ""
        self.seconds = stored.get("seconds")
        self.claimed_at = from_rfc3339(stored.get("claimedTime"))

    def interrupt(self) -> None:
        """Count a claimed attempt as failed: whoever made it is gone."""
        if self.claimed_at is not None:
            self.fail(self.claimed_at, INTERRUPTED, INTERRUPTED_MESSAGE)

    def stored(self) -> Object:
        """Return what `load` reads."""
        times = {
            "time": self.done_at,
            "triedTime": self.tried_at,
            "claimedTime": self.claimed_at,
        }
        found: Object = {key: to_rfc3339(when) for key, when in times.items() if when is not None}
        if self.failures:
            found |= {"failures": self.failures, "reason": self.code, "message": self.message}
        if self.seconds is not None:
            found["seconds"] = round(self.seconds, 3)
        return found


@dataclass(frozen=True, slots=True)
class Archived:
    """The newest archive of a tenant in one repository, and what lies beside it.

    `archives` and `oldest` (Unix seconds) are None where the credentials may not list.
    """

    archive: str
    time: float
    files: int | None = None
    bytes: int | None = None
    archives: int | None = None
    oldest: float | None = None


@dataclass(slots=True)
class Drills(Tries):
    """Rehearsals of a restore from one repository."""

    archive: str = ""
    files: int | None = None
    sessions: int | None = None
    """How many sessions of a key store were restored; None for a tenant, which has one."""

    def passed(self, archive: str, files: int | None, sessions: int | None = None) -> None:
        """Record which archive was restored in the rehearsal, and how many files of it."""
        self.archive, self.files, self.sessions = archive, files, sessions

    def load(self, stored: Mapping[str, Any]) -> None:
        """Take over what is stored."""
        Tries.load(self, stored)
        self.archive, self.files = stored.get("archive") or "", stored.get("files")
        self.sessions = stored.get("sessions")

    def stored(self) -> Object:
        """Return what `load` reads."""
        own: Object = {
            "archive": self.archive or None,
            "files": self.files,
            "sessions": self.sessions,
        }
        return Tries.stored(self) | {k: v for k, v in own.items() if v is not None}


@dataclass(slots=True)
class RepositoryState(Tries):
    """Backups of one tenant in one repository, and the drills from there."""

    outcome: str = ""
    newest: Archived | None = None
    kept: str = ""
    """Why archives that retention does not need were not removed; empty where they were."""
    drill: Drills = field(default_factory=Drills)

    @property
    def is_lost(self) -> bool:
        """Whether the last drill found the newest archive gone or damaged, and none was put since.

        A session that has not changed would otherwise be put again only a week after that archive.
        """
        drilled = self.drill.tried_at
        if self.drill.code not in LOST or drilled is None:
            return False
        return self.newest is None or self.newest.time < drilled

    def ended(
        self,
        outcome: str,
        newest: Archived | None,
        kept: str | None = None,
        *,
        listed: bool = False,
    ) -> None:
        """Record how an attempt ended, and what lies in the repository as far as that is known.

        `kept` is None where nothing was learned of retention this time, and `listed` says whether the repository was
        asked for its archives: what was learned before counts on.
        """
        self.outcome = outcome
        before = self.newest
        if newest is not None and not listed and before is not None and before.archives is None:
            newest = replace(newest, archives=None, oldest=None)
        self.newest = newest or before
        if outcome in {PUT, UNCHANGED} and kept is not None:
            self.kept = kept

    def interrupt(self) -> None:
        """Count claimed attempts as failed."""
        if self.claimed_at is not None:
            self.outcome = FAILED
        Tries.interrupt(self)
        self.drill.interrupt()

    def shift(self, step: float) -> None:
        """Move the times with the clock; those of archives are in their names and stay."""
        Tries.shift(self, step)
        self.drill.shift(step)

    def cut(self, now: float) -> None:
        """Cut times that lie ahead."""
        Tries.cut(self, now)
        self.drill.cut(now)

    def load(self, stored: Mapping[str, Any]) -> None:
        """Take over what is stored."""
        Tries.load(self, stored)
        self.outcome = stored.get("outcome") or ""
        self.kept = stored.get("retentionReason") or ""
        self.drill.load(stored.get("drill") or {})
        archive, when = stored.get("archive"), from_rfc3339(stored.get("archiveTime"))
        if archive and when is not None:
            self.newest = Archived(
                archive,
                when,
                stored.get("files"),
                stored.get("bytes"),
                stored.get("archives"),
                from_rfc3339(stored.get("oldestTime")),
            )

    def stored(self) -> Object:
        """Return what `load` reads."""
        found = Tries.stored(self)
        if self.outcome:
            found["outcome"] = self.outcome
        if self.kept:
            found["retentionReason"] = self.kept
        if self.newest is not None:
            newest = self.newest
            own: Object = {
                "archive": newest.archive,
                "archiveTime": to_rfc3339(newest.time),
                "files": newest.files,
                "bytes": newest.bytes,
                "archives": newest.archives,
                "oldestTime": None if newest.oldest is None else to_rfc3339(newest.oldest),
            }
            found |= {key: value for key, value in own.items() if value is not None}
        drill = self.drill.stored()
        return found | ({"drill": drill} if drill else {})


@dataclass(slots=True)
class BackupState:
    """Backups of one tenant, by the names of the repositories."""

    repositories: dict[str, RepositoryState] = field(default_factory=dict)
    seen_at: float | None = None
    """Since when backups are configured, as far as this process knows."""
    known: str | None = None
    """Which archives are ours, where no directory can be asked: one line of text."""
    job: str = ""
    """The name of the Job that was last begun with this tenant as the first of its members that could be told."""

    @property
    def last_success(self) -> float | None:
        """When the session was last backed up to any repository."""
        times = [each.done_at for each in self.repositories.values() if each.done_at is not None]
        return max(times, default=None)

    @property
    def claimed(self) -> bool:
        """Whether anything is under way."""
        return any(
            each.claimed_at is not None or each.drill.claimed_at is not None
            for each in self.repositories.values()
        )

    def configure(self, names: Iterable[str], now: float) -> None:
        """Keep what is known of these repositories, and forget all others."""
        self.repositories = {
            name: self.repositories.get(name) or RepositoryState() for name in names
        }
        if not self.repositories:
            self.seen_at = self.known = None
            self.job = ""
        elif self.seen_at is None:
            self.seen_at = now

    def remember(self, known: str | None) -> None:
        """Take over which archives are ours, as one line of text (`policy.known_archives`)."""
        self.known = known

    def begin(self, job: str) -> None:
        """Record the name of a Job that is about to be created."""
        self.job = job

    def interrupt(self) -> None:
        """Count claimed attempts as failed: the process that made them is gone."""
        for each in self.repositories.values():
            each.interrupt()

    def release(self) -> None:
        """Drop claims of another process: what it began is due again, or is taken up by its Job."""
        for each in self.repositories.values():
            each.release()
            each.drill.release()

    def shift(self, step: float) -> None:
        """Move the times with the clock."""
        self.seen_at = None if self.seen_at is None else self.seen_at + step
        for each in self.repositories.values():
            each.shift(step)

    def cut(self, now: float) -> None:
        """Cut times that lie ahead."""
        self.seen_at = None if self.seen_at is None else min(self.seen_at, now)
        for each in self.repositories.values():
            each.cut(now)

    def load(self, stored: Mapping[str, Any]) -> None:
        """Take over the group `backup` of a stored status, as it was read within its bounds."""
        found: dict[str, RepositoryState] = {}
        for each in stored.get("repositories") or ():
            state = found[each["name"]] = RepositoryState()
            state.load(each)
        if self.seen_at is None:
            self.repositories = found
        else:
            # What is configured stays so, whatever was stored.
            self.repositories = {
                name: found.get(name) or RepositoryState() for name in self.repositories
            }
        self.known = stored.get("known")
        self.job = stored.get("jobName") or ""

    def stored(self) -> Object:
        """Return what `load` reads; empty where nothing is configured."""
        if not self.repositories:
            return {}
        found: Object = {
            "repositories": [
                {"name": name, **each.stored()} for name, each in self.repositories.items()
            ]
        }
        if self.last_success is not None:
            found["lastSuccessTime"] = to_rfc3339(self.last_success)
        if self.known is not None:
            found["known"] = self.known
        if self.job:
            found["jobName"] = self.job
        return found


def attempts(stored: Object | None) -> tuple[Any, ...]:
    """Return what distinguishes one attempt from another in the group `backup` of a status."""
    found = []
    for each in (stored or {}).get("repositories") or ():
        drill = each.get("drill") or {}
        found.append(
            (each["name"], each.get("triedTime"), each.get("outcome"), drill.get("triedTime"))
        )
    return tuple(found)

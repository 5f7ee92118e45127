"""The backups and drills of one tenant, by repository. Pure; times are Unix seconds.

An attempt is claimed before it begins, and the claim is stored. A claim that exists when a process starts belongs to an
interrupted attempt: it counts as failed, so that an attempt that kills its process is not repeated at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from baileys_janitor.api.values.timestamps import from_rfc3339, to_rfc3339

Object = dict[str, Any]

PUT, UNCHANGED, NOTHING_TO_DO, FAILED = "Put", "Unchanged", "NothingToDo", "Failed"
"""Outcomes of a backup attempt. All but the last are successes: everything that exists is backed up."""
INTERRUPTED = "Interrupted"
INTERRUPTED_MESSAGE = (
    "The process was killed before it finished; the janitor tries again automatically."
)
LOST = frozenset(
    {"NoArchive", "ArchiveMissing", "NotAnArchive", "ArchiveTruncated", "ArchiveDamaged"}
)
"""Reasons of a failed drill whose archive is gone, or differs from the one that was put."""
FAILURES_MAX = 1_000_000
MESSAGE_MAX = 512


@dataclass(slots=True)
class Tries:
    """Attempts at one repeated task: a backup to one repository, or a drill from it."""

    done_at: float | None = None
    """When it last succeeded: the time at which its data was read."""
    tried_at: float | None = None
    claimed_at: float | None = None
    """When the attempt under way began."""
    failures: int = 0
    """Failed attempts in a row."""
    code: str = ""
    message: str = ""
    """Why the last attempt failed: the code, and a sentence."""
    seconds: float | None = None
    """Duration of the last success."""
    asked_at: float | None = None
    """When an attempt was requested; it is due until one begins. Not stored."""

    def ask(self, since: float) -> None:
        """Request an attempt, whatever the schedule is."""
        self.asked_at = since

    @property
    def is_asked(self) -> bool:
        """Whether a requested attempt has not begun yet."""
        return self.asked_at is not None and (self.tried_at or 0.0) < self.asked_at

    def claim(self, now: float) -> None:
        """Record that an attempt is about to begin."""
        self.claimed_at = now

    def release(self) -> None:
        """Record that the claimed attempt did not begin: it is as due as before."""
        self.claimed_at = None

    def hurry(self) -> None:
        """Retry a failed attempt at once: somebody has changed a possible cause."""
        if self.failures:
            self.tried_at = None

    def succeed(self, when: float, seconds: float | None) -> None:
        """Record a success with the data of the time `when`."""
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
        """Cut times in the future: a wrong clock has written them."""
        self.done_at = None if self.done_at is None else min(self.done_at, now)
        self.tried_at = None if self.tried_at is None else min(self.tried_at, now)
        self.claimed_at = None if self.claimed_at is None else min(self.claimed_at, now)

    def load(self, stored: Mapping[str, Any]) -> None:
        """Load the stored state."""
        self.done_at = from_rfc3339(stored.get("time"))
        self.tried_at = from_rfc3339(stored.get("triedTime"))
        self.failures = stored.get("failures") or 0
        self.code, self.message = stored.get("reason") or "", stored.get("message") or ""
        self.seconds = stored.get("seconds")
        self.claimed_at = from_rfc3339(stored.get("claimedTime"))

    def interrupt(self) -> None:
        """Count a claimed attempt as failed: its process is gone."""
        if self.claimed_at is not None:
            self.fail(self.claimed_at, INTERRUPTED, INTERRUPTED_MESSAGE)

    def stored(self) -> Object:
        """Return the state as `load` reads it."""
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
    """The newest archive of a tenant in one repository, and figures of the other archives.

    `archives` and `oldest` (Unix seconds) are None if the credentials do not permit listing.
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
    """Number of restored sessions of a key store; None for a tenant, which has one session."""

    def passed(self, archive: str, files: int | None, sessions: int | None = None) -> None:
        """Record which archive the drill restored, and how many of its files."""
        self.archive, self.files, self.sessions = archive, files, sessions

    def load(self, stored: Mapping[str, Any]) -> None:
        """Load the stored state."""
        Tries.load(self, stored)
        self.archive, self.files = stored.get("archive") or "", stored.get("files")
        self.sessions = stored.get("sessions")

    def stored(self) -> Object:
        """Return the state as `load` reads it."""
        own: Object = {
            "archive": self.archive or None,
            "files": self.files,
            "sessions": self.sessions,
        }
        return Tries.stored(self) | {k: v for k, v in own.items() if v is not None}


@dataclass(slots=True)
class RepositoryState(Tries):
    """Backups of one tenant in one repository, and the drills from it."""

    outcome: str = ""
    newest: Archived | None = None
    kept: str = ""
    """Why archives beyond the retention were not removed; empty if they were."""
    drill: Drills = field(default_factory=Drills)

    @property
    def is_lost(self) -> bool:
        """Whether the last drill found the newest archive gone or damaged, and none was put since.

        Without this, an unchanged session would be put again only a week after that archive.
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
        """Record how an attempt ended, and the archives in the repository as far as they are known.

        `kept` is None if nothing was learned of retention this time. `listed` is whether the repository was asked for
        its archives: if not, the earlier figures stay valid.
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
        """Move the times with the clock. Times of archives are in their names and stay."""
        Tries.shift(self, step)
        self.drill.shift(step)

    def cut(self, now: float) -> None:
        """Cut times in the future."""
        Tries.cut(self, now)
        self.drill.cut(now)

    def load(self, stored: Mapping[str, Any]) -> None:
        """Load the stored state."""
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
        """Return the state as `load` reads it."""
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
    """When this process first saw backups configured."""
    known: str | None = None
    """The list of our own archives, kept here because no directory is available: one line of text."""
    job: str = ""
    """The Job begun last whose first identifiable member is this tenant."""

    @property
    def last_success(self) -> float | None:
        """When the session was last backed up to any repository."""
        times = [each.done_at for each in self.repositories.values() if each.done_at is not None]
        return max(times, default=None)

    @property
    def claimed(self) -> bool:
        """Whether an attempt is under way."""
        return any(
            each.claimed_at is not None or each.drill.claimed_at is not None
            for each in self.repositories.values()
        )

    def configure(self, names: Iterable[str], now: float) -> None:
        """Keep the state of these repositories, and forget all others."""
        self.repositories = {
            name: self.repositories.get(name) or RepositoryState() for name in names
        }
        if not self.repositories:
            self.seen_at = self.known = None
            self.job = ""
        elif self.seen_at is None:
            self.seen_at = now

    def remember(self, known: str | None) -> None:
        """Store the list of our own archives, as one line of text (`policy.known_archives`)."""
        self.known = known

    def begin(self, job: str) -> None:
        """Record the name of a Job that is about to be created."""
        self.job = job

    def interrupt(self) -> None:
        """Count claimed attempts as failed: their process is gone."""
        for each in self.repositories.values():
            each.interrupt()

    def release(self) -> None:
        """Drop claims of another process: its attempts are due again, or are adopted through their Jobs."""
        for each in self.repositories.values():
            each.release()
            each.drill.release()

    def shift(self, step: float) -> None:
        """Move the times with the clock."""
        self.seen_at = None if self.seen_at is None else self.seen_at + step
        for each in self.repositories.values():
            each.shift(step)

    def cut(self, now: float) -> None:
        """Cut times in the future."""
        self.seen_at = None if self.seen_at is None else min(self.seen_at, now)
        for each in self.repositories.values():
            each.cut(now)

    def load(self, stored: Mapping[str, Any]) -> None:
        """Load the group `backup` of a stored status, already read within its bounds."""
        found: dict[str, RepositoryState] = {}
        for each in stored.get("repositories") or ():
            state = found[each["name"]] = RepositoryState()
            state.load(each)
        if self.seen_at is None:
            self.repositories = found
        else:
            # The configured repositories stay, whatever was stored.
            self.repositories = {
                name: found.get(name) or RepositoryState() for name in self.repositories
            }
        self.known = stored.get("known")
        self.job = stored.get("jobName") or ""

    def stored(self) -> Object:
        """Return the state as `load` reads it; empty if nothing is configured."""
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
    """Return a value that differs between attempts in the group `backup` of a status."""
    found = []
    for each in (stored or {}).get("repositories") or ():
        drill = each.get("drill") or {}
        found.append(
            (each["name"], each.get("triedTime"), each.get("outcome"), drill.get("triedTime"))
        )
    return tuple(found)

"""The results of backups: of a session, and of each repository."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.failures import UNEXPECTED
from baileys_janitor.backup.known import repository_id
from baileys_janitor.policy.archives.archive_retention import (
    DAY_SECONDS,
    Retention,
    UnknownArchives,
)

if TYPE_CHECKING:
    from baileys_janitor.backup.stores.repository import Repository

PUT: Final = "Put"
UNCHANGED: Final = "Unchanged"
FAILED: Final = "Failed"
COMPLETED: Final = "Completed"
NOTHING_TO_DO: Final = "NothingToDo"


@dataclass(frozen=True, slots=True)
class Destination:
    """A repository, and its name in results."""

    name: str
    repository: Repository

    @property
    def ident(self) -> str:
        """The repository's key in the record of a session's directory."""
        return repository_id(self.repository.location)


@dataclass(frozen=True, slots=True)
class Keep:
    """How long archives are kept: by `retention`, or by the store's own lifecycle (`bucket_days`)."""

    retention: Retention = field(default_factory=Retention)
    bucket_days: int | None = None

    @property
    def kept_seconds(self) -> float | None:
        """How long the store keeps an object, None if it has no lifecycle of its own."""
        return None if self.bucket_days is None else float(self.bucket_days * DAY_SECONDS)


@dataclass(slots=True)
class RepositoryResult:
    """The result for one repository: Put, Unchanged (the newest archive there is still current), or Failed and why.

    `archive` is the name of the newest archive of ours there, `time` when its session was read (Unix seconds), `size`
    in bytes. `archives` counts ours there and `oldest` is the oldest one's time, None if listing is not allowed.
    `verified`: the store has proved that it holds the archive, not only accepted it. `removed` counts removals by
    retention; `listed`: it was listed this time. `tidied`: this time it is known whether retention could be applied;
    `retention_code` is why it failed. `unknown` archives there are not counted.
    """

    name: str
    outcome: str = FAILED
    code: str | None = None
    message: str | None = None
    archive: str | None = None
    time: int | None = None
    size: int | None = None
    archives: int | None = None
    oldest: int | None = None
    verified: bool = False
    removed: int = 0
    listed: bool = False
    put_only: bool = False
    tidied: bool = False
    retention_code: str | None = None
    unknown: UnknownArchives | None = None

    @property
    def suspicious(self) -> int:
        """The number of archives there that somebody else has put."""
        return 0 if self.unknown is None else self.unknown.suspicious

    def fail(self, problem: BackupProblem) -> None:
        """Record that the archive was not put, and why."""
        self.outcome, self.code, self.message = FAILED, problem.code, problem.sentence


@dataclass(slots=True)
class BackupResult:
    """The result of one backup: Completed, NothingToDo (a session that was never paired), or Failed and why.

    `code` and `message` are those of the session; each repository has its own. `files` were read, `missing` changed at
    every read and `unreadable` were torn at rest. `forgotten` is why the directory could not record it.
    """

    outcome: str = FAILED
    code: str | None = None
    message: str | None = None
    repositories: list[RepositoryResult] = field(default_factory=list)
    time: int = 0
    files: int = 0
    missing: int = 0
    unreadable: int = 0
    fingerprint: str = ""
    pairing: str = ""
    forgotten: str | None = None
    seconds: float = 0.0

    def failure_in(self, repository: str) -> tuple[str, str] | None:
        """Return code and sentence of the failure in a repository, by its name; None if the archive is there."""
        found = next((each for each in self.repositories if each.name == repository), None)
        if found is not None and found.outcome != FAILED:
            return None
        code = (found and found.code) or self.code or UNEXPECTED
        return code, (found and found.message) or self.message or ""

"""The shape of what the commands about backups print with `-o json` and `-o yaml`; see `cli.json_output`."""

from __future__ import annotations

from typing import TypedDict


class FingerprintDocument(TypedDict):
    """Whose session a directory holds."""

    path: str
    company: str | None
    tenant: str
    directory: str
    fingerprint: str


class UnknownArchivesDocument(TypedDict):
    """Archives that count for nothing: older than every known one, among these, or with a time in the future."""

    earlier: int
    among: int
    ahead: int


class RepositoryDocument(TypedDict):
    """What came of one repository. `archives` and `oldest` are null where it may not be listed."""

    name: str
    outcome: str
    code: str | None
    message: str | None
    archive: str | None
    time: str | None
    bytes: int | None
    verified: bool
    archives: int | None
    oldest: str | None
    removed: int
    putOnly: bool
    retentionCode: str | None
    unknown: UnknownArchivesDocument | None


class BackupDocument(TypedDict):
    """A backup of one session. `forgotten` is why its directory could not record it."""

    path: str
    company: str | None
    tenant: str
    outcome: str
    code: str | None
    message: str | None
    time: str | None
    files: int
    missing: int
    unreadable: int
    fingerprint: str | None
    forgotten: str | None
    duration: float
    repositories: list[RepositoryDocument]


class ArchiveDocument(TypedDict):
    """An archive in a repository; `known` is false for one that nothing vouches for, null where nothing is known."""

    name: str
    time: str | None
    bytes: int
    encrypted: bool
    known: bool | None
    ahead: bool


class ArchivesDocument(TypedDict):
    """The archives of one session, newest first; `path` is null where no directory was given."""

    path: str | None
    company: str | None
    tenant: str
    repository: str
    bytes: int
    archives: list[ArchiveDocument]


class DrillDocument(TypedDict):
    """A rehearsal of a restore."""

    path: str | None
    company: str | None
    tenant: str
    repository: str
    outcome: str
    code: str | None
    message: str | None
    archive: str | None
    time: str | None
    bytes: int
    files: int
    filesByKind: dict[str, int]
    fingerprint: str | None
    vouched: bool
    restorable: dict[str, int]
    keptBack: dict[str, dict[str, int]]
    duration: float


class RestoreSessionDocument(TypedDict):
    """A session put back from an archive, or what would be. `told` are codes of what a person should know."""

    path: str
    company: str | None
    tenant: str
    repository: str
    identity: str | None
    mode: str
    outcome: str
    applied: bool
    run: str | None
    archive: str | None
    time: str | None
    fingerprint: str | None
    vouched: bool
    restored: int
    restoredByKind: dict[str, int]
    keptBack: dict[str, dict[str, int]]
    nextPreKeyId: int | None
    told: list[str]
    duration: float
    code: str | None
    message: str | None

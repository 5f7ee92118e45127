"""The documents of the commands about backups with `-o json` and `-o yaml`; see `cli.json_output`."""

from __future__ import annotations

from typing import TypedDict


class FingerprintDocument(TypedDict):
    """The fingerprint of a directory's session."""

    path: str
    company: str | None
    tenant: str
    directory: str
    fingerprint: str


class UnknownArchivesDocument(TypedDict):
    """Archives that are ignored: older than every known one, among the known ones, or with a time in the future."""

    earlier: int
    among: int
    ahead: int


class RepositoryDocument(TypedDict):
    """The outcome for one repository. `archives` and `oldest` are null if it may not be listed."""

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
    """A backup of one session. `forgotten` is the reason why its directory could not record it."""

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
    """An archive in a repository; `known` is false if it is not on the session's record, null without a record."""

    name: str
    time: str | None
    bytes: int
    encrypted: bool
    known: bool | None
    ahead: bool


class ArchivesDocument(TypedDict):
    """The archives of one session, newest first; `path` is null if no directory was given."""

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
    """A restore from an archive or its dry run. `told` are codes of facts that a person should know."""

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

"""The documents that the command line prints with `-o json` and `-o yaml`.

`schema/output.v1.json` holds the same as a JSON Schema; keys are only ever added within a version.
Times are RFC 3339 in UTC, sizes bytes, durations seconds.
"""

from __future__ import annotations

from typing import Any, Final, NotRequired, TypedDict

SCAN_SCHEMA: Final = "baileys-janitor/scan/v1"
CLEAN_SCHEMA: Final = "baileys-janitor/clean/v1"
REPAIR_SCHEMA: Final = "baileys-janitor/repair/v1"
CONTACTS_SCHEMA: Final = "baileys-janitor/contacts/v1"
UNDO_SCHEMA: Final = "baileys-janitor/undo/v1"
RUNS_SCHEMA: Final = "baileys-janitor/runs/v1"
ROTATE_SCHEMA: Final = "baileys-janitor/rotate/v1"
ROLLBACK_SCHEMA: Final = "baileys-janitor/rollback/v1"
KEEP_SCHEMA: Final = "baileys-janitor/keep/v1"
STATUS_SCHEMA: Final = "baileys-janitor/status/v1"
COPIES_SCHEMA: Final = "baileys-janitor/copies/v1"
RESTORE_SCHEMA: Final = "baileys-janitor/restore/v1"
BACKUP_SCHEMA: Final = "baileys-janitor/backup/v1"
FINGERPRINTS_SCHEMA: Final = "baileys-janitor/fingerprints/v1"
ARCHIVES_SCHEMA: Final = "baileys-janitor/archives/v1"
DRILL_SCHEMA: Final = "baileys-janitor/drill/v1"
RESTORE_SESSION_SCHEMA: Final = "baileys-janitor/restore-session/v1"

AGE_BUCKETS: Final = ("under1d", "from1dTo7d", "from7dTo14d", "from14dTo30d", "over30d")
"""The keys of `ages`, in the order of `Census.ages`."""

UNKNOWN_LEVEL: Final = "Unknown"
"""The level of a directory whose creds.json is missing or cannot be read."""


class ProblemDocument(TypedDict):
    """One failure."""

    path: str
    company: str | None
    code: str
    message: str


class SkippedDocument(TypedDict):
    """Directories that were not searched for one reason: their number, and the first paths."""

    reason: str
    number: int
    paths: list[str]


class AdviceDocument(TypedDict):
    """One piece of advice: the condition's type and a sentence with its numbers."""

    type: str
    message: str


class FindingDocument(TypedDict):
    """A fault and its remedy: a stable code, `Fault` or `Advice`, a text, and commands to paste."""

    code: str
    severity: str
    message: str
    commands: list[str]


class TrashDocument(TypedDict):
    """The content of a directory's trash; `returned` counts its names that exist in the session again."""

    runs: int
    files: int
    returned: int


class DirectoryDocument(TypedDict):
    """A session directory as it was found."""

    path: str
    company: str | None
    level: str
    counted: int
    limit: int
    total: int
    protected: int
    reclaimable: int
    bytes: int | None
    byKind: dict[str, int]
    ages: dict[str, int] | None
    oldest: str | None
    newest: str | None
    lastActivity: str | None
    identity: str
    trash: TrashDocument | None
    findings: list[FindingDocument]
    advice: list[AdviceDocument]


class ReasonsDocument(TypedDict):
    """Numbers of files by reason code."""

    removed: dict[str, int]
    kept: dict[str, int]


class FileDocument(TypedDict):
    """One file of a plan, with a masked name."""

    name: str
    kind: str
    reason: str
    lastWritten: str | None


class CleanDocument(DirectoryDocument):
    """A cleanup or a dry run: the directory as it was found, and the outcome."""

    outcome: str
    applied: bool
    run: str | None
    removed: int
    removedByKind: dict[str, int]
    kept: int
    left: int
    reasons: ReasonsDocument
    before: int
    after: int
    freedBytes: int
    inTrash: int
    purgedEarly: int
    returned: int
    duration: float
    code: str | None
    message: str | None
    files: NotRequired[list[FileDocument]]


class RepairedContactDocument(TypedDict):
    """The contact of a repair: a hash if the directory has a key for hashes, and a masked number."""

    hash: str | None
    number: str
    phone: bool
    lid: bool
    devices: int


class LookedAgainDocument(TypedDict):
    """Files under the moved names after the library's cache had expired: old records, or rebuilt ones."""

    old: int
    anew: int


class RepairDocument(TypedDict):
    """A repair or a dry run."""

    path: str
    company: str | None
    outcome: str
    applied: bool
    run: str | None
    contact: RepairedContactDocument | None
    group: bool
    authors: int
    removed: int
    removedByKind: dict[str, int]
    left: int
    reasons: ReasonsDocument
    files: list[FileDocument]
    notes: list[AdviceDocument]
    freedBytes: int
    inTrash: int
    purgedEarly: int
    returned: int
    lookedAgain: LookedAgainDocument | None
    duration: float
    code: str | None
    message: str | None


class ContactDocument(TypedDict):
    """A contact: its hash if there is a key for hashes, and its masked number."""

    hash: str | None
    number: str
    phone: bool
    lid: bool
    devices: int
    files: int
    lastWritten: str | None


class ContactsDocument(TypedDict):
    """The contacts of a directory, most recent first."""

    path: str
    company: str | None
    contacts: list[ContactDocument]


class RunDocument(TypedDict):
    """A run whose files are in the trash."""

    run: str
    time: str | None
    reason: str
    files: int
    bytes: int


class UndoDocument(TypedDict):
    """An undone run or a dry run. `takenAway` counts removed files that a restore had put into the directory."""

    path: str
    company: str | None
    run: str
    applied: bool
    restored: int
    takenAway: int
    skipped: dict[str, int]


class KeepDocument(TypedDict):
    """The outcome of keeping a copy of creds.json: Kept, NotDue, or NotKept and why."""

    path: str
    company: str | None
    outcome: str
    code: str | None
    copies: int
    newest: str | None
    removed: int


class WatchDocument(TypedDict):
    """The watch itself; `running` is None if unknown."""

    state: str
    running: bool | None
    saved: str | None


class BackedUpDocument(TypedDict):
    """One directory's backups in one repository, from the watch; `outcome` is that of the last attempt."""

    name: str
    outcome: str | None
    lastSuccess: str | None
    reason: str | None
    message: str | None
    archive: str | None
    archives: int | None
    oldest: str | None
    retentionReason: str | None
    files: int | None
    bytes: int | None
    lastDrill: str | None
    drillFailed: bool | None
    drillMessage: str | None


class WatchedBackupsDocument(TypedDict):
    """One directory's backups, from the watch. `backedUp` and `restorable` are reasons of the conditions."""

    next: str | None
    nextDrill: str | None
    lastSuccess: str | None
    backedUp: str | None
    restorable: str | None
    repositories: list[BackedUpDocument]


class WatchedDocument(TypedDict):
    """The state of one directory, from the watch."""

    path: str
    name: str
    level: str
    attention: str | None
    counted: int | None
    limit: int | None
    total: int | None
    reclaimable: int | None
    growthPerDay: float | None
    lastScan: str | None
    lastActivity: str | None
    lastCleanup: dict[str, Any] | None
    cooldownUntil: str | None
    emergencyCooldownUntil: str | None
    nextCleanup: str | None
    nextCleanupReason: str | None
    next: str | None
    goneSince: str | None
    backup: WatchedBackupsDocument | None
    problems: list[AdviceDocument]


class StatusDocument(TypedDict):
    """The document of `status`."""

    schema: str
    time: str
    watch: WatchDocument
    directories: list[WatchedDocument]


class CopyDocument(TypedDict):
    """A kept copy of creds.json; its facts are null if it is damaged. `code` is why it may not be used."""

    id: str
    time: str | None
    written: str | None
    pairing: str | None
    nextPreKeyId: int | None
    signedPreKeyId: int | None
    usable: bool
    code: str | None
    message: str | None


class CopiesDocument(TypedDict):
    """The kept copies of a directory, newest first."""

    path: str
    company: str | None
    identity: str
    copies: list[CopyDocument]


class RestoreDocument(TypedDict):
    """A restore or a dry run. `told` are codes of facts that a person should know."""

    path: str
    company: str | None
    identity: str
    mode: str
    outcome: str
    applied: bool
    run: str | None
    copy: CopyDocument | None
    nextPreKeyId: int | None
    told: list[str]
    code: str | None
    message: str | None

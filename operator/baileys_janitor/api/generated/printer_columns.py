"""The columns of `kubectl get baileystenants`: with names of usual length they fit 100 characters, also with `-A`.

With `-o wide` they fit 200. Only an operation's message, which comes last, may be longer than the remaining width.

A column of type date renders as an age, and a time in the future as `<invalid>`: future times are therefore shown as
text.
"""

from __future__ import annotations

from typing import Any


def _condition(kind: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{field}'


def _ready(field: str) -> str:
    return _condition("Ready", field)


_COLUMNS: tuple[tuple[str, str, str, str], ...] = (
    ("Level", "string", ".status.level", "How close the session is to its limits."),
    ("Files", "integer", ".status.files.counted", "Files as compared with the limits."),
    ("Limit", "integer", ".status.files.limit", "The emergency threshold."),
    (
        "Attention",
        "string",
        ".status.attention",
        "The gravest advice or fault that holds.",
    ),
    ("Cleaned", "date", ".status.lastCleanup.time", "When the last cleanup ended."),
    ("Ready", "string", _ready("status"), "Whether the janitor can observe and act."),
)

_BACKUP_CONDITIONS: tuple[tuple[str, str, str, str], ...] = (
    (
        "Backed-Up",
        "string",
        _condition("BackedUp", "reason"),
        "UpToDate, or why a repository has no backup that is young enough.",
    ),
    (
        "Restorable",
        "string",
        _condition("Restorable", "reason"),
        "DrillPassed, or why no archive was restored in a rehearsal.",
    ),
)

_WIDE: tuple[tuple[str, str, str, str], ...] = (
    ("Age", "date", ".metadata.creationTimestamp", "When the resource was created."),
    (
        "As-Of",
        "date",
        ".status.lastScanTime",
        "Of which scan the figures are. Later scans that found nothing new are written down every half hour.",
    ),
    ("Since", "date", ".status.levelSince", "For how long the level has been what it is."),
    ("Removed", "integer", ".status.lastCleanup.removed", "Files the last cleanup removed."),
    ("Reason", "string", _ready("reason"), "Why Ready is what it is."),
    ("Claim", "string", ".spec.volume.claimName", "The claim that holds the session files."),
    ("Next", "string", ".status.nextCleanupTime", "When the next cleanup is due by itself."),
    *_BACKUP_CONDITIONS,
)


_STORE_COLUMNS: tuple[tuple[str, str, str, str], ...] = (
    ("Keys", "integer", ".status.keys.total", "Keys in the store."),
    ("Sessions", "integer", ".status.sessions.count", "Sessions that they belong to."),
    ("Expired", "integer", ".status.keys.expired", "Keys that a cleanup would remove now."),
    ("Size", "string", ".status.table.size", "Size of the table with its indexes."),
    ("Last-Run", "date", ".status.lastRun.time", "When the last cleanup ended."),
    ("Removed", "integer", ".status.lastRun.removed", "Rows that it removed."),
    ("Ready", "string", _ready("status"), "Whether the janitor can observe and act."),
    ("Age", "date", ".metadata.creationTimestamp", "When the resource was created."),
)

_STORE_WIDE: tuple[tuple[str, str, str, str], ...] = (
    ("Outcome", "string", ".status.lastRun.outcome", "How the last cleanup ended."),
    ("Over-30d", "integer", ".status.keys.ages.over30d", "Keys not written for 30 days."),
    ("Reason", "string", _ready("reason"), "Why Ready is what it is."),
    ("Next", "string", ".status.nextCleanupTime", "When the next cleanup is due by itself."),
    (
        "Backup",
        "date",
        ".status.backup.lastSuccessTime",
        "When all sessions were last backed up to any repository.",
    ),
    *_BACKUP_CONDITIONS,
)


_OPERATION_COLUMNS: tuple[tuple[str, str, str, str], ...] = (
    ("Tenant", "string", ".spec.tenant", "The tenant that it is about."),
    ("Action", "string", ".spec.action", "What is asked for."),
    (
        "Phase",
        "string",
        ".status.phase",
        "Pending, Quiescing, BackingUp, Working, Resuming, AwaitingPairing, Completed, Failed or RolledBack.",
    ),
    ("Outcome", "string", ".status.result.outcome", "How it ended."),
    ("Age", "date", ".metadata.creationTimestamp", "When it was asked for."),
)

_OPERATION_WIDE: tuple[tuple[str, str, str, str], ...] = (
    ("Ended", "date", ".status.completionTime", "When it was over."),
    ("Message", "string", ".status.message", "What it waits for, what was done, or why it failed."),
)


_SET_COLUMNS: tuple[tuple[str, str, str, str], ...] = (
    ("Found", "integer", ".status.preview.found", "Session directories or claims."),
    ("Tenants", "integer", ".status.preview.tenants", "Tenants that the set has."),
    ("New", "integer", ".status.preview.new", "Found ones that have no tenant yet."),
    ("Gone", "integer", ".status.preview.gone", "Tenants whose directory or claim is gone."),
    ("Confirmed", "boolean", ".spec.confirm", "Whether tenants are created."),
    ("Ready", "string", _ready("status"), "Whether the janitor can look and act."),
    ("Age", "date", ".metadata.creationTimestamp", "When the resource was created."),
)

_SET_WIDE: tuple[tuple[str, str, str, str], ...] = (
    ("Reason", "string", _ready("reason"), "Why Ready is what it is."),
    ("Waiting", "integer", ".status.preview.waiting", "New ones that a limit holds back."),
    ("Last-Look", "date", ".status.lastLookTime", "When it was last looked for new ones."),
)


def printer_columns() -> list[dict[str, Any]]:
    """Return `additionalPrinterColumns`; the second group appears with `-o wide`."""
    return _columns(_COLUMNS, _WIDE)


def key_store_columns() -> list[dict[str, Any]]:
    """Return the same for key stores."""
    return _columns(_STORE_COLUMNS, _STORE_WIDE)


def operation_columns() -> list[dict[str, Any]]:
    """Return the same for operations."""
    return _columns(_OPERATION_COLUMNS, _OPERATION_WIDE)


def tenant_set_columns() -> list[dict[str, Any]]:
    """Return the same for sets of tenants."""
    return _columns(_SET_COLUMNS, _SET_WIDE)


_Columns = tuple[tuple[str, str, str, str], ...]


def _columns(narrow: _Columns, wide: _Columns) -> list[dict[str, Any]]:
    return [
        {"name": name, "type": kind, "jsonPath": path, "description": meaning}
        | ({"priority": 1} if hidden else {})
        for hidden, group in ((False, narrow), (True, wide))
        for name, kind, path, meaning in group
    ]

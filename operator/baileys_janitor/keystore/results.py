"""Results of scans of a key store, and of runs on it: plain values that may leave the database.

None of them holds a key's id or value. Times are Unix seconds, sizes bytes. Sessions are named as in the table;
`masked` hides the long numbers in those names.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Final

#: The keys of `ages`: time since the last write.
AGE_BUCKETS: Final = ("under1d", "from1dTo7d", "from7dTo14d", "from14dTo30d", "over30d")
WORST_MAX: Final = 20

_PHONE_NUMBER: Final = re.compile(r"\d{7,}")


def masked(session: str) -> str:
    """Return a session's name with the middle of every possible phone number hidden."""
    return _PHONE_NUMBER.sub(_hide, session)


def _hide(match: re.Match[str]) -> str:
    number = match.group()
    return number[:2] + "*" * (len(number) - 4) + number[-2:]


@dataclass(slots=True, kw_only=True)
class TypeFigures:
    """Keys of one type: their number, the bytes of their values, and the times of their oldest and newest write."""

    count: int = 0
    bytes: int = 0
    oldest: float | None = None
    newest: float | None = None


@dataclass(slots=True, kw_only=True)
class TableFigures:
    """The size of the keys' table on disk."""

    bytes: int = 0
    index_bytes: int = 0
    total_bytes: int = 0
    dead_rows: int | None = None
    last_autovacuum: float | None = None


@dataclass(slots=True, kw_only=True)
class Report:
    """A store of keys at one moment.

    `ages` counts keys by the time since their last write, None without such times. `undated` keys have none. `moved`:
    some session or sender key was written after it was created, or there is none; None where that is unknown. `levels`
    counts sessions by level, `worst` are the fullest: name, level, counted keys. `hindrances` are codes and sentences:
    why nothing may be removed. `unpaired` keys belong to sessions without creds.
    """

    time: float
    server: int = 0
    layout: str = ""
    keys: int = 0
    bytes: int = 0
    by_type: dict[str, TypeFigures] = field(default_factory=dict)
    ages: dict[str, int] | None = None
    oldest: float | None = None
    newest: float | None = None
    undated: int = 0
    moved: bool | None = None
    table: TableFigures = field(default_factory=TableFigures)
    sessions: int = 0
    credentials: int = 0
    levels: dict[str, int] = field(default_factory=dict)
    worst: list[tuple[str, str, int]] = field(default_factory=list)
    hindrances: list[tuple[str, str]] = field(default_factory=list)
    duration_ms: int = 0

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return asdict(self)


@dataclass(slots=True, kw_only=True)
class CleanResult:
    """One cleanup, or its dry run.

    `outcome` is one of `volume.results.OUTCOMES`; `code` is the reason for it. `removed` rows were removed, or would be
    in a dry run; `changed` were written meanwhile or held by another process and stay; `left` are for the next run.
    `sessions` were read, `cleaned` lost rows, `busy` were held by another run, `refused` counts by reason those of
    which nothing may be removed. `row_bytes` is the size of the removed rows in the table, which new rows reuse;
    `returned_bytes` is the amount by which the files of table and indexes shrank. `archived`: an undo is possible.
    `before` and `after` are reports. `remover_ms` is the time spent in transactions that removed something, `delete_ms`
    that in the DELETE statements.
    """

    run: str
    outcome: str
    code: str | None = None
    message: str | None = None
    time: float = 0
    duration_ms: int = 0
    remover_ms: int = 0
    delete_ms: float = 0
    sessions: int = 0
    cleaned: int = 0
    busy: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    removed: int = 0
    changed: int = 0
    left: int = 0
    by_type: dict[str, int] = field(default_factory=dict)
    by_reason: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    row_bytes: int = 0
    returned_bytes: int | None = None
    archived: bool = False
    purged: int = 0
    before: Report | None = None
    after: Report | None = None

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return asdict(self)


@dataclass(slots=True, kw_only=True)
class UndoResult:
    """One run undone, or the dry run of an undo. `kept` counts by reason the rows that stay in the archive.

    For a restore, `taken_away` counts the rows that are removed again, and `kept` those that stay.
    """

    run: str
    outcome: str
    code: str | None = None
    message: str | None = None
    restored: int = 0
    taken_away: int = 0
    by_type: dict[str, int] = field(default_factory=dict)
    sessions: int = 0
    kept: dict[str, int] = field(default_factory=dict)
    duration_ms: int = 0

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return asdict(self)


@dataclass(slots=True, kw_only=True)
class KnownRun:
    """A run whose rows are in the archive."""

    run: str
    time: float
    reason: str
    rows: int
    sessions: int

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return asdict(self)

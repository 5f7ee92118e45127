"""What `rotate` and `rollback` print with `-o json` and `-o yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from baileys_janitor.cli.backup.documents import BackupDocument


class RotateDocument(TypedDict):
    """A rotation, or what one would do. `until` is how long it can be rolled back, `kept` what stays by reason.

    `backup` is the one that was made before it, None where none was.
    """

    path: str
    company: str | None
    identity: str
    outcome: str
    applied: bool
    run: str | None
    until: str | None
    moved: int
    movedByKind: dict[str, int]
    bytes: int
    kept: dict[str, int]
    backup: BackupDocument | None
    code: str | None
    message: str | None


class RollbackDocument(TypedDict):
    """A rollback, or what one would do. `rotated` is when the session was rotated out, `setAside` how many files of
    an unpaired process make room, `skipped` what could not come back by reason."""

    path: str
    company: str | None
    outcome: str
    applied: bool
    run: str | None
    rotated: str | None
    until: str | None
    restored: int
    restoredByKind: dict[str, int]
    setAside: int
    skipped: dict[str, int]
    code: str | None
    message: str | None

"""The documents of `rotate` and `rollback` with `-o json` and `-o yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from baileys_janitor.cli.backup.documents import BackupDocument


class RotateDocument(TypedDict):
    """A rotation or a dry run. It can be rolled back until `until`; `kept` counts the files that stay, by reason.

    `backup` is the backup made before it, or None.
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
    """A rollback or a dry run. `rotated` is the time of the rotation, `setAside` the number of an unpaired process's
    files that are moved away, `skipped` the files that could not come back, by reason."""

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

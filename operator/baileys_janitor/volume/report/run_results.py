"""The results of a cleanup, an undo, a purge or a copy: plain values that may leave the volume, as in `results`.

A module of its own, because a scan, by far the most frequent task, needs none of them.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.volume.report.results import ScanResult


@dataclass(slots=True)
class CleanResult:
    """One cleanup (or dry run) of one session directory.

    `outcome` is one of OUTCOMES; `code` is the reason for Refused, Failed and Capped (a reason code, or None).
    `before` and `after` are the counted files; `left` counts the planned files that were not reached;
    `removed_by_reason` and `kept` count the removed and the kept files by reason code.
    For Repeated, the numbers are those of the recorded run and `code` is its outcome, or Killed. `recovered` is the
    number of earlier, killed runs that this one had to finish first. `in_trash` is how many of the removed
    files can be put back (0 when a full disk or a window of 0 purged them), `purged_early` the number of files of
    earlier runs that were purged before the end of their undo window, `returned` how many of the removed names
    have a file again: a running bot wrote them from its cache. `scan` is the directory afterwards.
    """

    run: str
    outcome: str
    _: KW_ONLY
    code: str | None = None
    time: int | None = None
    removed: int = 0
    removed_by_kind: list[int] | None = None
    kept: dict[str, int] | None = None
    left: int = 0
    before: int | None = None
    after: int | None = None
    freed_bytes: int = 0
    duration_ms: int = 0
    applied: bool = False
    recovered: int = 0
    scan: ScanResult | None = None
    removed_by_reason: dict[str, int] | None = None
    in_trash: int = 0
    purged_early: int = 0
    returned: int = 0


@dataclass(slots=True)
class UndoResult:
    """The result of an undo. `outcome`: Completed, Capped (some files could not go back), NothingToDo, Refused
    or Failed; `kept` counts by reason the files that stayed in the trash. `taken_away` counts the files that the undo
    of a restore has removed again, or that the rollback of a rotation has moved aside."""

    run: str
    outcome: str
    _: KW_ONLY
    code: str | None = None
    restored: int = 0
    restored_by_kind: list[int] | None = None
    kept: dict[str, int] | None = None
    duration_ms: int = 0
    taken_away: int = 0


@dataclass(slots=True)
class PurgeResult:
    """The result of purging runs older than the undo window. `runs` and `files` are gone for good;
    `trash_runs` and `trash_oldest` describe the rest of the trash."""

    outcome: str
    _: KW_ONLY
    code: str | None = None
    runs: int = 0
    files: int = 0
    freed_bytes: int = 0
    trash_runs: int | None = None
    trash_oldest: int | None = None


KEPT = "Kept"
NOT_DUE = "NotDue"
NOT_KEPT = "NotKept"
KEEPINGS = (KEPT, NOT_DUE, NOT_KEPT)


@dataclass(slots=True)
class KeptCopy:
    """The outcome of keeping a copy of creds.json.

    `outcome`: Kept, NotDue (the newest copy is young enough, or the file has not changed since), or NotKept,
    with a reason code in `code`. `copies` is the number of copies now, `newest` the time of the newest
    (Unix seconds, None without one), `removed` the number of old copies removed.
    """

    outcome: str
    code: str | None = None
    copies: int = 0
    newest: int | None = None
    removed: int = 0


class Purged:
    """The purged runs and files, and the bytes that this freed.

    `early` counts files within their undo window, `returned` files that were put back instead.
    """

    __slots__ = ("bytes", "early", "files", "returned", "runs")

    def __init__(self) -> None:
        self.runs = 0
        self.files = 0
        self.bytes = 0
        self.early = 0
        self.returned = 0

    def add(self, more: Purged) -> None:
        """Add the counts of another purge."""
        self.runs += more.runs
        self.files += more.files
        self.bytes += more.bytes
        self.early += more.early
        self.returned += more.returned

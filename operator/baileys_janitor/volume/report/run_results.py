"""What a cleanup, an undo, a purge or a copy has done: plain values that may leave the volume, as in `results`.

Apart from it, because a scan, which runs most often by far, needs none of them.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.volume.report.results import ScanResult


@dataclass(slots=True)
class CleanResult:
    """One cleanup (or dry run) of one session directory.

    `outcome` is one of OUTCOMES; `code` says why for Refused, Failed and Capped (a reason code, or None).
    `before` and `after` are the counted files; `left` what the plan still wanted and did not get to;
    `removed_by_reason` why what was removed went, `kept` why what was not stayed, by reason code.
    For Repeated, the numbers are those of the recorded run and `code` is its outcome, or Killed. `recovered` is the
    number of earlier, killed runs that this one had to finish first. `in_trash` is how many of the removed
    files can be put back (0 when a full disk or a window of 0 purged them), `purged_early` how many files of
    earlier runs went for good before their undo window was over, `returned` how many of the removed names
    bear a file again: a running bot wrote them from its cache. `scan` is the directory afterwards.
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
    """A run put back. `outcome`: Completed, Capped (some files could not go back), NothingToDo, Refused
    or Failed; `kept` counts by reason what stayed in the trash. `taken_away` counts the files that the undo of a
    restore has removed again, or that the rollback of a rotation has moved aside."""

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
    """The trash emptied of runs older than the undo window. `runs` and `files` are gone for good;
    `trash_runs` and `trash_oldest` describe what is still there."""

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
    """What came of keeping a copy of creds.json.

    `outcome`: Kept, NotDue (the newest copy is young enough, or the file has not changed since), or NotKept,
    with a reason code in `code`. `copies` is how many there are now, `newest` when the newest of them was
    kept (Unix seconds, None without one), `removed` how many old ones went.
    """

    outcome: str
    code: str | None = None
    copies: int = 0
    newest: int | None = None
    removed: int = 0


class Purged:
    """What is gone for good: runs, files, and the bytes that this freed.

    `early` are files whose undo window was not over, `returned` files that went back instead.
    """

    __slots__ = ("bytes", "early", "files", "returned", "runs")

    def __init__(self) -> None:
        self.runs = 0
        self.files = 0
        self.bytes = 0
        self.early = 0
        self.returned = 0

    def add(self, more: Purged) -> None:
        """Count what went besides."""
        self.runs += more.runs
        self.files += more.files
        self.bytes += more.bytes
        self.early += more.early
        self.returned += more.returned

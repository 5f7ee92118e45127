"""What a look at a session directory, or a run on it, found: plain values that may leave the volume.

None of them holds a file's name or content. Times are Unix seconds, sizes bytes, and lists of kinds are
in the order of `policy.file_kinds.KINDS`. A field is None when it is unknown, or when a Job's result had room for
the counts alone.
"""

from __future__ import annotations

from baileys_janitor.policy.file_kinds import KINDS
from baileys_janitor.policy.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

COMPLETED = "Completed"
CAPPED = "Capped"
NOTHING_TO_DO = "NothingToDo"
REFUSED = "Refused"
REPEATED = "Repeated"
FAILED = "Failed"
DRY_RUN = "DryRun"
OUTCOMES = (COMPLETED, CAPPED, NOTHING_TO_DO, REFUSED, REPEATED, FAILED, DRY_RUN)


class CleanResult(Value):
    """One cleanup (or dry run) of one session directory.

    `outcome` is one of OUTCOMES; `code` says why for Refused, Failed and Capped (a reason code, or None).
    `before` and `after` are the counted files; `left` what the plan still wanted and did not get to;
    `removed_by_reason` why what was removed went, `kept` why what was not stayed, by reason code.
    For Repeated, the numbers are those of the recorded run and `code` is its outcome. `recovered` is the
    number of earlier, killed runs that this one had to finish first. `in_trash` is how many of the removed
    files can be put back (0 when a full disk or a window of 0 purged them), `purged_early` how many files of
    earlier runs went for good before their undo window was over, `returned` how many of the removed names
    bear a file again: a running bot wrote them from its cache. `scan` is the directory afterwards.
    """

    __slots__ = (
        "after",
        "applied",
        "before",
        "code",
        "duration_ms",
        "freed_bytes",
        "in_trash",
        "kept",
        "left",
        "outcome",
        "purged_early",
        "recovered",
        "removed",
        "removed_by_kind",
        "removed_by_reason",
        "returned",
        "run",
        "scan",
        "time",
    )

    def __init__(
        self,
        run: str,
        outcome: str,
        *,
        code: str | None = None,
        time: int | None = None,
        removed: int = 0,
        removed_by_kind: list[int] | None = None,
        kept: dict[str, int] | None = None,
        left: int = 0,
        before: int | None = None,
        after: int | None = None,
        freed_bytes: int = 0,
        duration_ms: int = 0,
        applied: bool = False,
        recovered: int = 0,
        scan: ScanResult | None = None,
        removed_by_reason: dict[str, int] | None = None,
        in_trash: int = 0,
        purged_early: int = 0,
        returned: int = 0,
    ) -> None:
        self.run = run
        self.outcome = outcome
        self.code = code
        self.time = time
        self.in_trash = in_trash
        self.purged_early = purged_early
        self.returned = returned
        self.removed = removed
        self.removed_by_kind = removed_by_kind
        self.kept = kept
        self.left = left
        self.before = before
        self.after = after
        self.freed_bytes = freed_bytes
        self.duration_ms = duration_ms
        self.applied = applied
        self.recovered = recovered
        self.scan = scan
        self.removed_by_reason = removed_by_reason


class ScanResult(Value):
    """One look at one session directory.

    `error` is a reason code when the look failed; then at most `total` is known besides. A directory of more entries
    than a cleaning accepts (200,000) has `total`, `by_kind` and what follows from them. `counts_alone` says that a
    Job's result had no room for more than the counts. `identity_state` is Paired, Unpaired, Corrupt, TooLarge or
    Absent; `fingerprint` names the identity, `creds_token` this very writing of a creds.json that is Corrupt (a hash
    of inode and mtime), so that successive looks can be compared. `reclaimable` is what the normal retention would
    remove now, `gain` by how many the emergency rules would lower the count, `floor` what would still be counted with
    everything gone that any rule may remove. `looked` is when it looked, by the node's clock. `skewed` says that the
    clocks of operator and node differ. `put_in`, `bins` and `held_days` are for the operator's memory of the tenant's
    running time and its words (`policy.running.Look`, `policy.estimate.Outlook`); `running` is the whole memory as
    text, where the task brought none or a cleanup has ended. `pre_key_span` is highest minus lowest pre-key id of the
    uploaded batches. `ages` are five counts: under 1 day, 1 to 7, 7 to 14, 14 to 30, over 30 days. `kept` counts what
    the normal retention leaves, by the codes of `policy.reasons.KEPT`. `trash_files` and `trash_bytes` are what lies
    in the trash; `volume_bytes` is the size of the file system.
    """

    __slots__ = (
        "ages",
        "bins",
        "by_kind",
        "bytes",
        "counted",
        "counts_alone",
        "creds_token",
        "error",
        "fingerprint",
        "floor",
        "free_bytes",
        "free_inodes",
        "gain",
        "held_days",
        "identity_state",
        "kept",
        "looked",
        "newest_activity",
        "pre_key_span",
        "protected",
        "put_in",
        "reclaimable",
        "running",
        "skewed",
        "total",
        "trash_bytes",
        "trash_files",
        "trash_oldest",
        "trash_runs",
        "volume_bytes",
    )

    def __init__(
        self,
        *,
        error: str | None = None,
        total: int | None = None,
        counted: int | None = None,
        protected: int | None = None,
        reclaimable: int | None = None,
        gain: int | None = None,
        floor: int | None = None,
        identity_state: str | None = None,
        fingerprint: str = "",
        creds_token: str = "",
        newest_activity: int | None = None,
        free_bytes: int | None = None,
        free_inodes: int | None = None,
        trash_runs: int | None = None,
        trash_oldest: int | None = None,
        bytes: int | None = None,  # noqa: A002  # the field's own word
        pre_key_span: int | None = None,
        by_kind: list[int] | None = None,
        ages: list[int] | None = None,
        kept: dict[str, int] | None = None,
        trash_files: int | None = None,
        trash_bytes: int | None = None,
        volume_bytes: int | None = None,
        looked: int | None = None,
        skewed: bool = False,
        put_in: int | None = None,
        bins: list[int] | None = None,
        held_days: int | None = None,
        running: str | None = None,
        counts_alone: bool = False,
    ) -> None:
        self.error = error
        self.looked = looked
        self.skewed = skewed
        self.put_in = put_in
        self.bins = bins
        self.held_days = held_days
        self.running = running
        self.trash_files = trash_files
        self.trash_bytes = trash_bytes
        self.volume_bytes = volume_bytes
        self.total = total
        self.counted = counted
        self.protected = protected
        self.reclaimable = reclaimable
        self.gain = gain
        self.floor = floor
        self.identity_state = identity_state
        self.counts_alone = counts_alone
        self.fingerprint = fingerprint
        self.creds_token = creds_token
        self.newest_activity = newest_activity
        self.free_bytes = free_bytes
        self.free_inodes = free_inodes
        self.trash_runs = trash_runs
        self.trash_oldest = trash_oldest
        self.bytes = bytes
        self.pre_key_span = pre_key_span
        self.by_kind = by_kind
        self.ages = ages
        self.kept = kept


class UndoResult(Value):
    """A run put back. `outcome`: Completed, Capped (some files could not go back), NothingToDo, Refused
    or Failed; `kept` counts by reason what stayed in the trash."""

    __slots__ = ("code", "duration_ms", "kept", "outcome", "restored", "restored_by_kind", "run")

    def __init__(
        self,
        run: str,
        outcome: str,
        *,
        code: str | None = None,
        restored: int = 0,
        restored_by_kind: list[int] | None = None,
        kept: dict[str, int] | None = None,
        duration_ms: int = 0,
    ) -> None:
        self.run = run
        self.outcome = outcome
        self.code = code
        self.restored = restored
        self.restored_by_kind = restored_by_kind
        self.kept = kept
        self.duration_ms = duration_ms


class PurgeResult(Value):
    """The trash emptied of runs older than the undo window. `runs` and `files` are gone for good;
    `trash_runs` and `trash_oldest` describe what is still there."""

    __slots__ = (
        "code",
        "files",
        "freed_bytes",
        "outcome",
        "runs",
        "trash_oldest",
        "trash_runs",
    )

    def __init__(
        self,
        outcome: str,
        *,
        code: str | None = None,
        runs: int = 0,
        files: int = 0,
        freed_bytes: int = 0,
        trash_runs: int | None = None,
        trash_oldest: int | None = None,
    ) -> None:
        self.outcome = outcome
        self.code = code
        self.runs = runs
        self.files = files
        self.freed_bytes = freed_bytes
        self.trash_runs = trash_runs
        self.trash_oldest = trash_oldest


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


def by_kind(kinds: Iterable[str]) -> list[int]:
    """Return how many there are of each kind, in the order of KINDS."""
    counts = dict.fromkeys(KINDS, 0)
    for kind in kinds:
        counts[kind] += 1
    return list(counts.values())

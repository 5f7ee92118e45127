"""The results of scans, and the outcomes of runs: plain values that may leave the volume.

None of them holds a file's name or content. Times are Unix seconds, sizes bytes, and lists of kinds are
in the order of `policy.files.file_kinds.KINDS`. A field is None when it is unknown, or when a Job's result had room
only for the counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from baileys_janitor.policy.files.file_kinds import KINDS

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


@dataclass(slots=True, kw_only=True)
class ScanResult:
    """One scan of one session directory.

    `error` is a reason code when the scan failed; then at most `total` is known besides. A directory of more entries
    than a cleaning accepts (200,000) has `total`, `by_kind` and the values derived from them. `counts_alone` is true
    when a Job's result had no room for more than the counts. `identity_state` is Paired, Unpaired, Corrupt, TooLarge or
    Absent; `fingerprint` names the identity, `creds_token` this very writing of a creds.json that is Corrupt (a hash
    of inode and mtime), so that successive scans can be compared. `reclaimable` is the number of files that the normal
    retention would remove now, `gain` by how many the emergency rules would lower the count, `floor` the count
    with every removable file gone. `looked` is the time of the scan, by the node's clock. `skewed` is true if the
    clocks of operator and node differ. `put_in`, `bins` and `held_days` are for the operator's memory of the tenant's
    running time and its texts (`policy.ages.running.Look`, `policy.cleanup.estimate.Outlook`); `running` is the whole
    memory as text, if the task had none or after a cleanup. `pre_key_span` is highest minus lowest pre-key id of the
    uploaded batches. `ages` are five counts: under 1 day, 1 to 7, 7 to 14, 14 to 30, over 30 days. `kept` counts the
    files that the normal retention leaves, by the codes of `policy.reasons.KEPT`. `trash_files` and `trash_bytes` are
    the files in the trash; `volume_bytes` is the size of the file system. `copies` is the number of kept copies of
    creds.json, `copied` the time of the newest, `uncopied` whether a creds.json that is Paired has changed since.
    """

    error: str | None = None
    total: int | None = None
    counted: int | None = None
    protected: int | None = None
    reclaimable: int | None = None
    gain: int | None = None
    floor: int | None = None
    identity_state: str | None = None
    fingerprint: str = ""
    creds_token: str = ""
    newest_activity: int | None = None
    free_bytes: int | None = None
    free_inodes: int | None = None
    trash_runs: int | None = None
    trash_oldest: int | None = None
    bytes: int | None = None  # named like the field
    pre_key_span: int | None = None
    by_kind: list[int] | None = None
    ages: list[int] | None = None
    kept: dict[str, int] | None = None
    trash_files: int | None = None
    trash_bytes: int | None = None
    volume_bytes: int | None = None
    looked: int | None = None
    skewed: bool = False
    put_in: int | None = None
    bins: list[int] | None = None
    held_days: int | None = None
    running: str | None = None
    copies: int | None = None
    copied: int | None = None
    uncopied: bool = False
    counts_alone: bool = False


def by_kind(kinds: Iterable[str]) -> list[int]:
    """Return the count of each kind, in the order of KINDS."""
    counts = dict.fromkeys(KINDS, 0)
    for kind in kinds:
        counts[kind] += 1
    return list(counts.values())

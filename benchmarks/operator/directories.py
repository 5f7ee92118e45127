"""The session directories of the bench: counts that grow, and the results of Jobs on them."""

from __future__ import annotations

import math
import zlib

from baileys_janitor.job.result import (
    COMPLETED,
    NOTHING_TO_DO,
    CleanResult,
    PurgeResult,
    Result,
    ScanResult,
    encode,
)
from baileys_janitor.job.task import Member, Task
from baileys_janitor.policy.ages.running import Memory
from baileys_janitor.policy.ages.running_text import encode as encode_running
from benchmarks.operator.plan import DAY, Company

CREDS, APP_STATE, LIDS, PRE_KEYS = 1, 8, 36, 40
PROTECTED = CREDS + APP_STATE + LIDS
FREE_BYTES, FREE_INODES = 900 * 2**20, 60_000
RECLAIMABLE = 12
"""Files that the retention would remove from a directory that grows."""
AFTER_EMERGENCY = 160
"""Files after an Emergency cleanup: below `critical`."""


def _running(now: float) -> str:
    """Return the activity that a tenant's first scan finds: two months with a silence each weekend."""
    weeks = range(8, -1, -1)
    stretches = [(int(now - (7 * week + 5) * DAY), int(now - 7 * week * DAY)) for week in weeks]
    return encode_running(Memory(int(now), tuple(stretches), int(now), bins=(20, 15, 20, 10, 12)))


class Directory:
    """One session directory: counted files as a line over time, moved by cleanups and by the bench."""

    __slots__ = (
        "_base",
        "_cleaned",
        "_growth",
        "_since",
        "cleanups",
        "company",
        "pushed_at",
        "runs",
    )

    def __init__(self, company: Company, now: float) -> None:
        self.company = company
        self._growth = company.growth
        self._base = company.files
        self._since = now
        self._cleaned: float | None = None
        self.runs: dict[str, int] = {}
        """Files removed by each run: the journal."""
        self.cleanups = 0
        self.pushed_at: float | None = None

    def counted(self, now: float) -> int:
        """Return the counted files at a time (Unix seconds)."""
        return max(0, math.floor(self._base + self._growth * (now - self._since) / DAY))

    def push(self, counted: int, now: float) -> None:
        """Set the number of files at once: a burst of traffic."""
        self._base, self._since, self.pushed_at = float(counted), now, now

    def reclaimable(self, now: float) -> int:
        """Return the number of files that the normal retention would remove: none for half a day after a cleanup."""
        if self._cleaned is not None and now - self._cleaned < DAY / 2:
            return 0
        return RECLAIMABLE if self._growth > 0 or self.counted(now) > AFTER_EMERGENCY else 0

    def scan(self, now: float, known: bool) -> ScanResult:
        """Return the result of a scan."""
        counted = self.counted(now)
        reclaimable = self.reclaimable(now)
        sessions = max(0, counted - PROTECTED - PRE_KEYS - 20)
        mark = zlib.crc32(self.company.name.encode())
        return ScanResult(
            total=counted,
            counted=counted,
            protected=PROTECTED,
            reclaimable=reclaimable,
            gain=max(0, counted - AFTER_EMERGENCY),
            floor=max(0, counted - 40),
            identity_state="Paired",
            fingerprint=f"{mark:08x}{mark:08x}",
            newest_activity=int(now) - 40,
            looked=int(now),
            running=None if known else _running(now),
            bins=[20, 15, 20, 10, 12] if known else None,
            bytes=counted * 1900,
            free_bytes=FREE_BYTES,
            free_inodes=FREE_INODES,
            trash_runs=0,
            pre_key_span=60,
            by_kind=[CREDS, APP_STATE, LIDS, PRE_KEYS, sessions, 10, 10, 0, 0, 0, 0],
            ages=[counted // 5] * 5,
            kept={"ProtectedKind": PROTECTED, "NewestPreKeys": PRE_KEYS, "InUse": sessions},
        )

    def clean(self, task: Task, now: float) -> CleanResult:
        """Carry out a cleanup, once for each run id."""
        run = task.run or ""
        before = self.counted(now)
        removed = max(before - AFTER_EMERGENCY, 0) if task.emergency else self.reclaimable(now)
        if task.dry_run or run in self.runs:
            removed = 0
        else:
            self.runs[run] = removed
            self.cleanups += 1
        if removed:
            self._base, self._since = float(before - removed), now
            self._cleaned = now
        return CleanResult(
            run,
            COMPLETED if removed else NOTHING_TO_DO,
            time=int(now),
            removed=removed,
            removed_by_kind=[0, 0, 0, 0, removed, 0, 0, 0, 0, 0, 0],
            kept={"Fresh": 4, "Young": 60},
            before=before,
            after=before - removed,
            freed_bytes=removed * 1900,
            duration_ms=12,
            applied=bool(removed),
            scan=self.scan(now, known=False),
        )


Volumes = dict[tuple[str, str], Directory]
"""By namespace and claim."""


class NoDirectoryError(LookupError):
    """A Job mounts a claim that the bench does not have: the simulation and the operator disagree."""


def carry_out(task: Task, claims: list[str], namespace: str, volumes: Volumes, now: float) -> bytes:
    """Return the termination message of a task, written by the project's own encoder.

    `claims` are the Job's, in the order in which they are mounted.

    Raises:
        NoDirectoryError: a member's volume is not of this bench.
    """
    reports = [_report(task, member, claims, namespace, volumes, now) for member in task.members]
    return encode(Result(task.action, int(now), reports))


def _report(
    task: Task,
    member: Member,
    claims: list[str],
    namespace: str,
    volumes: Volumes,
    now: float,
) -> ScanResult | CleanResult | PurgeResult:
    claim = claims[int(member.volume.rpartition("/")[2])]
    directory = volumes.get((namespace, claim))
    if directory is None:
        raise NoDirectoryError(f"{namespace}/{claim}")
    if task.action == "scan":
        return directory.scan(now, member.running is not None)
    if task.action == "clean":
        return directory.clean(task, now)
    return PurgeResult(COMPLETED, trash_runs=0)

"""A tenant, a look at its directory and a virtual clock, for the tests of the controller's pure modules."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.names import EMERGENCY_ANNOTATION
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.job.result import OUTCOMES, CleanResult, KeptCopy, ScanResult
from baileys_janitor.policy.ages.running import Memory
from baileys_janitor.policy.ages.running_text import encode
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.schedule.context import Context, Intervals
from baileys_janitor.status.advice import Limits
from baileys_janitor.status.compose import StatusContext
from baileys_janitor.tenants.record import TenantRecord
from baileys_janitor.volume.errors import SENTENCES

Object = dict[str, Any]

NOW = 1_795_000_000.0
"""A moment of November 2026, in Unix seconds."""
HOUR = 3600.0
DAY = 86_400.0
CONFIG = OperatorConfig()
LIMITS = Limits.of(CONFIG)
PACE = Intervals(CONFIG.daily_jitter.seconds, DAY, CONFIG.status_interval.seconds)
CONTEXT = StatusContext(NOW - DAY, PACE, None, LIMITS)
SCHEDULE = CONTEXT.schedule
HELD = Context(NOW - DAY, PACE, NOW + HOUR)


def body(
    spec: Object | None = None,
    status: Object | None = None,
    *,
    namespace: str = "shop",
    name: str = "acme",
    uid: str = "u-1",
    version: str = "1",
    generation: int = 1,
    token: str | None = None,
) -> Object:
    """A BaileysTenant as the API server shows it; `spec` is merged over a claim and a path."""
    meta: Object = {
        "namespace": namespace,
        "name": name,
        "uid": uid,
        "resourceVersion": version,
        "generation": generation,
    }
    if token is not None:
        meta["annotations"] = {EMERGENCY_ANNOTATION: token}
    whole: Object = {"volume": {"claimName": "data", "path": "company_1"}} | (spec or {})
    return {
        "metadata": meta,
        "spec": whole,
        "status": {"observedGeneration": -1} if status is None else status,
    }


def tenant(
    spec: Object | None = None, status: Object | None = None, now: float = NOW, **more: Any
) -> TenantRecord:
    """A tenant that an operator with the default configuration has just come to know."""
    return TenantCache(CONFIG).observe(body(spec, status, **more), now)


def look(counted: int = 100, **more: Any) -> ScanResult:
    """What a scan of a paired, running tenant finds; `counted` files, ten of them removable."""
    values: Object = {
        "total": counted,
        "counted": counted,
        "protected": 60,
        "reclaimable": 10,
        "gain": 10,
        "floor": max(0, counted - 20),
        "identity_state": "Paired",
        "fingerprint": "f00d",
        "creds_token": "t1",
        "newest_activity": int(NOW) - 60,
        "looked": int(NOW),
        "running": RUNNING,
        "by_kind": [1, 6, 40, 40, max(0, counted - 87), 0, 0, 0, 0, 0, 0],
        "bytes": 1000 * counted,
        "free_bytes": 10**9,
        "free_inodes": 10**5,
        "trash_runs": 0,
    }
    return ScanResult(**(values | more))


#: Traffic without a pause for 30 days.
RUNNING = encode(Memory(int(NOW), ((int(NOW - 30 * DAY), int(NOW) - 60),), int(NOW) - 60))

#: The same, but for the last nine days.
STOPPED = encode(Memory(int(NOW), ((int(NOW - 30 * DAY), int(NOW - 9 * DAY)),), int(NOW - 9 * DAY)))


def claimed(
    known: TenantRecord, reason: str = "Trigger", run: str = "20261122-030000-abc"
) -> TenantRecord:
    """The tenant with a cleanup under way."""
    known.cleanup.run = {"id": run, "reason": reason, "startTime": "2026-11-22T03:00:00Z"}
    return known


def cleaned(outcome: str = "Completed", removed: int = 12, **more: Any) -> CleanResult:
    """The result of the run that `claimed` began."""
    values: Object = {
        "removed": removed,
        "before": 190,
        "after": 190 - removed,
        "freed_bytes": 100 * removed,
        "duration_ms": 340,
        "applied": outcome != "DryRun" and removed > 0,
        "in_trash": removed,
    }
    return CleanResult("20261122-030000-abc", outcome, **(values | more))


def conditions(status: Object) -> dict[str, Object]:
    """The conditions by type."""
    return {c["type"]: c for c in status["conditions"]}


# What a Job's result can hold, after the wire has bounded it.

COUNTS = st.integers(0, 36**5 - 1)
NUMBERS = st.integers(0, 36**12 - 1)
SOME = st.none() | COUNTS
TIMES = st.integers(int(NOW) - 36**5, int(NOW) + 36**5)
WORDS = st.text("abcXYZ019_.-", max_size=63)
LISTS = st.none() | st.lists(COUNTS, min_size=len(KINDS), max_size=len(KINDS))
CODES = st.sampled_from(sorted(SENTENCES)) | WORDS.filter(bool)

looks = st.builds(
    ScanResult,
    total=COUNTS,
    counted=COUNTS | st.integers(100, 250),
    protected=COUNTS,
    reclaimable=COUNTS,
    gain=st.integers(0, 50),
    floor=COUNTS | st.integers(0, 250),
    identity_state=st.sampled_from(["Paired", "Paired", "Unpaired", "Corrupt", "Absent", None]),
    fingerprint=st.sampled_from(["", "f00d", "beef"]),
    creds_token=st.sampled_from(["", "t1", "t2"]),
    newest_activity=st.none() | TIMES,
    looked=st.none() | TIMES,
    running=st.none() | st.sampled_from([RUNNING, STOPPED, "1;damaged"]),
    bins=st.none() | st.lists(COUNTS, max_size=6),
    put_in=st.none() | TIMES,
    held_days=st.none() | COUNTS,
    skewed=st.booleans(),
    free_bytes=st.none() | NUMBERS,
    free_inodes=st.none() | NUMBERS,
    trash_runs=SOME,
    trash_oldest=st.none() | TIMES,
    bytes=st.none() | NUMBERS,
    by_kind=LISTS,
    copies=SOME,
    copied=st.none() | TIMES,
    uncopied=st.booleans(),
)
kept_copies = st.builds(
    KeptCopy,
    st.sampled_from(["Kept", "NotDue", "NotKept"]),
    code=st.none() | CODES,
    copies=COUNTS,
    newest=st.none() | TIMES,
)
failed_looks = st.builds(ScanResult, error=CODES, total=SOME)
clean_results = st.builds(
    CleanResult,
    st.just("20261122-030000-abc"),
    st.sampled_from(OUTCOMES),
    code=st.none() | CODES,
    removed=COUNTS,
    removed_by_kind=LISTS,
    kept=st.none() | st.dictionaries(WORDS.map(lambda w: w[:32]), COUNTS, max_size=32),
    left=COUNTS,
    before=SOME,
    after=SOME,
    freed_bytes=NUMBERS,
    duration_ms=NUMBERS,
    recovered=st.integers(0, 9),
    scan=st.none() | looks | failed_looks,
)

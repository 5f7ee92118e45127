"""The metrics of each tenant, read from its record during a scrape.

Nothing is stored for a tenant besides the record, so its series disappear with it. Every series has the labels
`namespace`, `tenant` and `company_id`, names that people gave; no label ever contains a file's name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.backup.backup_settings import MOST_REPOSITORIES
from baileys_janitor.api.conditions.condition_kinds import ADVICE
from baileys_janitor.api.names import NOTIFY_ANNOTATION
from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.metrics.definitions import OTHER, REASONS
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.policy.levels import LEVELS
from baileys_janitor.schedule import scan_times
from baileys_janitor.schedule.growth import DAY
from baileys_janitor.status import level_and_ready
from baileys_janitor.status.changes import UNKNOWN
from baileys_janitor.tenants.backup_state import Archived, RepositoryState, Tries
from baileys_janitor.tenants.record import TenantRecord

LABELS = ("namespace", "tenant", "company_id")
LEVEL_NUMBERS = {UNKNOWN: -1} | {level: number for number, level in enumerate(LEVELS)}
"""Levels as numbers, so that alert rules compare them and one series a tenant is enough."""
THRESHOLDS = ("warning", "critical", "trigger", "emergency", "danger")

Number = int | float
One = Callable[[TenantRecord, float], Number | None]
Many = Callable[[TenantRecord, float], Iterable[tuple[str, Number]]]


@dataclass(frozen=True, slots=True)
class Family:
    """One gauge of every tenant.

    `one` or `many` reads it from a record and the time (Unix seconds); `many` gives a series for each value of `label`.
    `most` limits the series of one tenant. `brief`: also exported with `metrics.perTenant: Brief`.
    """

    name: str
    help: str
    one: One | None = None
    many: Many | None = None
    label: str = ""
    most: int = 1
    brief: bool = False


def company(tenant: TenantRecord) -> str:
    """Return the company's id: the resource's name while the spec does not parse."""
    return tenant.name if tenant.effective is None else tenant.effective.company_id


def level(tenant: TenantRecord, now: float) -> int:
    """Return the level's number."""
    return LEVEL_NUMBERS[level_and_ready.level_of(tenant, now) or UNKNOWN]


def _files(tenant: TenantRecord) -> Mapping[str, Any]:
    """Return the stored figures, which are valid until the first scan after a start."""
    if tenant.effective is not None and tenant.scan.last_scan is None:
        return {}  # of another directory
    return tenant.stored.status.get("files") or {}


def _figure(name: str) -> One:
    def read(tenant: TenantRecord, _: float) -> Number | None:
        if tenant.scan.counts:
            number: Number | None = getattr(tenant.look, name)
            return number
        return _files(tenant).get(name)

    return read


def _by_kind(tenant: TenantRecord, _: float) -> Iterable[tuple[str, Number]]:
    if tenant.scan.counts and tenant.look is not None and tenant.look.by_kind is not None:
        return zip(KINDS, tenant.look.by_kind, strict=True)
    stored = _files(tenant).get("byKind") or {}
    return [(kind, stored[kind]) for kind in KINDS if kind in stored]


def _free(name: str, stored: str) -> One:
    def read(tenant: TenantRecord, _: float) -> Number | None:
        known: Number | None = getattr(tenant.look, name) if tenant.look is not None else None
        if known is None and tenant.scan.last_scan is not None:
            known = (tenant.stored.status.get("volume") or {}).get(stored)
        return known

    return read


def _thresholds(tenant: TenantRecord, _: float) -> Iterable[tuple[str, Number]]:
    if tenant.effective is None:
        return []
    limits = tenant.effective.policy.thresholds
    return [(name, getattr(limits, name)) for name in THRESHOLDS]


_counted = _figure("counted")


def until_emergency(tenant: TenantRecord, now: float) -> float | None:
    """Return the seconds until the emergency threshold at the present growth; None while unknown."""
    counted = _counted(tenant, now)
    if counted is None or tenant.effective is None or tenant.scan.last_scan is None:
        return None
    room = tenant.effective.policy.thresholds.emergency - counted
    if room <= 0:
        return 0.0
    if tenant.scan.growth is None:
        return None
    if tenant.scan.growth <= 0:
        return math.inf
    return max(0.0, tenant.scan.last_scan + room * DAY / tenant.scan.growth - now)


def _last_activity(tenant: TenantRecord, _: float) -> Number | None:
    if tenant.scan.counts and tenant.look is not None:
        return tenant.look.newest_activity
    return from_rfc3339(tenant.stored.status.get("lastActivityTime"))


def _cleanup_failed(tenant: TenantRecord, _: float) -> Number | None:
    return None if tenant.cleanup.last_outcome is None else int(tenant.cleanup.failing)


def _cooldowns(tenant: TenantRecord, now: float) -> Iterable[tuple[str, Number]]:
    ends = (
        ("trigger", tenant.cleanup.cooldown_until),
        ("emergency", tenant.cleanup.emergency_cooldown_until),
    )
    return [(name, until) for name, until in ends if until is not None and until > now]


def _advice(tenant: TenantRecord, _: float) -> Iterable[tuple[str, Number]]:
    return [(kind, 1) for kind in tenant.stored.signs if kind in ADVICE]


def _of_repositories(read: Callable[[RepositoryState], Number | None]) -> Many:
    def many(tenant: TenantRecord, _: float) -> Iterable[tuple[str, Number]]:
        found = ((name, read(each)) for name, each in tenant.backup.repositories.items())
        return [(name, number) for name, number in found if number is not None]

    return many


def _of_newest(read: Callable[[Archived], Number | None]) -> Many:
    return _of_repositories(lambda each: None if each.newest is None else read(each.newest))


def _backup_problems(tenant: TenantRecord, _: float) -> Iterable[tuple[str, Number]]:
    return [(reason, 1) for _type, reason in tenant.stored.failing]


def _failed(tries: Tries) -> Number | None:
    return None if tries.tried_at is None else int(tries.failures > 0)


def _stalled(tenant: TenantRecord, _: float) -> Iterable[tuple[str, Number]]:
    # Ready's reason is that of the fault: both conditions are set together.
    if "Stalled" not in tenant.stored.signs:
        return []
    reason = str(tenant.stored.readiness)
    return [(reason if reason in REASONS else OTHER, 1)]


FAMILIES: tuple[Family, ...] = (
    Family(
        "baileys_session_files_count",
        "Files in the session directory at the last scan, by kind of file.",
        many=_by_kind,
        label="file_type",
        most=len(KINDS),
    ),
    Family(
        "baileys_session_files_counted",
        "Files that are compared with the thresholds (spec.thresholds.count), at the last scan.",
        one=_counted,
        brief=True,
    ),
    Family(
        "baileys_session_files_threshold",
        "Counted files from which each threshold in force for the tenant is reached.",
        many=_thresholds,
        label="threshold",
        most=len(THRESHOLDS),
    ),
    Family(
        "baileys_session_files_reclaimable",
        "Files that the retention in force would have removed at the last scan.",
        one=_figure("reclaimable"),
    ),
    Family(
        "baileys_session_files_protected",
        "Files of the kinds that no rule may remove, without unknown ones, at the last scan.",
        one=_figure("protected"),
    ),
    Family(
        "baileys_session_bytes",
        "Size of all files of the session directory together, at the last scan.",
        one=_figure("bytes"),
    ),
    Family(
        "baileys_session_level",
        "Level of the tenant: -1 Unknown, 0 Healthy, 1 Warning, 2 Critical, 3 Emergency.",
        one=level,
        brief=True,
    ),
    Family(
        "baileys_session_files_growth_per_day",
        "By how many counted files the directory grows a day.",
        one=lambda tenant, _: tenant.scan.growth,
    ),
    Family(
        "baileys_session_emergency_predicted_seconds",
        "Seconds until the emergency threshold is reached at the present growth: 0 at or above it, +Inf without "
        "growth.",
        one=until_emergency,
    ),
    Family(
        "baileys_session_last_scan_timestamp_seconds",
        "When the files were last counted.",
        one=lambda tenant, _: tenant.scan.last_scan,
        brief=True,
    ),
    Family(
        "baileys_session_scan_stale_timestamp_seconds",
        "From when the last count is too old to be trusted: three scans will have been missed. "
        "None for a suspended tenant.",
        one=lambda tenant, _: scan_times.missed_time(tenant),
        brief=True,
    ),
    Family(
        "baileys_session_last_activity_timestamp_seconds",
        "When a session or a sender key was last written.",
        one=_last_activity,
    ),
    Family(
        "baileys_session_last_cleanup_timestamp_seconds",
        "When the last cleanup ended, whatever its outcome.",
        one=lambda tenant, _: tenant.cleanup.last_time,
    ),
    Family(
        "baileys_session_last_cleanup_failed",
        "1 if the last cleanup failed, or the last three were killed, else 0; none before the first one.",
        one=_cleanup_failed,
        brief=True,
    ),
    Family(
        "baileys_session_credentials_copies",
        "Kept copies of creds.json in the session directory, at the last scan.",
        one=lambda tenant, _: tenant.copies.count,
    ),
    Family(
        "baileys_session_credentials_copy_timestamp_seconds",
        "When the newest copy of creds.json was kept; none before the first one.",
        one=lambda tenant, _: tenant.copies.newest,
    ),
    Family(
        "baileys_session_cooldown_end_timestamp_seconds",
        "Until when no automatic cleanup of that kind starts, while that lies ahead.",
        many=_cooldowns,
        label="cleanup",
        most=2,
    ),
    Family(
        "baileys_session_condition",
        "1 for each condition that gives advice and is True; none for the others.",
        many=_advice,
        label="condition",
        most=len(ADVICE),
        brief=True,
    ),
    Family(
        "baileys_session_stalled",
        "1 while the janitor cannot look after the tenant (Ready is False), with the reason.",
        many=_stalled,
        label="reason",
        brief=True,
    ),
    Family(
        "baileys_session_silenced",
        f"1 for a tenant that the annotation {NOTIFY_ANNOTATION} keeps out of messages and alerts; none for others.",
        one=lambda tenant, _: 1 if tenant.resource.muted else None,
        brief=True,
    ),
    Family(
        "baileys_backup_problem",
        "1 for the reason why the condition BackedUp or Restorable is False; none while neither is.",
        many=_backup_problems,
        label="reason",
        most=2,
        brief=True,
    ),
    Family(
        "baileys_backup_last_success_timestamp_seconds",
        "When the session was last backed up to each repository, or found unchanged since its newest archive there.",
        many=_of_repositories(lambda each: each.done_at),
        label="repository",
        most=MOST_REPOSITORIES,
        brief=True,
    ),
    Family(
        "baileys_backup_failed",
        "1 if the last attempt to back the session up to the repository failed, else 0; none before the first one.",
        many=_of_repositories(_failed),
        label="repository",
        most=MOST_REPOSITORIES,
        brief=True,
    ),
    Family(
        "baileys_backup_archives",
        "Archives of the session in each repository, where the credentials may list them.",
        many=_of_newest(lambda newest: newest.archives),
        label="repository",
        most=MOST_REPOSITORIES,
    ),
    Family(
        "baileys_backup_bytes",
        "Size of the newest archive in each repository.",
        many=_of_newest(lambda newest: newest.bytes),
        label="repository",
        most=MOST_REPOSITORIES,
    ),
    Family(
        "baileys_backup_duration_seconds",
        "How long the last backup that succeeded took.",
        many=_of_repositories(lambda each: each.seconds),
        label="repository",
        most=MOST_REPOSITORIES,
    ),
    Family(
        "baileys_backup_drill_last_success_timestamp_seconds",
        "When an archive of each repository was last restored in a drill.",
        many=_of_repositories(lambda each: each.drill.done_at),
        label="repository",
        most=MOST_REPOSITORIES,
        brief=True,
    ),
    Family(
        "baileys_backup_drill_failed",
        "1 if the last drill from the repository failed, else 0; none before the first one.",
        many=_of_repositories(lambda each: _failed(each.drill)),
        label="repository",
        most=MOST_REPOSITORIES,
        brief=True,
    ),
    Family(
        "baileys_backup_drill_duration_seconds",
        "How long the last drill that passed took: as long as a restore takes, but for writing the files.",
        many=_of_repositories(lambda each: each.drill.seconds),
        label="repository",
        most=MOST_REPOSITORIES,
    ),
    Family(
        "baileys_volume_free_bytes",
        "Free space on the tenant's volume, at the last scan.",
        one=_free("free_bytes", "freeBytes"),
    ),
    Family(
        "baileys_volume_free_inodes",
        "Free inodes on the tenant's volume, at the last scan.",
        one=_free("free_inodes", "freeInodes"),
    ),
)
"""Every gauge of a tenant. Dashboards rely on the name `baileys_session_files_count`: it stays, although lint reserves
the suffix `_count` for histograms."""


def most(families: Iterable[Family]) -> int:
    """Return the maximum number of series of one tenant."""
    return sum(family.most for family in families)

"""What a Job's result changes in the record of its tenant. Pure: record, result and time in, record changed."""

from __future__ import annotations

from typing import Any

from baileys_janitor.api.durations import elapsed_text
from baileys_janitor.controller.clock import to_rfc3339
from baileys_janitor.controller.jobs import faults
from baileys_janitor.controller.kube.conditions import MESSAGE_LIMIT
from baileys_janitor.controller.tenants import running_time
from baileys_janitor.controller.tenants.record import Suspicion, TenantRecord
from baileys_janitor.controller.wording import files, listed
from baileys_janitor.job.result import (
    COMPLETED,
    DRY_RUN,
    FAILED,
    OUTCOMES,
    REFUSED,
    REPEATED,
    CleanResult,
    PurgeResult,
    ScanResult,
)
from baileys_janitor.policy.kinds import KINDS
from baileys_janitor.policy.reasons import CLOCK_SKEW
from baileys_janitor.schedule import growth
from baileys_janitor.schedule.decision import URGENT

Object = dict[str, Any]

FRUITLESS = 300.0
"""Seconds that an automatic Emergency cleanup waits after one that removed nothing."""
BOUNDLESS = 2**62
"""The largest number of bytes that the CRD takes; some filesystems claim more."""
PURGE_AGAIN = 600.0
"""Seconds from one purge to the next, so that trash which cannot be removed is not chased by Job after Job."""
RECORDED = (
    "The run had been carried out before, and its result was lost. The volume's journal has its figures: see "
    "`baileys-janitor undo --list`."
)
"""What is said of a run whose result is known from the volume's journal alone."""
RE_PAIRED_FOR = 86_400.0
"""Seconds that a change of identity stays in view."""


CARRIED = {
    "volume": ("bytes", "free_bytes", "free_inodes", "pre_key_span"),
    "kinds": ("by_kind",),
    "ages": ("oldest", "newest", "ages"),
    "kept": ("kept",),
    "running": ("held_days",),
}
"""Figures that stand until the next look that has room for them. The trash is none: a purge knows better."""


def scanned(
    tenant: TenantRecord,
    look: ScanResult,
    now: float,
    used: bool,
    boot: running_time.Boot | None = None,
) -> None:
    """Take in a look at the session directory; `used`: a running pod used the claim, `boot`: this machine's.

    A look that failed is a missed scan: the count before it holds until three are missed.
    """
    tenant.rescan = False
    tenant.unused_since = None if used else (tenant.unused_since or now)
    if look.error is not None:
        tenant.back_off(faults.of_directory(look.error), now)
        return
    if look.left_out and tenant.look is not None:
        _carry_over(tenant.look, look)
    tenant.look = look
    tenant.checked_at = now
    if look.trash_runs is not None:
        tenant.trash = (look.trash_runs, _oldest(tenant, look.trash_oldest, now))
    tenant.recovered()
    tenant.last_scan = now
    _remember(tenant, look, boot)
    if look.identity_state == "Paired" and not look.skewed:
        since = running_time.active_since(tenant.running)
        tenant.active_since = None if since is None else float(min(since, now))
        _identify(tenant, look.fingerprint, now)
    _suspect(tenant, look, now)
    _grow(tenant, look.counted, now)


def _remember(tenant: TenantRecord, look: ScanResult, boot: running_time.Boot | None) -> None:
    if look.skewed:
        tenant.work_fault = faults.of_directory(CLOCK_SKEW)
    elif tenant.work_fault is not None and tenant.work_fault.reason == CLOCK_SKEW:
        tenant.work_fault = None
    if tenant.effective is not None:
        limit = tenant.effective.policy.longest_age
        tenant.running = running_time.remember(tenant.running, look, limit, boot)


def _oldest(tenant: TenantRecord, told: int | None, now: float) -> float:
    """Return since when something lies in the trash: as told, else since it was first seen there."""
    if told is not None:
        return min(float(told), now)
    return tenant.trash[1] if tenant.trash is not None and tenant.trash[0] else now


def _carry_over(before: ScanResult, look: ScanResult) -> None:
    """Let what a result had no room for stand as the look before found it; `left_out` goes on saying so."""
    for name in look.left_out:
        for figure in CARRIED.get(name, ()):
            setattr(look, figure, getattr(before, figure))


def _identify(tenant: TenantRecord, fingerprint: str, now: float) -> None:
    if tenant.fingerprint and fingerprint and fingerprint != tenant.fingerprint:
        tenant.re_paired = (now, tenant.fingerprint)
        tenant.anchor = tenant.growth = None
    tenant.fingerprint = fingerprint or tenant.fingerprint


def _suspect(tenant: TenantRecord, look: ScanResult, now: float) -> None:
    if look.identity_state != "Corrupt":
        tenant.suspicion = None
    elif tenant.suspicion is not None and tenant.suspicion.token == look.creds_token:
        tenant.suspicion.looks += 1
    else:
        tenant.suspicion = Suspicion(look.creds_token, now, 1)


def _grow(tenant: TenantRecord, counted: int | None, now: float) -> None:
    if counted is None:
        return
    if tenant.anchor is None or counted < tenant.anchor[1]:
        tenant.anchor = (now, counted)
        return
    since, before = tenant.anchor
    if now - since >= growth.LEAST_SPAN:
        tenant.burst = growth.observed(counted - before, now - since)
        tenant.growth = growth.smoothed(tenant.growth, counted - before, now - since)
        tenant.anchor = (now, counted)


def cleaned(
    tenant: TenantRecord,
    result: CleanResult,
    now: float,
    used: bool,
    boot: running_time.Boot | None = None,
    *,
    recorded: bool = False,
) -> Object:
    """Take in a cleanup's result, end the claimed run, and return its entry for the history.

    `recorded`: the Job did not do the run itself but found it in the volume's journal, which whoever writes to the
    volume can write. So that ends the run, and its figures go nowhere.
    """
    reason = str((tenant.run or {}).get("reason") or "Requested")
    outcome = result.outcome
    if outcome == REPEATED:
        # The journal has it: the run was carried out, only its first result got lost.
        outcome = result.code if result.code in OUTCOMES else COMPLETED
    entry: Object = {
        "run": result.run,
        "time": to_rfc3339(now),
        "reason": reason,
        "outcome": outcome,
    }
    if recorded:
        tenant.record(entry, {"message": RECORDED})
    else:
        entry |= _figures(result)
        tenant.record(entry, _detail(result, outcome))
    _cool(tenant, reason, outcome, result.removed > 0, now)
    # Scans are read-only: what keeps a cleanup from writing shows nowhere else. A lock that is held passes by itself.
    hindered = outcome in {FAILED, REFUSED} and result.code in faults.DIRECTORY
    hindered = hindered and result.code != "Busy"
    tenant.work_fault = faults.of_directory(str(result.code)) if hindered else None
    tenant.run = None
    tenant.attempts = 0
    tenant.in_doubt = tenant.held_back = False
    if result.scan is not None:
        scanned(tenant, result.scan, now, used, boot)
    else:
        tenant.rescan = True
    return entry


def _figures(result: CleanResult) -> Object:
    figures = {
        "removed": result.removed,
        "before": result.before,
        "after": result.after,
        "freedBytes": min(result.freed_bytes, BOUNDLESS),
        "duration": elapsed_text(result.duration_ms),
        "removedByReason": result.removed_by_reason or None,
    }
    return {key: value for key, value in figures.items() if value is not None}


def _detail(result: CleanResult, outcome: str) -> Object:
    detail = {
        "message": _message(result, outcome),
        "removedByKind": by_kind(result.removed_by_kind, only_some=True),
        "kept": result.kept or None,
        "left": result.left or None,
    }
    return {key: value for key, value in detail.items() if value}


def unanswered(tenant: TenantRecord, reason: str, outcome: str, message: str, now: float) -> Object:
    """Record a cleanup that has no result: refused, idle, or given up; end the claimed run, if any."""
    entry: Object = {
        "time": to_rfc3339(now),
        "reason": reason,
        "outcome": outcome,
        "removed": 0,
    }
    if tenant.run is not None:
        entry["run"] = tenant.run.get("id")
    tenant.record(entry, {"message": message[:MESSAGE_LIMIT]})
    tenant.run = None
    tenant.attempts = 0
    tenant.in_doubt = tenant.held_back = False
    if outcome == FAILED:
        tenant.hold_until = now + FRUITLESS
    return entry


def purged(tenant: TenantRecord, result: PurgeResult, now: float) -> None:
    """Take in a purge's result; one that failed is tried again after a back-off."""
    tenant.purge_after = now + PURGE_AGAIN
    if result.trash_runs is not None:
        tenant.trash = (result.trash_runs, _oldest(tenant, result.trash_oldest, now))
    if result.outcome == FAILED:
        tenant.back_off(faults.of_directory(result.code or FAILED), now)


def _cool(tenant: TenantRecord, reason: str, outcome: str, removed: bool, now: float) -> None:
    """Start the cooldown: only after a run that was completed and removed something (or would have)."""
    effective = tenant.effective
    emergency = reason in URGENT
    if removed and effective is not None and outcome in {COMPLETED, DRY_RUN}:
        tenant.cooldown_until = now + effective.cooldown
        if emergency:
            tenant.emergency_cooldown_until = now + effective.emergency_cooldown
    elif removed and effective is not None and tenant.held_back:
        # While the circuit breaker is open, a run that was cut short does not go on at once.
        tenant.emergency_cooldown_until = now + effective.emergency_cooldown
    elif emergency and not removed:
        tenant.hold_until = now + FRUITLESS
    if removed and outcome != DRY_RUN:
        tenant.anchor = None


def _message(result: CleanResult, outcome: str) -> str:
    kept = listed(result.kept)
    verb = "Would remove" if outcome == DRY_RUN else "Removed"
    said = f"{verb} {files(result.removed)}"
    if result.before is not None and result.after is not None:
        said += f", {result.before} counted before and {result.after} after"
    why = listed(result.removed_by_reason)
    if result.code and outcome in {REFUSED, FAILED, "Capped"}:
        said = f"{outcome} ({result.code}): {said[0].lower()}{said[1:]}"
    if why:
        said += f". {'To go' if outcome == DRY_RUN else 'Gone'}: {why}"
    if kept:
        said += f". Kept: {kept}"
    if result.applied and result.removed and not result.in_trash:
        said += ". Nothing is left to put back: the disk was full, or undoWindow is 0s"
    if result.purged_early:
        said += f". {files(result.purged_early)} of earlier runs left the trash early, to make room"
    if result.returned:
        said += f". Written again meanwhile: {files(result.returned)}"
    if result.left:
        said += f". {result.left} more wait for the next run"
    if result.recovered:
        several = "runs were" if result.recovered > 1 else "run was"
        said += f". {result.recovered} interrupted {several} finished first"
    return (said + ".")[:MESSAGE_LIMIT]


def by_kind(counts: list[int] | None, *, only_some: bool = False) -> Object | None:
    """Return counts in the order of KINDS as a mapping; `only_some` leaves zeros out."""
    if counts is None:
        return None
    return {k: n for k, n in zip(KINDS, counts, strict=True) if n or not only_some}

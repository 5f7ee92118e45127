"""Changes the record of a tenant by the result of its Job. Pure: takes record, result and time; changes the record."""

from __future__ import annotations

from typing import Any

from baileys_janitor.api.conditions.conditions import MESSAGE_LIMIT
from baileys_janitor.api.values.durations import elapsed_text
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.job.result import (
    CAPPED,
    COMPLETED,
    DEADLINE_REACHED,
    DRY_RUN,
    FAILED,
    INTERRUPTED,
    OUTCOMES,
    REFUSED,
    REPEATED,
    CleanResult,
    KeptCopy,
    PurgeResult,
    ScanResult,
)
from baileys_janitor.policy.reasons import CLOCK_SKEW
from baileys_janitor.schedule.cleanup_times import KILLED, URGENT
from baileys_janitor.tenants import directory_faults, running_time
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.figures import BYTES_MAX, by_kind
from baileys_janitor.tenants.record import TenantRecord
from baileys_janitor.tenants.wording import files, listed

Object = dict[str, Any]

KILLED_RUN = (
    "The Job was killed in the middle of this cleanup. The next Job recorded what it had done: what it removed is in "
    "the trash, and what it did not reach is still there. For its figures see `baileys-janitor undo --list`."
)
"""The message of a killed run."""
RECORDED = (
    "The run had been carried out before, and its result was lost. The volume's journal has its figures: see "
    "`baileys-janitor undo --list`."
)
"""The message of a run whose result is known from the volume's journal alone."""


def scanned(
    tenant: TenantRecord,
    look: ScanResult,
    now: float,
    used: bool,
    boot: running_time.Boot | None = None,
) -> None:
    """Record a scan of the session directory. `used`: whether a running pod uses the claim; `boot`: this machine's
    boot.

    A failed scan counts as a missed one: the count before it stays valid until three are missed.
    """
    tenant.jobs.want_scan(False)
    tenant.scan.use(used, now)
    if look.error is not None:
        tenant.fail(tenant.fault_of(look.error), now)
        return
    tenant.recover()
    if look.skewed:
        tenant.backoff.set_work_fault(tenant.fault_of(CLOCK_SKEW))
    elif tenant.backoff.work_fault is not None and tenant.backoff.work_fault.reason == CLOCK_SKEW:
        tenant.backoff.set_work_fault(None)
    effective, before = tenant.effective, tenant.scan.fingerprint
    tenant.scan.take(look, now, None if effective is None else effective.longest_age, boot)
    if before and tenant.scan.fingerprint != before:
        tenant.copies.pair_anew(now)
    tenant.copies.see(look, now)
    if tenant.run is None:
        tenant.cleanup.count_after(look.counted)


def cleaned(
    tenant: TenantRecord,
    result: CleanResult,
    now: float,
    used: bool,
    boot: running_time.Boot | None = None,
    *,
    recorded: bool = False,
    urgent: bool | None = None,
) -> Object:
    """Record a cleanup's result, end the claimed run, and return its entry for the history.

    `recorded`: the Job did not do the run itself, but found it in the volume's journal. Anybody who writes to the
    volume can write that journal, so such a result ends the run, and its figures are not used. `urgent`: whether the
    emergency rules applied, if the reason does not show it.
    """
    reason = str((tenant.run or {}).get("reason") or "Requested")
    entry, detail = entry_of(result, now, reason, recorded=recorded)
    outcome = str(entry["outcome"])
    if outcome == KILLED:
        # Its own figures are lost: use the count of the scan before it, and of the one after it.
        entry |= tenant.cleanup.count_around()
    urgent = reason in URGENT if urgent is None else urgent
    _cool(tenant, urgent, outcome, result.removed > 0, now)
    # Scans are read-only: only a cleanup shows that writing is impossible. A held lock passes by itself.
    hindered = outcome in {FAILED, REFUSED} and result.code in directory_faults.DIRECTORY
    hindered = hindered and result.code != "Busy"
    tenant.backoff.set_work_fault(tenant.fault_of(str(result.code)) if hindered else None)
    tenant.cleanup.end(entry, detail)
    if result.scan is not None:
        scanned(tenant, result.scan, now, used, boot)
    else:
        tenant.jobs.want_scan()
    return entry


def entry_of(
    result: CleanResult, now: float, reason: str = "Requested", *, recorded: bool = False
) -> tuple[Object, Object]:
    """Return the entry of a cleanup for the history, and the details that are kept of the last cleanup only."""
    outcome = result.outcome
    if outcome == REPEATED:
        # It is in the journal: the run was carried out, and only its first result was lost.
        known = result.code in OUTCOMES or result.code == KILLED
        outcome = result.code if result.code and known else COMPLETED
    entry: Object = {
        "run": result.run,
        "time": to_rfc3339(now),
        "reason": reason,
        "outcome": outcome,
    }
    if recorded:
        return entry, {"message": KILLED_RUN if outcome == KILLED else RECORDED}
    return entry | _figures(result), _detail(result, outcome)


def _figures(result: CleanResult) -> Object:
    figures = {
        "removed": result.removed,
        "before": result.before,
        "after": result.after,
        "freedBytes": min(result.freed_bytes, BYTES_MAX),
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
    tenant.cleanup.end(entry, {"message": message[:MESSAGE_LIMIT]})
    if outcome == FAILED:
        tenant.cleanup.fruitless(now)
    return entry


def purged(tenant: TenantRecord, result: PurgeResult, now: float) -> None:
    """Record a purge's result; retry a failed one after a back-off."""
    tenant.cleanup.purged(now)
    tenant.scan.take_trash(result.trash_runs, result.trash_oldest, now)
    if result.outcome == FAILED:
        tenant.fail(tenant.fault_of(result.code or FAILED), now)


def kept(tenant: TenantRecord, result: KeptCopy | None, fault: Fault | None, now: float) -> None:
    """Record the result of keeping a copy of creds.json; `fault` is the reason if there is no result.

    Scans and cleanups go on in any case, so this is no fault of the tenant, and is stored in a place of its own.
    """
    if result is None:
        tenant.copies.fail(fault or directory_faults.UNREADABLE, now)
        return
    problem = None if result.code is None else directory_faults.of_copy(result.code)
    tenant.copies.keep(result, problem, now)


def _cool(tenant: TenantRecord, emergency: bool, outcome: str, removed: bool, now: float) -> None:
    """Start the cooldown, but only after a completed run that removed something (or would have)."""
    effective = tenant.effective
    if removed and effective is not None and outcome in {COMPLETED, DRY_RUN}:
        tenant.cleanup.cool(now, effective.cooldown)
        if emergency:
            tenant.cleanup.cool_emergency(now, effective.emergency_cooldown)
    elif removed and effective is not None and tenant.cleanup.held_back:
        # While the circuit breaker is open, a run that was cut short does not continue at once.
        tenant.cleanup.cool_emergency(now, effective.emergency_cooldown)
    elif emergency and not removed:
        tenant.cleanup.fruitless(now)
    if removed and outcome != DRY_RUN:
        tenant.scan.cleaned()


_CUT_SHORT = {
    DEADLINE_REACHED: "Stopped before the Job's deadline",
    INTERRUPTED: "Stopped because the Job was asked to end",
}
"""Why a run was cut short; the rest of its message lists the removed files."""


def _message(result: CleanResult, outcome: str) -> str:
    kept = listed(result.kept)
    verb = "Would remove" if outcome == DRY_RUN else "Removed"
    said = f"{verb} {files(result.removed)}"
    if result.before is not None and result.after is not None:
        said += f", {result.before} counted before and {result.after} after"
    why = listed(result.removed_by_reason)
    if result.code and outcome in {REFUSED, FAILED, CAPPED}:
        cut = _CUT_SHORT.get(result.code, f"{outcome} ({result.code})")
        said = f"{cut}: {said[0].lower()}{said[1:]}"
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

"""Decides what an operation needs now: to wait, to begin, to be continued, or to be refused. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from baileys_janitor.api.operations.spec import (
    CLEAN,
    DRILL,
    QUIESCE,
    RESTORE,
    RESUME,
    ROLLBACK,
    STOPPING,
    UNDO,
)
from baileys_janitor.api.operations.status import AWAITING, BEFORE, RESUMING, WORKING
from baileys_janitor.controller.operations import archives, restores
from baileys_janitor.controller.operations.record import OperationRecord
from baileys_janitor.controller.operations.stages import around, pairing
from baileys_janitor.controller.operations.stages.verdict import LOOK_AGAIN_SECONDS, Do, Verdict
from baileys_janitor.controller.quiesce.manager import Progress
from baileys_janitor.job.result import CAPPED, COMPLETED
from baileys_janitor.schedule.cleanup_times import KILLED
from baileys_janitor.tenants.cleanup_state import RUN_ID
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]
UNSEEN_SECONDS = 10.0
"""Seconds that a tenant may be unknown before that is reported: a manifest has both, and an operator starts."""
MISSING_SECONDS = 600.0
"""Seconds after which an operation without an existing tenant fails."""
PENDING_SECONDS = 86_400.0
"""Seconds after which an operation that could not begin fails: nobody expects it any more."""
TENANT_BUSY = "TenantBusy"


ARCHIVE_SECONDS = 3600.0
"""Seconds after which a backup or a drill that was not even tried fails: its claim waits, or no pod finds a node."""


@dataclass(frozen=True, slots=True)
class Means:
    """The permitted actions of the operator: those that its configuration lists, and whether drills can run."""

    allowed: Collection[str]
    drills: bool = True


def decide(
    operation: OperationRecord,
    tenant: TenantRecord | None,
    before: Sequence[OperationRecord],
    means: Means,
    now: float,
    quiet: Progress | None = None,
    others: Sequence[OperationRecord] = (),
) -> Verdict:
    """Return what an unfinished operation needs.

    Args:
        before: the tenant's operations that come before it.
        others: all unfinished operations of the tenant.
        quiet: how far quiescing has come, if it needs that.
    """
    if operation.phase == AWAITING:
        return pairing.decide(operation, tenant, others)
    if operation.phase == RESUMING:
        return _end_of_resuming(operation, quiet)
    if operation.phase in BEFORE:
        return _before(operation, tenant, quiet, now, others)
    if operation.phase == WORKING:
        return around.broken(operation, quiet) or _go_on(operation, tenant, now, quiet)
    refused = _refused(operation, tenant, means.allowed)
    if refused is not None:
        return refused
    late = operation.created + PENDING_SECONDS
    if now >= late:
        return _expired(operation)
    if before and not _starts_again(operation):
        message = f"The operation {before[0].name} comes first."
        return Verdict(Do.WAIT, "OperationUnderWay", message, late)
    if tenant is None:
        return _without_tenant(operation, now)
    if operation.action in archives.ACTIONS:
        return _begin_archive(operation, tenant, means, late)
    return _begin(operation, tenant, late, others)


def makes_no_job(operation: OperationRecord) -> bool:
    """Return whether the operator itself carries out an operation."""
    return operation.spec is not None and operation.spec.action in (QUIESCE, RESUME)


def _starts_again(operation: OperationRecord) -> bool:
    """Return whether an operation starts a workload again, which waits for no other operation."""
    return operation.spec is not None and operation.spec.action == RESUME


def _refused(
    operation: OperationRecord,
    tenant: TenantRecord | None,
    allowed: Collection[str],
) -> Verdict | None:
    spec = operation.spec
    if spec is None:
        message = (
            "This operator does not understand the spec, perhaps because the CRD is newer than it: let both have the "
            "same version."
        )
        return Verdict(Do.FAIL, "InvalidSpec", message)
    if spec.action not in allowed:
        message = f"config.operations.allowed of the operator does not list {spec.action}: allow it there."
        return Verdict(Do.FAIL, "NotAllowed", message)
    known = operation.current.get("tenantUid")
    if tenant is not None and known and known != tenant.uid:
        return _of_another(operation)
    return None


def _of_another(operation: OperationRecord) -> Verdict:
    message = f"The BaileysTenant {operation.tenant_name} was deleted and created again: it is another one."
    return Verdict(Do.FAIL, "TenantReplaced", message)


def _without_tenant(operation: OperationRecord, now: float) -> Verdict:
    said = f"There is no BaileysTenant {operation.tenant_name} in this namespace"
    end = operation.seen_at + MISSING_SECONDS
    if now >= end:
        return Verdict(Do.FAIL, "TenantNotFound", f"{said}: correct spec.tenant.")
    if now < operation.seen_at + UNSEEN_SECONDS:
        return Verdict(Do.WAIT, again=operation.seen_at + UNSEEN_SECONDS)
    return Verdict(Do.WAIT, "TenantNotFound", f"{said} yet.", end)


def _end_of_resuming(operation: OperationRecord, quiet: Progress | None) -> Verdict:
    ended = around.after(operation, quiet)
    if ended is None:
        return Verdict(Do.WAIT)
    return Verdict(Do.COMPLETE, *ended)


def _before(
    operation: OperationRecord,
    tenant: TenantRecord | None,
    quiet: Progress | None,
    now: float,
    others: Sequence[OperationRecord],
) -> Verdict:
    """Return what an operation needs that has begun, but whose action has not."""
    if tenant is None:
        return Verdict(Do.WAIT)
    if operation.current.get("tenantUid") != tenant.uid:
        return _of_another(operation)
    hindered = _hindered(tenant, now)
    if hindered is not None:
        # A workload may be down: do not keep it so.
        return Verdict(Do.FAIL, hindered.reason, hindered.message)
    late = operation.created + PENDING_SECONDS
    if now >= late:
        return _expired(operation)
    verdict = _of_run(around.before(operation, tenant, quiet, now), operation, others)
    return _unless_occupied(verdict, tenant, late)


def _of_run(
    verdict: Verdict, operation: OperationRecord, others: Sequence[OperationRecord]
) -> Verdict:
    """Return a verdict with the rotation that a rollback undoes."""
    if operation.action != ROLLBACK or verdict.do is not Do.BEGIN or verdict.phase != WORKING:
        return verdict
    return replace(verdict, run=pairing.rolled_back_run(operation, others))


def _unless_occupied(verdict: Verdict, tenant: TenantRecord, late: float) -> Verdict:
    if verdict.do is Do.BEGIN and is_occupied(tenant):
        return Verdict(Do.WAIT, TENANT_BUSY, "A cleanup of the tenant comes first.", late)
    return verdict


def _expired(operation: OperationRecord) -> Verdict:
    why = operation.current.get("message") or "It could not begin."
    message = f"Nothing was done within a day, so the operation expired. {why}"
    return Verdict(Do.FAIL, "Expired", message)


def _go_on(
    operation: OperationRecord, tenant: TenantRecord | None, now: float, quiet: Progress | None
) -> Verdict:
    if tenant is None:
        # It is being searched for, or was deleted, and the operation with it.
        return Verdict(Do.WAIT)
    if operation.current.get("tenantUid") != tenant.uid:
        return _of_another(operation)
    if makes_no_job(operation):
        return Verdict(Do.RESUME)
    if operation.action in archives.ACTIONS:
        return _await_archive(operation, tenant, now)
    any_run = operation.action == ROLLBACK and operation.run is None
    if operation.spec is None or not (any_run or RUN_ID.fullmatch(operation.run or "")):
        message = "The status of this operation was changed, so its progress is unknown."
        return Verdict(Do.FAIL, "StatusLost", message)
    if tenant.effective is None or tenant.effective.suspend:
        return Verdict(Do.WAIT, "Suspended", "The tenant is suspended or its spec is invalid.")
    if around.is_quiesced(operation) and not (quiet is not None and quiet.quiet):
        message = quiet.message if quiet is not None else ""
        return Verdict(Do.WAIT, around.IN_USE if message else "", message)
    return Verdict(Do.RESUME)


def _hindered(tenant: TenantRecord, late: float) -> Verdict | None:
    """Return the reason that keeps every operation from beginning."""
    effective = tenant.effective
    if effective is None or effective.scans_only:
        message = "The spec of the tenant is invalid: see its condition Ready."
        return Verdict(Do.WAIT, "InvalidSpec", message, late)
    if effective.suspend:
        message = "spec.suspend of the tenant is true: no Job is made for it. mode Observe keeps cleanups off as well."
        return Verdict(Do.WAIT, "Suspended", message, late)
    return None


def _begin_archive(
    operation: OperationRecord, tenant: TenantRecord, means: Means, late: float
) -> Verdict:
    hindered = _hindered(tenant, late)
    if hindered is not None:
        return hindered
    if archives.names_of(tenant, operation.action):
        drills = operation.action != DRILL or means.drills
        return Verdict(Do.BEGIN) if drills else Verdict(Do.FAIL, "NoDrills", _NO_DRILLS)
    effective = tenant.effective
    if effective is None or effective.backup is None:
        message = "Nothing is backed up: spec.backup of the tenant and config.defaults.backup name no repository."
        return Verdict(Do.FAIL, "NotConfigured", message)
    message = "No repository of the tenant holds an archive that a drill could read: see config.backup.drill."
    return Verdict(Do.FAIL, "NothingToDrill", message)


_NO_DRILLS = (
    "The operator does not run in a cluster, so there is no namespace in which a drill could run."
)


def _await_archive(operation: OperationRecord, tenant: TenantRecord, now: float) -> Verdict:
    """Return the result of a backup or a drill, or that it is still awaited."""
    since = operation.asked_at
    if since is None:
        return Verdict(Do.RESUME, again=now + LOOK_AGAIN_SECONDS)
    ended = archives.answer(tenant, operation.action, since)
    if ended is None:
        if now < since + ARCHIVE_SECONDS:
            return Verdict(Do.RESUME, again=now + LOOK_AGAIN_SECONDS)
        message = "It was not even tried within an hour: see the condition BackedUp of the tenant, and its claim."
        return Verdict(Do.FAIL, "Expired", message)
    do = Do.COMPLETE if ended.ok else Do.FAIL
    return Verdict(do, ended.reason, ended.message, result=ended.result)


def _begin(
    operation: OperationRecord,
    tenant: TenantRecord,
    late: float,
    others: Sequence[OperationRecord],
) -> Verdict:
    effective = tenant.effective
    if operation.action == RESUME or (effective is not None and makes_no_job(operation)):
        return Verdict(Do.BEGIN)
    hindered = _hindered(tenant, late)
    if hindered is not None:
        return hindered
    assert operation.spec is not None
    assert effective is not None
    if (
        operation.spec.action == CLEAN
        and effective.mode == "Observe"
        and not operation.spec.dry_run
    ):
        message = "The mode is Observe, which only counts: set another mode, or ask for a dry run."
        return Verdict(Do.FAIL, "Refused", message)
    if operation.spec.action == RESTORE:
        fault = restores.problem_of(operation, tenant)
        if fault is not None:
            return Verdict(Do.FAIL, fault.reason, fault.message)
    run = None
    if operation.spec.action == UNDO:
        run = _undone(operation, tenant)
        if run is None:
            message = "No cleanup in status.history of the tenant has removed anything: name the run in spec.undo.run."
            return Verdict(Do.FAIL, "RunUnknown", message)
    verdict = Verdict(Do.BEGIN, run=run)
    if operation.spec.action in STOPPING:
        verdict = _of_run(around.first(operation, tenant), operation, others)
    return _unless_occupied(verdict, tenant, late)


def is_occupied(tenant: TenantRecord) -> bool:
    """Return whether a run of the tenant is claimed, or one of its own Jobs is under way."""
    return tenant.run is not None or tenant.jobs.work is not None


def _undone(operation: OperationRecord, tenant: TenantRecord) -> str | None:
    """Return the run to undo: the one that is named, or the last that has removed something."""
    spec = operation.spec
    assert spec is not None
    if spec.undo is not None and spec.undo.run is not None:
        return spec.undo.run
    for entry in tenant.cleanup.history:
        outcome = entry.get("outcome")
        removed = outcome == KILLED or (outcome in {COMPLETED, CAPPED} and entry.get("removed"))
        if removed and entry.get("run"):
            return str(entry["run"])
    return None

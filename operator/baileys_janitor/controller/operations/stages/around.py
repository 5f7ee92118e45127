"""The stages of an operation before and after its action: a quiet claim, a backup, and the restarted workload. Pure.

Each is in the status before it begins, so that any later operator can continue with it.
"""

from __future__ import annotations

from typing import Any, Final

from baileys_janitor.api.backup.backup_settings import NEVER_BEFORE, REQUIRED
from baileys_janitor.api.bounded import part
from baileys_janitor.api.conditions.conditions import find
from baileys_janitor.api.operations.spec import (
    BACKUP,
    QUIESCE,
    REPAIR_CONTACT,
    REPLACING,
    RESTORE,
    ROLLBACK,
    ROTATE,
    STOPPING,
)
from baileys_janitor.api.operations.status import BACKING_UP, BEFORE, QUIESCING, WORKING
from baileys_janitor.controller.operations import archives
from baileys_janitor.controller.operations.record import OperationRecord
from baileys_janitor.controller.operations.stages.verdict import LOOK_AGAIN_SECONDS, Do, Verdict
from baileys_janitor.controller.quiesce.manager import Progress
from baileys_janitor.controller.quiesce.requests import SCALE
from baileys_janitor.controller.quiesce.store import QUIESCED
from baileys_janitor.policy.reasons import CREDENTIALS_ABSENT, CREDENTIALS_CORRUPT
from baileys_janitor.quiesce.limits import TOO_LONG
from baileys_janitor.quiesce.record import FOUGHT, GONE, STOPPED_BY_OTHERS
from baileys_janitor.tenants.backup_state import FAILED
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]
BACKUP_SECONDS: Final = 300.0
"""Seconds that a backup before an action may take: a workload may be down meanwhile, or a person waits."""
IN_USE: Final = "ClaimInUse"
BACKUP_FAILED, LATE = "BackupFailed", "TimedOut"
NOTHING_TO_STOP: Final = "NothingToDo"
_QUIET: Final = "Quiet"
_WAYS_BACK: Final = {
    RESTORE: " What was done so far is undone by an operation Undo of the run {run}.",
    REPAIR_CONTACT: " What was done so far is undone by an operation Undo of the run {run}.",
    ROTATE: " What was done so far is undone by an operation Rollback of the run {run}.",
    ROLLBACK: " Create it again to go on.",
}
_NOT_BY_US: Final = frozenset({FOUGHT, GONE, STOPPED_BY_OTHERS})
_NO_SESSION: Final = frozenset({CREDENTIALS_ABSENT, CREDENTIALS_CORRUPT})
"""Why a session that a restore is to bring back cannot be backed up."""


def is_quiesced(operation: OperationRecord) -> bool:
    """Return whether an operation needs a quiet claim only while it is carried out."""
    spec = operation.spec
    return spec is not None and spec.action in STOPPING and spec.quiesce is not None


def is_begun_quietly(operation: OperationRecord) -> bool:
    """Return whether an operation makes its claim quiet now, so that a workload may be stopped for it."""
    return is_quiesced(operation) and operation.phase in {*BEFORE, WORKING}


def scales(operation: OperationRecord) -> bool:
    """Return whether an operation stops a workload, which must be started again when it is done."""
    spec = operation.spec
    return is_quiesced(operation) and spec is not None and _method(operation) == SCALE


def is_backed_up(operation: OperationRecord, tenant: TenantRecord) -> bool:
    """Return whether the session is to be backed up before an action."""
    spec = operation.spec
    if spec is None or spec.action not in REPLACING or spec.dry_run:
        return False
    return _rule(tenant) != NEVER_BEFORE and bool(archives.names_of(tenant, BACKUP))


def first(operation: OperationRecord, tenant: TenantRecord) -> Verdict:
    """Return the first step of an operation that nothing keeps from beginning."""
    if is_quiesced(operation):
        message = "The operation waits until no pod uses the claim."
        return Verdict(Do.BEGIN, message=message, phase=QUIESCING, step=QUIESCE)
    return _after_quiet(operation, tenant, "")


def before(
    operation: OperationRecord, tenant: TenantRecord, quiet: Progress | None, now: float
) -> Verdict:
    """Return what an operation needs before its action; `quiet` is the progress of quiescing."""
    unquiet = broken(operation, quiet)
    if unquiet is not None:
        return unquiet
    if is_quiesced(operation) and not (quiet is not None and quiet.quiet):
        message = quiet.message if quiet is not None else ""
        return Verdict(Do.WAIT, IN_USE if message else "", message)
    if operation.phase == QUIESCING:
        return _after_quiet(operation, tenant, _QUIET)
    return _backed_up(operation, tenant, now)


def broken(operation: OperationRecord, quiet: Progress | None) -> Verdict | None:
    """Return why an operation ends because its claim is no longer kept quiet; None while it is."""
    if not is_quiesced(operation) or quiet is None or not (quiet.failed or quiet.resuming):
        return None
    reason = quiet.failed or quiet.resuming
    message = quiet.message if quiet.failed else ""
    if reason == TOO_LONG:
        message = "The workload was stopped for quiesce.maxDuration: it is started again before all was done."
    elif not message:
        message = "The workload is to run again, before all was done."
    if operation.run:
        message += _WAYS_BACK.get(operation.action, "").format(run=operation.run)
    return Verdict(Do.FAIL, reason, message)


def after(operation: OperationRecord, quiet: Progress | None) -> tuple[str, str] | None:
    """Return the result of starting the workload again, and the message about it; None while it is not over."""
    if quiet is not None and quiet.held:
        return None
    status = operation.current
    outcome = str(part(status, "quiesce").get("outcome") or NOTHING_TO_STOP)
    told = str((find(status.get("conditions"), QUIESCED) or {}).get("message") or "")
    return outcome, told if outcome in _NOT_BY_US else ""


def _after_quiet(operation: OperationRecord, tenant: TenantRecord, ended: str) -> Verdict:
    if is_backed_up(operation, tenant):
        message = "The session is backed up first."
        return Verdict(Do.BEGIN, message=message, phase=BACKING_UP, step=BACKUP, ended=ended)
    return Verdict(Do.BEGIN, ended=ended)


def _backed_up(operation: OperationRecord, tenant: TenantRecord, now: float) -> Verdict:
    """Return the result of the backup, or that it is still awaited."""
    since = operation.asked_at
    if since is None:
        return Verdict(Do.RESUME, again=now + LOOK_AGAIN_SECONDS)
    found = archives.answer(tenant, BACKUP, since)
    if found is None and now < since + BACKUP_SECONDS:
        return Verdict(Do.RESUME, again=now + LOOK_AGAIN_SECONDS)
    if found is None:
        why, ended = "It took too long.", LATE
        listed: list[Object] = []
    else:
        listed = found.result.get("repositories") or []
        why, ended = found.message, found.reason or _best(listed)
        if found.ok or _is_excused(operation, listed):
            return Verdict(Do.BEGIN, ended=ended, repositories=listed)
    if _rule(tenant) != REQUIRED:
        return Verdict(Do.BEGIN, ended=ended, repositories=listed)
    message = (
        f"The backup before it failed, which backup.beforeOperations requires, so nothing was done. {why} With "
        "beforeOperations: Preferred it goes on all the same."
    )
    return Verdict(Do.FAIL, BACKUP_FAILED, message, repositories=listed)


def _is_excused(operation: OperationRecord, listed: list[Object]) -> bool:
    """Return whether there is no session to back up, in which case a restore needs no backup."""
    reasons = {each.get("reason") for each in listed if each.get("outcome") == FAILED}
    return operation.action == RESTORE and reasons <= _NO_SESSION


def _best(listed: list[Object]) -> str:
    outcomes = sorted({str(each.get("outcome")) for each in listed})
    return outcomes[0] if len(outcomes) == 1 else "Completed"


def _rule(tenant: TenantRecord) -> str:
    effective = tenant.effective
    if effective is None or effective.backup is None:
        return NEVER_BEFORE
    return effective.backup.group.before_operations


def _method(operation: OperationRecord) -> str:
    spec = operation.spec
    return "" if spec is None or spec.quiesce is None else spec.quiesce.method or ""

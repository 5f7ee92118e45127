"""The answers to Quiesce and Resume, from the progress of the workload. Pure."""

from __future__ import annotations

from typing import Any

from baileys_janitor.api.operations.spec import QUIESCE, RESUME
from baileys_janitor.api.operations.status import WORKING
from baileys_janitor.controller.operations import progress
from baileys_janitor.controller.operations.record import OperationRecord
from baileys_janitor.controller.quiesce.manager import Progress, QuiesceManager
from baileys_janitor.quiesce import wording
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]
IN_USE, RESUMING = "ClaimInUse", "Resuming"
RESUME_ASKED = "ResumeAsked"
"""Why an operation ends if another one has started its workload again."""


def status(
    operation: OperationRecord, tenant: TenantRecord, quiesce: QuiesceManager, now: float
) -> Object | None:
    """Return the operation's new status; None if it does not change."""
    assert operation.spec is not None
    action = operation.spec.action
    if operation.phase != WORKING:
        message = (
            "The operation waits until no pod uses the claim."
            if action == QUIESCE
            else "The stopped workload is started again."
        )
        return progress.begun(
            operation.current, operation.generation, tenant.uid, None, action, message, now
        )
    if action == RESUME:
        return _resumed(operation, quiesce, now)
    return _quiesced(operation, quiesce.want(operation.uid), now)


def _quiesced(operation: OperationRecord, found: Progress, now: float) -> Object | None:
    if found.failed and not found.held:
        return progress.failed(
            operation.current, operation.generation, found.failed, found.message, now
        )
    if found.quiet:
        message = "No pod uses the claim."
        if found.record is not None and found.record.holds:
            message += (
                f" {wording.ended(found.record, ())} Create an operation Resume to start it again."
            )
        return progress.completed(
            operation.current, operation.generation, {"outcome": "Quiet"}, message, now
        )
    reason = RESUMING if found.failed else IN_USE
    return _hindered(operation, reason, found.message, now) if found.message else None


def _resumed(operation: OperationRecord, quiesce: QuiesceManager, now: float) -> Object | None:
    left = quiesce.resume(operation.tenant_key, RESUME_ASKED)
    if left:
        message = f"The workload that {', '.join(left[:3])} stopped is started again."
        return _hindered(operation, RESUMING, message, now)
    done = progress.reason_of(operation.current) == RESUMING
    outcome = "Resumed" if done else "NothingToDo"
    message = "The stopped workload runs again." if done else "Nothing was stopped for this tenant."
    return progress.completed(
        operation.current, operation.generation, {"outcome": outcome}, message, now
    )


def _hindered(operation: OperationRecord, reason: str, message: str, now: float) -> Object | None:
    current = operation.current
    if progress.reason_of(current) == reason and current.get("message") == message:
        return None
    return progress.hindered(current, operation.generation, reason, message, now)

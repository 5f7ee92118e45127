"""The statuses of an operation on its way: each step is a new one, made from the one before. Pure."""

from __future__ import annotations

from typing import Any

from baileys_janitor.api.conditions.conditions import MESSAGE_LIMIT, Conditions, find
from baileys_janitor.api.operations.status import COMPLETED, FAILED, PENDING, STEPS_MAX, WORKING
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.controller.quiesce.store import QUIESCED
from baileys_janitor.quiesce.record import FOUGHT

Object = dict[str, Any]
COMPLETE = "Complete"
"""The conditions' types are those of a Job: Complete and Failed."""
BEGUN = "Working"
"""The reason of Complete while the operation is being done."""


def waiting(status: Object, generation: int, reason: str, message: str, now: float) -> Object:
    """Return the status of an operation that waits, and for what."""
    return _with(status, generation, now, PENDING, None, reason, message)


def begun(
    status: Object,
    generation: int,
    tenant_uid: str,
    run: str | None,
    step: str,
    message: str,
    now: float,
) -> Object:
    """Return the status of an operation that is claimed: it is stored before anything is done, such as its Job made."""
    fresh = _with(status, generation, now, WORKING, None, BEGUN, message)
    return (
        fresh
        | ({} if run is None else {"run": run})
        | {
            "tenantUid": tenant_uid,
            "startTime": to_rfc3339(now),
            "steps": [*(status.get("steps") or ()), {"name": step, "time": to_rfc3339(now)}][
                -STEPS_MAX:
            ],
        }
    )


def hindered(status: Object, generation: int, reason: str, message: str, now: float) -> Object:
    """Return the status of an operation that is being done and does not get on."""
    return _with(status, generation, now, WORKING, None, reason, message)


def with_job(status: Object, uid: str) -> Object:
    """Return the status with the uid of the Job: by it any operator takes in the Job's result."""
    return status | {"job": {"uid": uid}}


def completed(status: Object, generation: int, result: Object, message: str, now: float) -> Object:
    """Return the status of an operation that was done."""
    outcome = str(result.get("outcome") or COMPLETED)
    fresh = _with(status, generation, now, COMPLETED, True, outcome, message)
    return _over(fresh, result, outcome, now)


def failed(
    status: Object,
    generation: int,
    reason: str,
    message: str,
    now: float,
    result: Object | None = None,
) -> Object:
    """Return the status of an operation that was not done, or not to its end."""
    fresh = _with(status, generation, now, FAILED, False, reason, message)
    return _over(fresh, result, reason, now)


def reason_of(status: Object) -> str:
    """Return why an operation is not complete, in one word."""
    return str((find(status.get("conditions"), COMPLETE) or {}).get("reason") or "")


def _over(status: Object, result: Object | None, outcome: str, now: float) -> Object:
    steps = [dict(each) for each in status.get("steps") or ()]
    if steps and "outcome" not in steps[-1]:
        steps[-1]["outcome"] = outcome
    fresh = status | {"completionTime": to_rfc3339(now)}
    if steps:
        fresh["steps"] = steps
    if result:
        fresh["result"] = {key: value for key, value in result.items() if value is not None}
    return fresh


def _with(
    status: Object,
    generation: int,
    now: float,
    phase: str,
    success: bool | None,
    reason: str,
    message: str,
) -> Object:
    conditions = Conditions(status.get("conditions"), generation, now)
    for kind in (QUIESCED, FOUGHT):
        conditions.keep(kind)
    conditions.set(COMPLETE, success is True, reason, message)
    if success is False:
        conditions.set(FAILED, True, reason, message)
    return status | {
        "observedGeneration": generation,
        "phase": phase,
        "message": message[:MESSAGE_LIMIT],
        "conditions": conditions.items(),
    }

"""The statuses of an operation in its course: each step returns a new one, made from the one before. Pure."""

from __future__ import annotations

from typing import Any

from baileys_janitor.api.conditions.conditions import MESSAGE_LIMIT, Conditions, find
from baileys_janitor.api.operations.status import (
    AWAITING,
    COMPLETED,
    FAILED,
    PENDING,
    RESUMING,
    ROLLED_BACK,
    STEPS_MAX,
    WORKING,
)
from baileys_janitor.api.values.decoding import objects, part
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.controller.quiesce.store import QUIESCED
from baileys_janitor.job.result import CAPPED, DRY_RUN, NOTHING_TO_DO
from baileys_janitor.job.result import COMPLETED as DONE_ALL
from baileys_janitor.quiesce.record import FOUGHT

Object = dict[str, Any]
COMPLETE = "Complete"
"""The conditions' types are those of a Job: Complete and Failed."""
BEGUN = "Working"
"""The reason of Complete while the operation is being carried out."""
RESUME_STEP, PAIR_STEP = "Resume", "Pair"
"""The steps that start the stopped workload again, and that wait for a person to pair the tenant."""
DONE = frozenset({DONE_ALL, CAPPED, NOTHING_TO_DO, DRY_RUN})
"""Outcomes of a Job that complete the operation."""
_WORD_MAX = 64


def waiting(status: Object, generation: int, reason: str, message: str, now: float) -> Object:
    """Return the status of an operation that waits, with the reason."""
    return _with(status, generation, now, PENDING, None, reason, message)


def begun(
    status: Object,
    generation: int,
    tenant_uid: str,
    run: str | None,
    step: str,
    message: str,
    now: float,
    phase: str = WORKING,
    ended: str = "",
) -> Object:
    """Return the status of an operation that begins a step: it is stored before any action, such as the creation of its
    Job.

    `ended` is the outcome of the step before.
    """
    fresh = _with(status, generation, now, phase, None, BEGUN, message)
    steps = [*_closed(status, ended), {"name": step, "time": to_rfc3339(now)}]
    return (
        fresh
        | ({} if run is None else {"run": run})
        | {
            "tenantUid": tenant_uid,
            "startTime": status.get("startTime") or to_rfc3339(now),
            "steps": steps[-STEPS_MAX:],
        }
    )


def hindered(status: Object, generation: int, reason: str, message: str, now: float) -> Object:
    """Return the status of an operation that has begun and makes no progress."""
    phase = str(status.get("phase") or PENDING)
    phase = WORKING if phase == PENDING else phase
    return _with(status, generation, now, phase, None, reason, message)


def with_job(status: Object, uid: str) -> Object:
    """Return the status with the uid of the Job, with which any operator can read the Job's result."""
    return status | {"job": {"uid": uid}}


def with_repositories(status: Object, repositories: list[Object]) -> Object:
    """Return the status with the result of the backup before the action."""
    return status | {"result": part(status, "result") | {"repositories": repositories}}


def with_fingerprint(status: Object, fingerprint: str) -> Object:
    """Return the status with the fingerprint of the pairing that is about to end."""
    if not fingerprint:
        return status
    return status | {"result": part(status, "result") | {"fingerprint": fingerprint}}


def completed(status: Object, generation: int, result: Object, message: str, now: float) -> Object:
    """Return the status of a completed operation."""
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
    """Return the status of an operation that was not done, or not completely."""
    fresh = _with(status, generation, now, FAILED, False, reason, message)
    return _over(fresh, result, reason, now)


def resuming(
    status: Object,
    generation: int,
    ended: str,
    message: str,
    now: float,
    result: Object | None = None,
) -> Object:
    """Return the status of an operation that is done, or has failed, and whose workload must be started again first.

    `ended` is its outcome, or why it failed: it is stored as the outcome of the step, and used when the restart is
    over.
    """
    fresh = _with(status, generation, now, RESUMING, None, RESUMING, message)
    return _with_result(fresh, result) | _further_step(status, RESUME_STEP, ended, now)


def awaiting(
    status: Object,
    generation: int,
    ended: str,
    message: str,
    now: float,
    result: Object | None = None,
) -> Object:
    """Return the status of an operation that is done, and completes once somebody has paired the tenant."""
    fresh = _with(status, generation, now, AWAITING, None, AWAITING, message)
    return _with_result(fresh, result) | _further_step(status, PAIR_STEP, ended, now)


def rolled_back(status: Object, generation: int, now: float) -> Object:
    """Return the status of a rotation that was rolled back before anybody has paired the tenant."""
    message = "An operation Rollback has brought the old session back."
    fresh = _with(status, generation, now, ROLLED_BACK, None, ROLLED_BACK, message)
    return _over(fresh, {"outcome": ROLLED_BACK}, ROLLED_BACK, now)


def resumed(
    status: Object, generation: int, outcome: str, told: str, now: float, *, pairs: bool = False
) -> Object:
    """Return the status of an operation that has finished with its workload, with its own outcome.

    Args:
        outcome: the outcome of starting it again.
        told: the message about that; empty if none is needed.
        pairs: whether the tenant must be paired after it is done.
    """
    steps = objects(status.get("steps"))
    deed = str(steps[-2].get("outcome") or "") if len(steps) > 1 else ""
    message = " ".join(each for each in (str(status.get("message") or ""), told) if each)
    if deed == DONE_ALL and pairs:
        return awaiting(status, generation, outcome, message, now)
    if deed in DONE:
        return _over(
            _with(status, generation, now, COMPLETED, True, deed, message), None, outcome, now
        )
    reason = deed or "StatusLost"
    return _over(_with(status, generation, now, FAILED, False, reason, message), None, outcome, now)


def reason_of(status: Object) -> str:
    """Return why an operation is not complete, in one word."""
    return str((find(status.get("conditions"), COMPLETE) or {}).get("reason") or "")


def step_time(status: Object) -> object:
    """Return when the step under way began."""
    steps = objects(status.get("steps"))
    return steps[-1].get("time") if steps else status.get("startTime")


def _over(status: Object, result: Object | None, outcome: str, now: float) -> Object:
    fresh = _with_result(status, result) | {"completionTime": to_rfc3339(now)}
    steps = _closed(status, outcome)
    return fresh | ({"steps": steps} if steps else {})


def _with_result(status: Object, result: Object | None) -> Object:
    if not result:
        return status
    known = part(status, "result")
    return status | {"result": known | {k: v for k, v in result.items() if v is not None}}


def _further_step(status: Object, name: str, ended: str, now: float) -> Object:
    """Return the steps with the last one closed by `ended`, and a new one."""
    step = {"name": name, "time": to_rfc3339(now)}
    return {"steps": [*_closed(status, ended), step][-STEPS_MAX:]}


def _closed(status: Object, outcome: str) -> list[Object]:
    """Return the steps with the outcome of the last one."""
    steps = [dict(each) for each in status.get("steps") or ()]
    if steps and outcome and "outcome" not in steps[-1]:
        steps[-1]["outcome"] = outcome[:_WORD_MAX]
    return steps


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
    if phase == AWAITING or find(status.get("conditions"), AWAITING):
        conditions.set(AWAITING, phase == AWAITING, reason, message)
    if success is False:
        conditions.set(FAILED, True, reason, message)
    return status | {
        "observedGeneration": generation,
        "phase": phase,
        "message": message[:MESSAGE_LIMIT],
        "conditions": conditions.items(),
    }

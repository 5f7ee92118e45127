"""The Jobs of operations: a cleanup, a restore, a repair, a rotation, and their undo. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from baileys_janitor.api.names import OPERATION_KIND
from baileys_janitor.api.operations.spec import (
    CLEAN,
    REPAIR_CONTACT,
    RESTORE,
    ROLLBACK,
    ROTATE,
    UNDO,
)
from baileys_janitor.backup.restore_job.task import RESTORE as RESTORE_ACTION
from baileys_janitor.controller.backups import restore_jobs
from baileys_janitor.controller.clock import machine_time
from baileys_janitor.controller.jobs import manifest
from baileys_janitor.controller.jobs.create import MARGIN_SECONDS, copied_members, members_of
from baileys_janitor.controller.jobs.manifest import Member, Pod
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.controller.jobs.tracker import OPERATION_LABEL
from baileys_janitor.controller.operations import repairs, restores
from baileys_janitor.controller.operations.record import OperationRecord
from baileys_janitor.controller.operations.stages import pairing
from baileys_janitor.job import task
from baileys_janitor.job.task import Task
from baileys_janitor.schedule.cleanup_times import REQUESTED
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]

WATCH_SECONDS, WATCH_AFTER_SECONDS = task.WATCH_SECONDS, task.WATCH_AFTER_SECONDS
"""Seconds without writes to a session before and after it is rotated or rolled back."""
WATCHING_SECONDS = 120
"""Additional seconds that the pod of such a Job may run."""


def job_of(operation: OperationRecord, tenant: TenantRecord, place: Place, pod: Pod) -> Object:
    """Return the Job (batch/v1), without a name, that carries out an operation with a claimed run."""
    assert operation.spec is not None
    assert tenant.effective is not None
    if operation.spec.action == RESTORE:
        return _labelled(restores.job_of(operation, tenant, place, pod), operation)
    if operation.spec.action == REPAIR_CONTACT:
        return _labelled(repairs.job_of(operation, tenant, place, pod), operation)
    if operation.spec.action in (ROTATE, ROLLBACK):
        # It watches the session before and after.
        pod = replace(pod, deadline=pod.deadline + WATCHING_SECONDS)
    wanted = _TASKS[operation.spec.action](operation, tenant, pod)
    made = manifest.job(
        name="",
        namespace=tenant.namespace,
        action=wanted.action,
        task=wanted.to_json(),
        members=[Member(tenant.name, tenant.uid)],
        claims=[tenant.effective.claim_name],
        place=place,
        pod=pod,
        resources=dict(tenant.effective.job.resources),
        read_only=False,
        run=operation.run,
        owner=manifest.owner_reference(operation.name, operation.uid, OPERATION_KIND),
    )
    return _labelled(made, operation)


def longest_run(action: str, deadline: float) -> float:
    """Return after how many seconds a pod that its node has not ended is given up."""
    if action == RESTORE_ACTION:
        return restore_jobs.DEADLINE_SECONDS + deadline
    return deadline * 2 + (WATCHING_SECONDS if action in (task.ROTATE, task.ROLLBACK) else 0.0)


def _labelled(made: Object, operation: OperationRecord) -> Object:
    label = {OPERATION_LABEL: operation.uid}
    made["metadata"]["labels"] |= label
    made["spec"]["template"]["metadata"]["labels"] |= label
    return made


def is_dry(operation: OperationRecord, tenant: TenantRecord) -> bool:
    """Return whether a cleanup only reports: because of the request, or of the tenant's mode."""
    assert operation.spec is not None
    effective = tenant.effective
    return bool(operation.spec.dry_run) or effective is None or effective.mode != "Enforce"


def _clean(operation: OperationRecord, tenant: TenantRecord, pod: Pod) -> Task:
    assert operation.spec is not None
    assert tenant.effective is not None
    claims = [tenant.effective.claim_name]
    settings, members = members_of([tenant], claims)
    how = operation.spec.clean
    return Task(
        task.CLEAN,
        members,
        settings,
        run=operation.run,
        reason=REQUESTED,
        emergency=how is not None and bool(how.emergency),
        dry_run=is_dry(operation, tenant),
        undo_window=tenant.effective.undo_window,
        deadline=pod.deadline - MARGIN_SECONDS,
        time=machine_time(),
        wait=pod.wait,
        copies=copied_members([tenant], claims)[0],
    )


def _undo(operation: OperationRecord, tenant: TenantRecord, pod: Pod) -> Task:
    assert tenant.effective is not None
    _, members = members_of([tenant], [tenant.effective.claim_name])
    return Task(
        task.UNDO,
        members,
        [],
        run=operation.run,
        undo_window=tenant.effective.undo_window,
        deadline=pod.deadline - MARGIN_SECONDS,
    )


def _rotate(operation: OperationRecord, tenant: TenantRecord, pod: Pod) -> Task:
    return _watched(task.ROTATE, operation, tenant, pod, pairing.undo_seconds(operation))


def _roll_back(operation: OperationRecord, tenant: TenantRecord, pod: Pod) -> Task:
    return _watched(task.ROLLBACK, operation, tenant, pod, 0.0)


def _watched(
    action: str, operation: OperationRecord, tenant: TenantRecord, pod: Pod, undo: float
) -> Task:
    assert tenant.effective is not None
    assert operation.spec is not None
    _, members = members_of([tenant], [tenant.effective.claim_name])
    return Task(
        action,
        members,
        [],
        run=operation.run,
        dry_run=bool(operation.spec.dry_run),
        undo_window=undo,
        deadline=pod.deadline - MARGIN_SECONDS,
        watch=WATCH_SECONDS,
        watch_after=WATCH_AFTER_SECONDS,
    )


_TASKS = {CLEAN: _clean, UNDO: _undo, ROTATE: _rotate, ROLLBACK: _roll_back}

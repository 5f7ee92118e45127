"""The Jobs of operations: a cleanup, a restore, a repair, or the undo of one. Pure."""

from __future__ import annotations

from typing import Any

from baileys_janitor.api.names import OPERATION_KIND
from baileys_janitor.api.operations.spec import CLEAN, REPAIR_CONTACT, RESTORE
from baileys_janitor.controller.clock import machine_time
from baileys_janitor.controller.jobs import manifest
from baileys_janitor.controller.jobs.create import MARGIN_SECONDS, copied_members, members_of
from baileys_janitor.controller.jobs.manifest import Member, Pod
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.controller.jobs.tracker import OPERATION_LABEL
from baileys_janitor.controller.operations import repairs, restores
from baileys_janitor.controller.operations.record import OperationRecord
from baileys_janitor.job import task
from baileys_janitor.job.task import Task
from baileys_janitor.schedule.cleanup_times import REQUESTED
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]


def job_of(operation: OperationRecord, tenant: TenantRecord, place: Place, pod: Pod) -> Object:
    """Return the Job (batch/v1), without a name, that carries an operation out whose run is claimed."""
    assert operation.spec is not None
    assert tenant.effective is not None
    if operation.spec.action == RESTORE:
        return _labelled(restores.job_of(operation, tenant, place, pod), operation)
    if operation.spec.action == REPAIR_CONTACT:
        return _labelled(repairs.job_of(operation, tenant, place, pod), operation)
    wanted = (
        _clean(operation, tenant, pod)
        if operation.spec.action == CLEAN
        else _undo(operation, tenant, pod)
    )
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


def _labelled(made: Object, operation: OperationRecord) -> Object:
    label = {OPERATION_LABEL: operation.uid}
    made["metadata"]["labels"] |= label
    made["spec"]["template"]["metadata"]["labels"] |= label
    return made


def is_dry(operation: OperationRecord, tenant: TenantRecord) -> bool:
    """Return whether a cleanup only reports: because it was asked to, or because of the tenant's mode."""
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

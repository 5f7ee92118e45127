"""Requested repairs of one contact or group: their Job, and the message about the result. Pure.

The Job's only container mounts the claim and the one Secret with the contact. Its result does not contain the contact.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from baileys_janitor.api.names import OPERATION_KIND
from baileys_janitor.api.operations.spec import REPAIR_CONTACT
from baileys_janitor.api.values.durations import elapsed_text
from baileys_janitor.controller.backups.restore_jobs import OWNER_UNKNOWN
from baileys_janitor.controller.jobs import manifest
from baileys_janitor.controller.jobs.create import MARGIN_SECONDS
from baileys_janitor.controller.jobs.faults import Finished
from baileys_janitor.controller.jobs.locate import ClusterState
from baileys_janitor.controller.jobs.manifest import Member, Pod, SecretMount, mount_path
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.controller.operations.record import OperationRecord
from baileys_janitor.controller.operations.stages import around
from baileys_janitor.job.repair.result import (
    CONTACT_MISSING,
    CONTACT_UNREADABLE,
    BadResult,
    RepairFailure,
    RepairResult,
    decode,
)
from baileys_janitor.job.repair.task import CONTACT, GROUP, REPAIR, RepairTask
from baileys_janitor.job.result import CAPPED, COMPLETED, DRY_RUN, FAILED, NOTHING_TO_DO, REPEATED
from baileys_janitor.policy import reasons
from baileys_janitor.policy.contact import codes
from baileys_janitor.schedule.cleanup_times import KILLED
from baileys_janitor.tenants import directory_faults
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord
from baileys_janitor.tenants.wording import counted, files, listed

Object = dict[str, Any]

CAME_BACK = "CameBack"
"""A moved file is in its place again: something is still running."""
CONTACT_DIRECTORY = "/contact"
"""Directory of the Secret's files in the Job."""


def is_repair(operation: OperationRecord) -> bool:
    """Return whether an operation requests a repair."""
    return operation.spec is not None and operation.spec.action == REPAIR_CONTACT


def place_of(
    operation: OperationRecord, tenant: TenantRecord, cluster: ClusterState
) -> tuple[Place | None, Fault | None, bool]:
    """Return the place of a repair's Job, or why it cannot run; and whether a pod uses the claim.

    A running process would write back its data from memory: while one runs, only a dry run is permitted.
    """
    place, fault, used = cluster.place(tenant)
    assert operation.spec is not None
    assert tenant.effective is not None
    if operation.spec.dry_run:
        return place, fault, used
    if used:
        said = (
            f'A pod uses the PersistentVolumeClaim "{tenant.effective.claim_name}": stop its workload first, as a '
            "process that runs writes back what it has in memory."
        )
        return None, Fault("ClaimInUse", said), used
    if fault is None and place is not None and place.identity.user is None:
        return None, OWNER_UNKNOWN, used
    return place, fault, used


def job_of(operation: OperationRecord, tenant: TenantRecord, place: Place, pod: Pod) -> Object:
    """Return the Job of a claimed repair."""
    assert operation.spec is not None
    assert operation.spec.repair_contact is not None
    assert tenant.effective is not None
    dry_run = bool(operation.spec.dry_run)
    task = RepairTask(
        operation.run or "",
        mount_path(0),
        tenant.effective.path,
        CONTACT_DIRECTORY,
        deadline=max(1, int(pod.deadline - MARGIN_SECONDS)),
        dry_run=dry_run,
    )
    # The pod starts without any of the keys: the Job reports which it lacks.
    named = SecretMount(
        operation.spec.repair_contact.contact_secret_name,
        CONTACT,
        CONTACT_DIRECTORY,
        CONTACT,
        optional=True,
        more=(GROUP,),
    )
    return manifest.job(
        name="",
        namespace=tenant.namespace,
        action=REPAIR,
        task=task.to_json(),
        members=[Member(tenant.name, tenant.uid)],
        claims=[tenant.effective.claim_name],
        place=place,
        pod=replace(pod, command=(*pod.command[:-1], "repair-job")),
        resources=dict(tenant.effective.job.resources),
        read_only=dry_run,
        run=operation.run,
        owner=manifest.owner_reference(operation.name, operation.uid, OPERATION_KIND),
        secrets=[named],
    )


def read_result(ended: Finished) -> RepairResult | Fault:
    """Return the result of a repair's pod, or the fault if it left no trustworthy result."""
    if ended.message is None:
        return ended.fault or directory_faults.UNREADABLE
    try:
        result = decode(ended.message)
    except BadResult:
        return ended.fault or directory_faults.UNREADABLE
    return (
        directory_faults.of_directory(result.code) if isinstance(result, RepairFailure) else result
    )


def answer_of(operation: OperationRecord, result: RepairResult) -> tuple[Object, str | None, str]:
    """Return a repair's result in numbers, the code if it was not done, and the message about it."""
    if result.outcome == REPEATED:
        return _repeated(result)
    outcome, code = result.outcome, result.code or None
    if result.returned and outcome in (COMPLETED, CAPPED):
        outcome, code = FAILED, CAME_BACK
    answer: Object = {
        "outcome": outcome,
        "removed": result.files,
        "left": result.left or None,
        "kept": dict(result.kept) or None,
        "duration": elapsed_text(result.ms),
    }
    return answer, code, " ".join(_said(operation, result, outcome, code).split())


def _repeated(result: RepairResult) -> tuple[Object, str | None, str]:
    """Return the answer if the run is in the volume's journal: anybody who writes there can change its figures."""
    if result.code == KILLED:
        said = (
            "The Job was killed in the middle: what it moved is in the trash, and what it did not reach is still "
            "there. Ask again, and the rest moves."
        )
        return {"outcome": KILLED}, KILLED, said
    said = "An earlier Job of this operation has done it; its figures are lost."
    return {"outcome": COMPLETED}, None, said


def _said(operation: OperationRecord, result: RepairResult, outcome: str, code: str | None) -> str:
    if outcome == NOTHING_TO_DO:
        return f"Nothing was moved: every file was written to meanwhile, or is gone.{_kept(result)}"
    moved = f"{_owned(result)} moved to the trash." if result.files else ""
    undo = f"An operation Undo with undo.run {operation.run} restores files that have not been replaced."
    if code == CAME_BACK:
        return (
            f"{moved} {counted(result.returned, 'file')} came back at once: a process outside this claim's "
            f"pods uses the session. Stop it, and ask again."
        )
    if code is not None:
        return f"{moved} {_sentence(operation, code)}"
    if outcome == DRY_RUN:
        return f"{_owned(result)} would move to the trash.{_kept(result)} {_notes(result)}"
    left = f" {files(result.left)} are left: ask again." if result.left else ""
    begins = "The workload" if around.scales(operation) else "Start the workload again: it"
    return f"{moved}{left}{_kept(result)} {_notes(result)} {begins} builds new keys with the next message. {undo}"


def _owned(result: RepairResult) -> str:
    """Return "3 files of 2 devices"."""
    devices = f" of {counted(result.devices, 'device')}" if result.devices else ""
    return f"{files(result.files)}{devices}"


def _kept(result: RepairResult) -> str:
    stay = sum(result.kept.values())
    if not stay:
        return ""
    return f" {files(stay)} {'stays' if stay == 1 else 'stay'}: {listed(result.kept)}."


def _notes(result: RepairResult) -> str:
    return " ".join(codes.NOTES[each] for each in result.notes)


def _sentence(operation: OperationRecord, code: str) -> str:
    """Return why a repair was refused, failed, or was cut short."""
    named = operation.spec.repair_contact if operation.spec is not None else None
    secret = "" if named is None else f' "{named.contact_secret_name}"'
    if code == CONTACT_MISSING:
        return (
            f"The Secret{secret} is not in this namespace, or has neither a key contact nor a key group: make it, and "
            "ask again. `kubectl baileys repair` makes it and deletes it afterwards."
        )
    if code == CONTACT_UNREADABLE:
        return (
            f"The text in the Secret{secret} is neither a contact nor a group: write a phone number with its country "
            "code, such as +44 7700 900123, or a LID such as 250000000000123@lid, under the key contact; the id of a "
            "group, such as 120363000000000001@g.us, under the key group."
        )
    known = codes.EXPLANATIONS.get(code) or reasons.EXPLANATIONS.get(code)
    return known or directory_faults.sentence_of(code)

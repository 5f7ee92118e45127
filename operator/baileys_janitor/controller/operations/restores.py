"""Requested restores: the request, its validation, and the message about the result. Pure."""

from __future__ import annotations

from typing import Any

from baileys_janitor.api.bounded import objects, part, text
from baileys_janitor.api.conditions.conditions import MESSAGE_LIMIT
from baileys_janitor.api.names import OPERATION_KIND
from baileys_janitor.api.operations.spec import RESTORE, ROLLBACK, ROTATE
from baileys_janitor.api.values.durations import elapsed_text
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.backup.restore_job.result import RestoreResult
from baileys_janitor.backup.restore_job.task import RESTORE as RESTORE_ACTION
from baileys_janitor.controller.backups import restore_jobs
from baileys_janitor.controller.backups.restore_jobs import LATEST, RestoreRequest
from baileys_janitor.controller.clock import machine_time
from baileys_janitor.controller.jobs import manifest
from baileys_janitor.controller.jobs.locate import ClusterState
from baileys_janitor.controller.jobs.manifest import Pod
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.controller.operations.record import OperationRecord
from baileys_janitor.job.result import COMPLETED, DRY_RUN, NOTHING_TO_DO, REPEATED
from baileys_janitor.policy.archives.restore_codes import EXPLANATIONS, OWN_DEVICE_WAITS, SAFE
from baileys_janitor.schedule.cleanup_times import KILLED
from baileys_janitor.tenants.backup_state import PUT
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]

PASSING = frozenset(
    {
        *("JobDeadline", "JobKilled", "JobOutOfMemory", "JobEvicted", "JobStuck", "JobFailed"),
        *("Interrupted", "TooSlow", "Unreachable", "ServerError", "Throttled", "AnswerIncomplete"),
    }
)
"""Faults of a Job after which another one is created: the next may succeed."""


def request_of(operation: OperationRecord, run: str) -> RestoreRequest | None:
    """Return the request of an operation; None if it requests no restore."""
    spec = operation.spec
    if spec is None or spec.restore is None:
        return None
    asked = spec.restore
    return RestoreRequest(
        run=run,
        repository=asked.repository,
        archive=asked.archive or LATEST,
        mode=asked.mode or SAFE,
        acknowledged=tuple(asked.acknowledge or ()),
        fingerprint=asked.identity or "",
        identity_secret=asked.identity_secret_name or "",
        read_secret=asked.read_secret_name or "",
        without=_made_before(operation, asked.repository),
        dry_run=bool(spec.dry_run),
    )


def _made_before(operation: OperationRecord, repository: str) -> str:
    """Return the archive that was put before the restore: the session that is to be replaced."""
    for each in objects(part(operation.current, "result").get("repositories")):
        if each.get("name") == repository and each.get("outcome") == PUT:
            return text(each.get("archive"))
    return ""


def problem_of(operation: OperationRecord, tenant: TenantRecord) -> Fault | None:
    """Return why the request is invalid, before anything is read."""
    request = request_of(operation, "")
    if request is None:
        return Fault("InvalidSpec", "spec.restore says what to restore: it is missing.")
    return restore_jobs.problem_of(tenant, request)


def place_of(
    operation: OperationRecord, tenant: TenantRecord, cluster: ClusterState
) -> tuple[Place | None, Fault | None, bool]:
    """Return the place of an operation's Job, or why it cannot run; and whether a pod uses the claim."""
    spec = operation.spec
    exclusive = spec is not None and (
        spec.action == RESTORE or (spec.action in (ROTATE, ROLLBACK) and not spec.dry_run)
    )
    if not exclusive:
        return cluster.place(tenant)
    place, fault = restore_jobs.place_of(tenant, cluster)
    return place, fault, False


def job_of(operation: OperationRecord, tenant: TenantRecord, place: Place, pod: Pod) -> Object:
    """Return the Job of a claimed restore."""
    request = request_of(operation, operation.run or "")
    assert request is not None
    owner = manifest.owner_reference(operation.name, operation.uid, OPERATION_KIND)
    return restore_jobs.restore_job(tenant, request, place, pod, machine_time(), owner)


def is_final(action: str, fault: Fault) -> bool:
    """Return whether another Job of a restore would fail with the same fault."""
    return action == RESTORE_ACTION and fault.reason not in PASSING


def answer_of(result: RestoreResult) -> tuple[Object, str | None, str]:
    """Return a restore's result in numbers, the code if it was not done, and the message about it."""
    outcome, code, message = result.outcome, result.code or None, result.message
    if outcome == REPEATED:
        # An earlier Job of the same run did it, or was killed.
        outcome = "Failed" if code == KILLED else COMPLETED
    answer: Object = {
        "outcome": outcome,
        "restored": result.files,
        "restoredByKind": dict(result.restored) or None,
        "kept": {reason: sum(kinds.values()) for reason, kinds in result.kept_back.items()} or None,
        "archive": result.archive or None,
        "archiveTime": to_rfc3339(result.time) if result.time else None,
        "fingerprint": result.fingerprint or None,
        "duration": elapsed_text(result.fetched_ms + result.ms),
    }
    return answer, code, _said(result, outcome, message)


def remembered(operation: OperationRecord, answer: Object, message: str, now: float) -> Object:
    """Return the entry of a restore for the tenant's status."""
    request = request_of(operation, operation.run or "")
    found = {
        "time": to_rfc3339(now),
        "run": operation.run,
        "mode": None if request is None else request.mode,
        "archive": answer["archive"],
        "outcome": answer["outcome"],
        "restoredByKind": answer["restoredByKind"],
        "message": message[:MESSAGE_LIMIT],
    }
    return {key: value for key, value in found.items() if value is not None}


def _said(result: RestoreResult, outcome: str, message: str) -> str:
    when = f"{result.archive}, in which the session is as of {to_rfc3339(result.time)}"
    told = " ".join(
        EXPLANATIONS[each] for each in result.told if each == OWN_DEVICE_WAITS or outcome == DRY_RUN
    )
    if result.outcome == REPEATED:
        said = (
            "The Job was killed in the middle, so not all of it came back: ask again, and the rest does."
            if outcome != COMPLETED
            else "An earlier Job of this operation has done it; its figures are lost."
        )
    elif outcome == COMPLETED:
        said = f"{result.files} files came back from {when}. {message} {told}"
    elif outcome == DRY_RUN:
        said = f"{result.files} files would come back from {when}. {told}"
    elif outcome == NOTHING_TO_DO:
        said = f"Nothing of {when}, is missing."
    else:
        said = message
    return " ".join(said.split())

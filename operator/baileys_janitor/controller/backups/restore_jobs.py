"""The Job that restores one tenant: whether it may run, its manifest, and its result. Pure.

Its pod has two containers. One has the repository's Secret and the identity, but no claim; the other has the claim, but
no Secret. So an attacker who controls the session's volume cannot read a key, and a forged archive is unpacked by a
process that has none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from baileys_janitor.api.backup.backup_spec import ClusterRepository
from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.job.fields import Store
from baileys_janitor.backup.latest import read_fingerprint
from baileys_janitor.backup.names import parse_name
from baileys_janitor.backup.restore_job.result import (
    BadResult,
    JobFailure,
    RestoreResult,
    decode,
)
from baileys_janitor.backup.restore_job.task import RESTORE, RestoreTask
from baileys_janitor.controller.jobs import manifest
from baileys_janitor.controller.jobs.faults import Finished
from baileys_janitor.controller.jobs.locate import ClusterState
from baileys_janitor.controller.jobs.manifest import Fetching, Pod, SecretMount, mount_path
from baileys_janitor.controller.jobs.placement import ANYBODY, Place
from baileys_janitor.policy.archives.restore_codes import MODES, SAFE
from baileys_janitor.tenants import directory_faults
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]

LATEST = "latest"
"""Stands for the tenant's newest archive."""
FETCH_SECONDS = 120
"""Maximum seconds to fetch the archive."""
WATCH_SECONDS, WATCH_AFTER_SECONDS = 60, 10
"""Seconds without writes to a session before and after its restore; not required for an empty directory."""
DEADLINE_SECONDS = 900
"""Maximum run time of its pod in seconds."""
MEMORY = "256Mi"
"""Memory of each container: an archive is held in memory, and at most 64 MiB of it as a file there."""
BETWEEN, BETWEEN_SIZE = "/archive", "80Mi"
"""Volume that passes the archive between the containers. It is decrypted already, so it stays in memory."""
STORE_DIRECTORY = "/stores/0"
IDENTITY_DIRECTORY, IDENTITY_KEY = "/identity", "identity"
_WAITS = "WaitingForFirstConsumer"
OWNER_UNKNOWN = Fault(
    "OwnerUnknown",
    "The owner of the session's files is unknown, since no pod of the workload runs: set spec.job.runAsUser to "
    "the user id that the workload runs as.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRequest:
    """The request; the Secrets are in the tenant's namespace.

    Attributes:
        run: the id of the run, which the volume's journal records and `undo` accepts.
        repository: the name of one of the tenant's repositories.
        archive: its name, or `LATEST`.
        fingerprint: the tenant's, as a person has written it; empty without one.
        identity_secret: the Secret whose key `identity` opens archives; empty for archives that are not encrypted.
        read_secret: the Secret that may read the repository; empty for the repository's own.
        without: an archive that does not count as the latest, because it was put just before. Empty for none.
    """

    run: str
    repository: str
    archive: str = LATEST
    mode: str = SAFE
    acknowledged: tuple[str, ...] = ()
    fingerprint: str = ""
    identity_secret: str = ""
    read_secret: str = ""
    dry_run: bool = False
    without: str = ""


def problem_of(tenant: TenantRecord, request: RestoreRequest) -> Fault | None:
    """Return why a request is invalid, before anything is read from the cluster."""
    if tenant.effective is None:
        return Fault("InvalidSpec", "The tenant's spec is not valid: correct it first.")
    if tenant.effective.suspend:
        return Fault("Suspended", "The tenant is suspended: set spec.suspend to false first.")
    if _repository(tenant, request.repository) is None:
        backup = tenant.effective.backup
        there = ", ".join(backup.names) if backup is not None else "none"
        return Fault(
            "RepositoryUnknown",
            f"restore.repository names no repository of this tenant's (there are: {there}): correct it, or add it to "
            "spec.backup.repositories.",
        )
    if request.mode not in MODES:
        return Fault("InvalidSpec", f"restore.mode must be one of {', '.join(MODES)}.")
    if request.archive != LATEST and parse_name(request.archive) is None:
        return Fault(
            "InvalidSpec",
            f'restore.archive must be "{LATEST}", or the name of an archive such as '
            "20261128T093500Z-0a1b2c3d.tar.gz.age.",
        )
    if request.fingerprint:
        try:
            read_fingerprint(request.fingerprint)
        except BackupProblem as problem:
            return Fault("InvalidSpec", f"restore.identity: {problem.sentence}")
    return None


def place_of(tenant: TenantRecord, cluster: ClusterState) -> tuple[Place | None, Fault | None]:
    """Return the place of the Job, or why it may not run.

    A claim that waits for its first consumer gets one: after a disaster nothing else uses it, and a person has
    requested the restore.
    """
    place, fault, used = cluster.place(tenant)
    effective = tenant.effective
    assert effective is not None
    if used:
        return None, Fault(
            "ClaimInUse",
            f'A pod uses the PersistentVolumeClaim "{effective.claim_name}": stop its workload first, as two processes '
            "with one session break it.",
        )
    if fault is not None and fault.reason == _WAITS:
        identity = (tenant.scan.owner or ANYBODY).overridden(effective.job)
        place, fault = Place(identity=identity), None
    if place is None or fault is not None:
        return None, fault
    unknown = _unowned(place)
    return (place, None) if unknown is None else (None, unknown)


def obstacle(tenant: TenantRecord, cluster: ClusterState) -> Fault | None:
    """Return why the Job could not run even if nothing used the claim."""
    place, fault, _ = cluster.place(tenant)
    if fault is not None:
        return None if fault.reason in {_WAITS, "ClaimExclusive"} else fault
    return None if place is None else _unowned(place)


def _unowned(place: Place) -> Fault | None:
    return OWNER_UNKNOWN if place.identity.user is None else None


def restore_job(
    tenant: TenantRecord,
    request: RestoreRequest,
    place: Place,
    pod: Pod,
    now: float,
    owner: Object | None = None,
) -> Object:
    """Return the Job of a valid request (see `problem_of`); `owner` is the object that is deleted with it, if any."""
    effective = tenant.effective
    repository = _repository(tenant, request.repository)
    assert effective is not None
    assert repository is not None
    task = RestoreTask(
        run=request.run,
        namespace=tenant.namespace,
        tenant=tenant.name,
        store=Store(
            repository.name,
            repository.url,
            repository.endpoint,
            repository.region,
            STORE_DIRECTORY,
        ),
        volume=mount_path(0),
        path=effective.path,
        between=BETWEEN,
        seconds=FETCH_SECONDS,
        time=int(now),
        identity=f"{IDENTITY_DIRECTORY}/{IDENTITY_KEY}" if request.identity_secret else None,
        secrets=(_store_secret(request, repository), request.identity_secret),
        archive="" if request.archive == LATEST else request.archive,
        without=request.without,
        fingerprint=request.fingerprint,
        known=tenant.backup.known or "",
        recorded=_recorded(tenant, now),
        mode=request.mode,
        acknowledged=request.acknowledged,
        dry_run=request.dry_run,
        watch=WATCH_SECONDS,
        watch_after=WATCH_AFTER_SECONDS,
    ).to_json()
    program = pod.command[:-1]
    return manifest.job(
        name="",
        namespace=tenant.namespace,
        action=RESTORE,
        task=task,
        members=[manifest.Member(tenant.name, tenant.uid)],
        claims=[effective.claim_name],
        place=place,
        pod=replace(pod, deadline=DEADLINE_SECONDS, command=(*program, "restore-job")),
        resources=_resources(dict(effective.job.resources)),
        read_only=request.dry_run,
        run=request.run,
        owner=owner,
        fetching=Fetching(
            (*program, "fetch-job"), _secrets(request, repository), BETWEEN, BETWEEN_SIZE
        ),
    )


def read_result(ended: Finished) -> RestoreResult | Fault:
    """Return the result of a restore's pod, or the fault if it left no trustworthy result."""
    if ended.message is None:
        return ended.fault or directory_faults.UNREADABLE
    try:
        result = decode(ended.message)
    except BadResult:
        return ended.fault or directory_faults.UNREADABLE
    return Fault(result.code, result.message) if isinstance(result, JobFailure) else result


def _repository(tenant: TenantRecord, name: str) -> ClusterRepository | None:
    backup = None if tenant.effective is None else tenant.effective.backup
    listed = () if backup is None else backup.group.repositories
    return next((each for each in listed if each.name == name), None)


def _recorded(tenant: TenantRecord, now: float) -> tuple[tuple[int, str], ...]:
    """Return the identity of the tenant according to the last scans."""
    when = tenant.scan.last_scan
    return (
        ((int(min(when, now)), tenant.scan.fingerprint),)
        if when and tenant.scan.fingerprint
        else ()
    )


def _store_secret(request: RestoreRequest, repository: ClusterRepository) -> str:
    return request.read_secret or repository.secret_name


def _secrets(request: RestoreRequest, repository: ClusterRepository) -> list[SecretMount]:
    """Return the Secrets of the container that fetches.

    The pod starts without any of them: the container reports which one is missing.
    """
    store = _store_secret(request, repository)
    found = [SecretMount(store, "", STORE_DIRECTORY, "", optional=True)]
    if request.identity_secret:
        identity = request.identity_secret
        found.append(
            SecretMount(identity, IDENTITY_KEY, IDENTITY_DIRECTORY, IDENTITY_KEY, optional=True)
        )
    return found


def _resources(given: Object) -> Object:
    return {**given, "limits": {**(given.get("limits") or {}), "memory": MEMORY}}

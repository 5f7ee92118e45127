"""The Jobs of backups and drills, and the task of each member. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from baileys_janitor.api.backup.backup_spec import ClusterBackups, ClusterRepository
from baileys_janitor.api.values import decoding
from baileys_janitor.api.values.quantities import amount_of
from baileys_janitor.backup.job.fields import Store
from baileys_janitor.backup.job.task import BACKUP, DRILL, BackupTask, Member
from baileys_janitor.backup.known import recipients_id
from baileys_janitor.controller.backups.known import needs_all, newest
from baileys_janitor.controller.jobs import manifest
from baileys_janitor.controller.jobs.manifest import Pod, SecretMount, mount_path
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.controller.jobs.tracker import UID_MAX
from baileys_janitor.controller.shards.layout import shard_of
from baileys_janitor.job.task import BadTask
from baileys_janitor.policy.archives.known_archives import KnownArchives, decode, encode
from baileys_janitor.policy.files.strict_json import JsonError, parse
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]

TENANT_SECONDS = 120
"""Seconds that one tenant may take, independent of its volume and its repositories."""
MARGIN_SECONDS = 60
"""Seconds that a pod may run beyond the time of its members."""
DEADLINE_MAX_SECONDS = 3600
"""Maximum run time of any pod, in seconds: the limit of the chart's admission policy."""
TASK_BYTES_MAX = 100_000
"""A process accepts arguments of up to 128 KiB."""
MOST_BY_REPOSITORIES = (25, 25, 20, 16, 12)
"""Number of tenants whose results fit a termination message, by the number of repositories."""
MEMORY = "256Mi"
"""A tenant's files are staged in memory, packed, and put: at most 64 MiB of each at a time."""
COMMAND = "backup-job"
MEMBERS_TEXT_MAX = 16_384
"""Maximum characters of the list of a Job's members: 25 names and uids."""
IDENTITY_DIRECTORY, IDENTITY_KEY = "/identity", "identity"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tenant with due backups or drills, in the repositories with these names."""

    tenant: TenantRecord
    action: str
    names: tuple[str, ...]
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Told:
    """A member's task in a Job: its repositories by their places in the task, and its known archives.

    `recipients` is the hash of the recipients that it encrypts to. `since` is when an earlier operator created it (Unix
    seconds), None for a Job of this operator.
    """

    repositories: dict[int, str]
    known: KnownArchives
    recipients: str
    bucket_days: int | None
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The common values of the tenants of one Job."""

    namespace: str
    action: str
    backups: ClusterBackups
    place: Place
    resources: str
    shard: int = 0
    """For a drill: exactly one replica must own the Job, whatever its shards are."""

    @classmethod
    def of(cls, wanted: Wanted, home: str, shards: int = 1) -> Group:
        """Return the group that a tenant's Job belongs to; drills run in the namespace `home`."""
        settings = wanted.tenant.effective
        assert settings is not None
        assert settings.backup is not None
        if wanted.action == DRILL:
            shard = shard_of(wanted.tenant.namespace, shards)
            return cls(home, DRILL, _as_read(settings.backup), Place(), "", shard)
        resources = repr(settings.job.resources)
        return cls(wanted.tenant.namespace, BACKUP, settings.backup, wanted.place, resources)


def _as_read(backups: ClusterBackups) -> ClusterBackups:
    """Return the settings that affect a drill, so that tenants which differ in others share one."""
    return replace(backups, group=replace(backups.group, repositories=(), recipients=()))


def batches(
    wanted: Sequence[Wanted], home: str, most: dict[tuple[str, str], int], shards: int = 1
) -> list[tuple[Group, list[Wanted]]]:
    """Group due tenants into as few Jobs as settings, places and limits allow; `most` limits some tenants' Jobs."""
    grouped: dict[Group, list[Wanted]] = {}
    for each in wanted:
        grouped.setdefault(Group.of(each, home, shards), []).append(each)
    found = []
    for group, members in grouped.items():
        stores = (
            group.backups.sources if group.action == DRILL else group.backups.group.repositories
        )
        largest = MOST_BY_REPOSITORIES[len(stores)]
        lot: list[Wanted] = []
        limit = largest
        for each in sorted(members, key=lambda w: most.get(w.tenant.key, largest)):
            if lot and len(lot) >= limit:
                found.append((group, lot))
                lot = []
            if not lot:
                limit = min(largest, most.get(each.tenant.key, largest))
            lot.append(each)
        found.append((group, lot))
    return found


def job_of(
    group: Group, members: Sequence[Wanted], pod: Pod, now: float
) -> tuple[Object, list[Told]] | None:
    """Return the Job of a batch and the tasks of its members; None if the task is too long for one."""
    drills = group.action == DRILL
    repositories, secrets = _mounts(group)
    stores = [store(each, place) for place, each in enumerate(repositories)]
    places = {each.name: place for place, each in enumerate(repositories)}
    claims = sorted({_claim(each.tenant) for each in members}) if not drills else []
    settings = group.backups.group
    recipients = recipients_id(settings.recipients)
    told, listed = [], []
    for each in members:
        known = decode(each.tenant.backup.known) or KnownArchives()
        whole = not drills and needs_all(known, len(repositories), now)
        known = known if whole else newest(known)
        effective = each.tenant.effective
        assert effective is not None
        names = {places[name]: name for name in each.names}
        told.append(Told(names, known, recipients, settings.bucket_days))
        listed.append(
            Member(
                each.tenant.name,
                tuple(places[name] for name in each.names),
                encode(known),
                whole,
                "" if drills else mount_path(claims.index(_claim(each.tenant))),
                "" if drills else effective.path,
                each.tenant.namespace,
                not drills and _is_lost(each),
            )
        )
    task = BackupTask(
        action=group.action,
        stores=stores,
        members=listed,
        seconds=TENANT_SECONDS,
        time=int(now),
        recipients=settings.recipients,
        identity=identity_file(group.backups) if drills else None,
        retention=settings.retention,
        bucket_days=settings.bucket_days,
    ).to_json()
    if len(task) > TASK_BYTES_MAX and len(members) > 1:
        return None
    first = members[0].tenant.effective
    assert first is not None
    deadline = deadline_seconds(len(members))
    found = manifest.job(
        name="",
        namespace=group.namespace,
        action=group.action,
        task=task,
        members=[manifest.Member(each.tenant.name, each.tenant.uid) for each in members],
        claims=claims,
        place=group.place,
        pod=replace(pod, deadline=deadline, command=(*pod.command[:-1], COMMAND)),
        resources=with_memory(dict(first.job.resources)),
        read_only=True,
        secrets=secrets,
        keeps=not drills,
        drilled=members[0].tenant.namespace if drills else "",
    )
    return found, told


def _is_lost(wanted: Wanted) -> bool:
    """Return whether a drill has found that the newest archive in one of the repositories is lost."""
    states = wanted.tenant.backup.repositories
    return any(name in states and states[name].is_lost for name in wanted.names)


def read_job(job: Object, home: str) -> tuple[list[manifest.Member], list[Told]] | None:
    """Return the members of a Job that `job_of` made, and their tasks; None for any other Job.

    Only its template is read, which nobody can change once the Job exists. `home` is the namespace of drills.
    """
    template = decoding.part(job, "spec", "template")
    namespace = decoding.text(decoding.part(job, "metadata").get("namespace"))
    listed = _listed_members(decoding.part(template, "metadata", "annotations"))
    containers = decoding.objects(decoding.part(template, "spec").get("containers"))
    command = containers[0].get("command") if len(containers) == 1 else None
    if not isinstance(command, list) or not command or not isinstance(command[-1], str):
        return None
    try:
        task = BackupTask.from_json(command[-1].replace("$$", "$"))
    except BadTask:
        return None
    drills = task.action == DRILL
    if (
        command[-2:-1] != [COMMAND]
        or [name for name, _ in listed] != [each.tenant for each in task.members]
        or any(each.namespace != namespace for each in task.members if not drills)
        or (drills and namespace != home)
    ):
        return None
    recipients = recipients_id(task.recipients)
    told = [
        Told(
            {place: task.stores[place].name for place in each.repositories},
            decode(each.known) or KnownArchives(),
            recipients,
            task.bucket_days,
            task.time,
        )
        for each in task.members
    ]
    members = [
        manifest.Member(name, uid, each.namespace)
        for (name, uid), each in zip(listed, task.members, strict=True)
    ]
    return members, told


def _listed_members(annotations: Object) -> list[tuple[str, str]]:
    """Return names and uids from the list that `manifest.job` writes."""
    try:
        found = parse(decoding.text(annotations.get(manifest.MEMBERS_ANNOTATION), MEMBERS_TEXT_MAX))
    except JsonError:
        return []
    pairs = found if isinstance(found, list) else []
    if not all(isinstance(each, list) and len(each) == 2 for each in pairs):
        return []
    return [(decoding.text(name), decoding.text(uid, UID_MAX)) for name, uid in pairs]


def identity_file(backups: ClusterBackups) -> str | None:
    """Return the path in a drill's pod of the identity that opens archives."""
    return f"{IDENTITY_DIRECTORY}/{IDENTITY_KEY}" if backups.identity_secret_name else None


def deadline_seconds(members: int) -> int:
    """Return how long the pod of a Job with this number of members may run."""
    return min(TENANT_SECONDS * members + MARGIN_SECONDS, DEADLINE_MAX_SECONDS)


def _mounts(group: Group) -> tuple[list[ClusterRepository], list[SecretMount]]:
    return mounts(group.backups, drills=group.action == DRILL)


def mounts(
    backups: ClusterBackups, *, drills: bool
) -> tuple[list[ClusterRepository], list[SecretMount]]:
    """Return the repositories of a Job, and the Secrets that its pod mounts for them.

    The pod starts without any of them: a missing one makes only its own repository fail.
    """
    if drills:
        repositories = [each.repository for each in backups.sources]
        names = [each.secret_name for each in backups.sources]
    else:
        repositories = list(backups.group.repositories)
        names = [each.secret_name for each in repositories]
    secrets = [
        SecretMount(name, "", f"/stores/{place}", "", optional=True)
        for place, name in enumerate(names)
    ]
    if drills and backups.identity_secret_name is not None:
        identity = backups.identity_secret_name
        secrets.append(
            SecretMount(identity, IDENTITY_KEY, IDENTITY_DIRECTORY, IDENTITY_KEY, optional=True)
        )
    return repositories, secrets


def store(repository: ClusterRepository, place: int) -> Store:
    """Return a repository in the form of a Job's task, at `place` in its list."""
    return Store(
        repository.name,
        repository.url,
        repository.endpoint,
        repository.region,
        f"/stores/{place}",
    )


def _claim(tenant: TenantRecord) -> str:
    assert tenant.effective is not None
    return tenant.effective.claim_name


def with_memory(given: Object) -> Object:
    """Return the resources of a Job of backups: those of every Job, with at least the memory that staging takes."""
    limits = given.get("limits") or {}
    asked = [limits.get("memory"), (given.get("requests") or {}).get("memory")]
    memory = max([MEMORY, *(str(each) for each in asked if each)], key=amount_of)
    return {**given, "limits": {**limits, "memory": memory}}

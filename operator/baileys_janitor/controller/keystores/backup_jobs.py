"""The Jobs of key stores' backups and drills, and their tasks. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from baileys_janitor.backup.job.task import BACKUP, DRILL, BackupTask, Member
from baileys_janitor.backup.names import tenant_of_store
from baileys_janitor.controller.backups import jobs as of_tenants
from baileys_janitor.controller.backups.jobs import DEADLINE_MAX_SECONDS, TENANT_SECONDS
from baileys_janitor.controller.jobs import manifest
from baileys_janitor.controller.jobs.manifest import Pod, SecretMount
from baileys_janitor.controller.keystores.jobs import ANYWHERE, database_secrets
from baileys_janitor.controller.keystores.record import KeyStoreRecord
from baileys_janitor.controller.keystores.task import (
    CA_DIRECTORY,
    CA_FILE,
    URL_DIRECTORY,
    URL_FILE,
    task,
)
from baileys_janitor.keystore.job.task import BACK_UP, REHEARSE

Object = dict[str, Any]

MARGIN_SECONDS = 60
"""Seconds that a pod may run beyond the time of its work."""


@dataclass(frozen=True, slots=True)
class Told:
    """A Job's task: the repositories by their places in it, in the order of `names`.

    `deadline` is how many seconds its pod may run. `home` is the namespace of a drill, and `database` the Secret there
    with the connection.
    """

    names: tuple[str, ...]
    places: tuple[int, ...]
    deadline: int
    home: str = ""
    database: str = ""


def backup_job(
    record: KeyStoreRecord, names: tuple[str, ...], pod: Pod, now: float
) -> tuple[Object, Told]:
    """Return the Job that backs up the sessions of a store to the repositories with these names."""
    settings = record.effective
    assert settings is not None
    assert settings.backup is not None
    # Only due repositories, so that the others cost nothing.
    group = settings.backup.group
    due = [each for each in group.repositories if each.name in names]
    backups = replace(settings.backup, group=replace(group, repositories=tuple(due)))
    repositories, secrets = of_tenants.mounts(backups, drills=False)
    places = tuple(range(len(repositories)))
    backup = BackupTask(
        action=BACKUP,
        stores=[of_tenants.store(each, place) for place, each in enumerate(repositories)],
        members=[Member(tenant_of_store(record.name), places, namespace=record.namespace)],
        seconds=TENANT_SECONDS,
        time=int(now),
        recipients=group.recipients,
        retention=group.retention,
        bucket_days=group.bucket_days,
    )
    argument = replace(task(settings, BACK_UP, None, ""), backup=backup, after=record.backup.after)
    found = _job(
        record,
        *(record.namespace, BACK_UP, argument.to_json(), pod, settings.duration),
        [*database_secrets(record), *secrets],
    )
    done = tuple(each.name for each in repositories)
    return found, Told(done, places, deadline_seconds(settings.duration))


def drill_job(
    record: KeyStoreRecord, names: tuple[str, ...], pod: Pod, now: float, home: str
) -> tuple[Object, Told] | None:
    """Return the Job that drills a few sessions of a store in the operator's namespace; None if there are none to
    drill.
    """
    settings, sample = record.effective, record.backup.sample
    assert settings is not None
    assert settings.backup is not None
    database = settings.backup.database_secret_name
    repositories, secrets = of_tenants.mounts(settings.backup, drills=True)
    places = {each.name: place for place, each in enumerate(repositories) if each.name in names}
    if not sample or database is None or not places:
        return None
    of_store = f"{tenant_of_store(record.name)}."
    members = [
        Member(name, tuple(places.values()), known, namespace=record.namespace)
        for name, known in sample
        if name.startswith(of_store)
    ]
    if not members:
        return None
    backup = BackupTask(
        action=DRILL,
        stores=[of_tenants.store(each, place) for place, each in enumerate(repositories)],
        members=members,
        seconds=TENANT_SECONDS,
        time=int(now),
        identity=of_tenants.identity_file(settings.backup),
    )
    argument = replace(
        task(settings, REHEARSE, None, ""), backup=backup, ca_file=f"{CA_DIRECTORY}/{CA_FILE}"
    )
    connection = [
        SecretMount(database, URL_FILE, URL_DIRECTORY, URL_FILE, optional=True),
        SecretMount(database, CA_FILE, CA_DIRECTORY, CA_FILE, optional=True),
    ]
    seconds = TENANT_SECONDS * len(members)
    found = _job(record, home, REHEARSE, argument.to_json(), pod, seconds, [*connection, *secrets])
    deadline = deadline_seconds(seconds)
    return found, Told(tuple(places), tuple(places.values()), deadline, home, database)


def deadline_seconds(seconds: float) -> int:
    """Return how long the pod may run for work that takes this many seconds."""
    return min(int(seconds) + MARGIN_SECONDS, DEADLINE_MAX_SECONDS)


def _job(
    record: KeyStoreRecord,
    namespace: str,
    action: str,
    argument: str,
    pod: Pod,
    seconds: float,
    secrets: list[SecretMount],
) -> Object:
    assert record.effective is not None
    here = namespace == record.namespace
    command = (*pod.command[:-1], "keystore-job")
    return manifest.job(
        name="",
        namespace=namespace,
        action=action,
        task=argument,
        members=[manifest.Member(record.name, record.uid)],
        claims=[],
        place=ANYWHERE,
        pod=replace(pod, deadline=deadline_seconds(seconds), command=command),
        resources=of_tenants.with_memory(dict(record.effective.job.resources)),
        read_only=True,
        # An owner must be in the same namespace.
        owner=manifest.owner_reference(record.name, record.uid, record.kind) if here else None,
        secrets=secrets,
        drilled="" if here else record.namespace,
    )

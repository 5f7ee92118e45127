"""Backups in the bench: the status that an earlier operator left, and the messages of their Jobs.

Every session has changed since its last backup, so that all are put: the most expensive hour possible. The repository
holds as many archives of each tenant as the usual retention keeps, and all are in the status.
"""

from __future__ import annotations

import math
import random
from typing import Any

from baileys_janitor.backup.job.result import JobResult, MemberResult, Outcome, encode
from baileys_janitor.backup.job.task import BackupTask
from baileys_janitor.backup.known import recipients_id
from baileys_janitor.backup.names import name_of
from baileys_janitor.policy.archives import known_archives
from baileys_janitor.policy.archives.known_archives import KnownArchives, PutArchive
from baileys_janitor.schedule import slots
from baileys_janitor.tenants.backup_state import PUT, Archived
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]
HOUR = 3600.0
RECIPIENT = "age1" + "q" * 58
REPOSITORY = "ab" * 8
"""The id of the repository in the status."""
ARCHIVES = 66
"""Archives that the usual retention keeps: 24 hourly, 30 daily, 12 monthly."""
FILES, BYTES = 906, 89_000
OWNER = "cd" * 8, "ef" * 8


def settings(cron: str) -> Object:
    """Return the group `backup` of the fleet's configuration."""
    repository = {
        "name": "moscow",
        "url": "s3://baileys/prod",
        "endpoint": "https://s3.example",
        "secretName": "janitor-backup",
    }
    return {"schedule": cron, "recipients": [RECIPIENT], "repositories": [repository]}


def cron_at(when: float, namespace: str, jitter: float) -> str:
    """Return an hourly schedule at which this namespace is due at a time (Unix seconds), to the minute."""
    delay = int(slots.spread(namespace, "backup", jitter))
    return f"{math.ceil((when - delay) / 60) % 60} * * * *"


def _archive(tenant: str, time: float) -> PutArchive:
    draw = random.Random(f"{tenant}/{int(time)}")
    held = frozenset([REPOSITORY])
    digest, sha256 = f"{draw.getrandbits(64):016x}", f"{draw.getrandbits(128):032x}"
    return PutArchive(int(time), digest, sha256, BYTES, FILES, held=held, verified=held)


def leave(tenant: TenantRecord, last: float) -> None:
    """Record the backups of an earlier operator until `last` (Unix seconds)."""
    ages = [*range(24), *range(24, 24 * 31, 24), *range(24 * 31, 24 * 31 + 12 * 720, 720)]
    archives = [_archive(tenant.name, last - age * HOUR) for age in ages][:ARCHIVES]
    known = KnownArchives(
        tuple(archives), *OWNER, recipients_id([RECIPIENT]), {REPOSITORY: int(last - HOUR)}
    )
    tenant.backup.remember(known_archives.encode(known))
    newest = archives[0]
    for each in tenant.backup.repositories.values():
        each.succeed(last, 0.3)
        name = str(name_of(newest.time, newest.digest, encrypted=True))
        oldest = float(archives[-1].time)
        each.ended(PUT, Archived(name, last, FILES, BYTES, len(archives), oldest))


def message(argument: str, when: float) -> bytes:
    """Return the message of a backup's Job, in which every session is put."""
    task = BackupTask.from_json(argument)
    outcome = Outcome("Put", verified=True)
    members = [
        MemberResult(int(when), FILES, 300, _archive(each.tenant, when), *OWNER, {0: outcome})
        for each in task.members
    ]
    return encode(JobResult(task.action, [REPOSITORY], members))

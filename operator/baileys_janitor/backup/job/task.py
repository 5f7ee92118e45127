"""The task of a Job for backups: one JSON argument. Credentials are in files, never in the task.

    {"v":1,"action":"backup","time":1796000000,"seconds":120,
     "repositories":[["moscow","s3://b/p","https://s3.example",null,"/stores/0"]],
     "recipients":["age1..."],"identity":null,"retention":[24,30,12],"bucketDays":null,
     "members":[["acme","/volumes/000","company-1",[0],true,"1;...;..."]]}

A member is a tenant: its name, the mount path of its claim and the path beneath, the repositories to use by their
index in the list, and our known archives (`policy.archives.known_archives`). `true` before that means that the list is
complete, so that a repository may be listed. A drill has no claims, so the mount and the path are empty. An eighth
entry, `true`, puts an archive although the session may be unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from baileys_janitor.backup.job.fields import (
    Store,
    read_list,
    read_number,
    read_optional,
    read_store,
    read_text,
)
from baileys_janitor.backup.names import is_namespace, is_tenant
from baileys_janitor.job.document import read_task
from baileys_janitor.job.task import BadTask
from baileys_janitor.policy.archives.archive_retention import Retention
from baileys_janitor.policy.archives.known_archives import TEXT_CHARACTERS_MAX

VERSION: Final = 1
BACKUP: Final = "backup"
DRILL: Final = "drill"
ACTIONS: Final = (BACKUP, DRILL)
MEMBERS_MAX: Final = 25
REPOSITORIES_MAX: Final = 4
RECIPIENTS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Member:
    """A tenant. `whole`: `known` names all archives that are ours, not only the newest.

    `anew`: put an archive although the session is unchanged, because the newest one is lost.
    """

    tenant: str
    repositories: tuple[int, ...]
    known: str = ""
    whole: bool = True
    volume: str = ""
    path: str = ""
    namespace: str = ""
    anew: bool = False


@dataclass(frozen=True, slots=True)
class BackupTask:
    """The work of one Job.

    `seconds` is the time limit for a tenant, `identity` the file with the secret keys, `time` when the task was
    written (Unix seconds): it is used on a node with a slow clock.
    """

    action: str
    stores: Sequence[Store]
    members: Sequence[Member]
    seconds: int
    recipients: Sequence[str] = ()
    identity: str | None = None
    retention: Retention = field(default_factory=Retention)
    bucket_days: int | None = None
    time: int = 0

    def to_json(self) -> str:
        """Return the argument."""
        retention = self.retention
        data = {
            "v": VERSION,
            "action": self.action,
            "time": self.time,
            "seconds": self.seconds,
            "repositories": [each.to_list() for each in self.stores],
            "recipients": list(self.recipients),
            "identity": self.identity,
            "retention": [retention.hourly, retention.daily, retention.monthly],
            "bucketDays": self.bucket_days,
            "members": [
                [
                    *(each.namespace, each.tenant, each.volume, each.path),
                    *(list(each.repositories), each.whole, each.known),
                    *((True,) if each.anew else ()),
                ]
                for each in self.members
            ],
        }
        return json.dumps(data, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> BackupTask:
        """Read the argument; raises BadTask with one sentence."""
        data = read_task(text, VERSION)
        action = read_text("action", data.get("action"))
        if action not in ACTIONS:
            raise BadTask(f"action must be one of {', '.join(ACTIONS)}")
        stores = [
            read_store("repositories", each)
            for each in read_list("repositories", data, REPOSITORIES_MAX)
        ]
        members = [_member(each, len(stores)) for each in read_list("members", data, MEMBERS_MAX)]
        if not stores or not members:
            raise BadTask("repositories and members must not be empty")
        days = data.get("bucketDays")
        return cls(
            action=action,
            stores=stores,
            members=members,
            seconds=read_number("seconds", data.get("seconds"), 3600),
            recipients=[
                read_text("recipients", each)
                for each in read_list("recipients", data, RECIPIENTS_MAX)
            ],
            identity=read_optional("identity", data.get("identity")),
            retention=_retention(data.get("retention")),
            time=read_number("time", data.get("time"), 1 << 33),
            bucket_days=None if days is None else read_number("bucketDays", days, 10_000),
        )


def _member(item: object, stores: int) -> Member:
    if not isinstance(item, list) or len(item) not in (7, 8):
        raise BadTask("members must be lists of 7 or 8")
    namespace, tenant, volume, path, repositories, whole, known = item[:7]
    anew = item[7:] == [True]
    namespace, tenant = read_text("members", namespace), read_text("members", tenant)
    if not is_namespace(namespace) or not is_tenant(tenant):
        raise BadTask("members must have the names of a namespace and of a tenant")
    if not isinstance(whole, bool) or not isinstance(repositories, list):
        raise BadTask("members must have a list of repositories and a flag")
    if not all(type(each) is int and 0 <= each < stores for each in repositories):
        raise BadTask("members must name repositories by their places")
    return Member(
        tenant,
        tuple(repositories),
        read_text("members", known, TEXT_CHARACTERS_MAX),
        whole,
        read_text("members", volume),
        read_text("members", path),
        namespace,
        anew,
    )


def _retention(item: object) -> Retention:
    if not isinstance(item, list) or len(item) != 3:
        raise BadTask("retention must be a list of 3")
    return Retention(*(read_number("retention", each, 1000) for each in item))

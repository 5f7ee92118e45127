"""The task of a restore: one JSON argument, the same for both containers. Credentials are in files, never in the task.

    {"v":1,"run":"20261128-093500-ab12","namespace":"bots","tenant":"acme","time":1796000000,"seconds":120,
     "repository":["eu","s3://b/p",null,"eu-central-1","/stores/0"],"identity":"/identity/identity","secrets":["eu","key"],
     "archive":"","without":"","fingerprint":"","known":"1;...","recorded":[[1795990000,"0a1b2c3d4e5f6071"]],
     "mode":"Safe","acknowledged":[],"dryRun":false,"volume":"/volumes/000","path":"company-1","between":"/archive",
     "watch":60,"watchAfter":10}

The fetching container uses the repository and the identity, the writing one the volume and the fields after `mode`;
both check the archive's owner.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from baileys_janitor.backup.job.fields import (
    Store,
    read_list,
    read_number,
    read_optional,
    read_store,
    read_text,
)
from baileys_janitor.backup.names import ArchiveName, is_namespace, is_tenant, parse_name
from baileys_janitor.job.document import read_task
from baileys_janitor.job.task import BadTask
from baileys_janitor.policy.archives.known_archives import TEXT_CHARACTERS_MAX
from baileys_janitor.policy.archives.restore_codes import MODES, SAFE
from baileys_janitor.volume.files.state_names import valid_run

VERSION: Final = 1
RESTORE: Final = "restore"
"""The action in the Job's label."""
RECORDED_MAX: Final = 8
ACKNOWLEDGED_MAX: Final = 8
_SECONDS_MAX: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreTask:
    """The work of one Job.

    Attributes:
        run: the id under which the volume's journal records it, and by which it is undone.
        seconds: the time limit for getting the archive.
        time: when the task was written (Unix seconds): it is used on a node with a slow clock.
        identity: the file with the secret keys; None for archives that are not encrypted.
        secrets: the names of the Secrets with the repository's credentials and with the identity, for people.
        archive: its name; empty for the tenant's latest.
        without: the name of an archive not to use as the latest, since it was made for this restore. Empty for none.
        fingerprint: of the tenant, as a person has typed it; empty if nobody has.
        known: our recorded archives (`policy.archives.known_archives`).
        recorded: other known identities of the tenant: time (Unix seconds) and fingerprint.
        between: the directory that passes the archive from one container to the other.
        watch, watch_after: seconds without a write to the session required before and after the restore.
    """

    run: str
    namespace: str
    tenant: str
    store: Store
    volume: str
    path: str
    between: str
    seconds: int
    time: int = 0
    identity: str | None = None
    secrets: tuple[str, str] = ("", "")
    archive: str = ""
    without: str = ""
    fingerprint: str = ""
    known: str = ""
    recorded: tuple[tuple[int, str], ...] = ()
    mode: str = SAFE
    acknowledged: tuple[str, ...] = ()
    dry_run: bool = False
    watch: int = 60
    watch_after: int = 10

    @property
    def name(self) -> ArchiveName | None:
        """The wanted archive; None for the latest."""
        return parse_name(self.archive) if self.archive else None

    @property
    def without_name(self) -> ArchiveName | None:
        """The archive not to use as the latest."""
        return parse_name(self.without) if self.without else None

    def to_json(self) -> str:
        """Return the argument."""
        data = {
            "v": VERSION,
            "run": self.run,
            "namespace": self.namespace,
            "tenant": self.tenant,
            "time": self.time,
            "seconds": self.seconds,
            "repository": self.store.to_list(),
            "identity": self.identity,
            "secrets": list(self.secrets),
            "archive": self.archive,
            "without": self.without,
            "fingerprint": self.fingerprint,
            "known": self.known,
            "recorded": [list(each) for each in self.recorded],
            "mode": self.mode,
            "acknowledged": list(self.acknowledged),
            "dryRun": self.dry_run,
            "volume": self.volume,
            "path": self.path,
            "between": self.between,
            "watch": self.watch,
            "watchAfter": self.watch_after,
        }
        return json.dumps(data, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> RestoreTask:
        """Read the argument; raises BadTask with one sentence."""
        data = read_task(text, VERSION)

        def given(name: str) -> str:
            return read_text(name, data.get(name))

        run = data.get("run")
        if not valid_run(run):
            raise BadTask("run must be 1 to 32 lower-case letters, digits or hyphens")
        namespace, tenant = given("namespace"), given("tenant")
        if not is_namespace(namespace) or not is_tenant(tenant):
            raise BadTask("namespace and tenant must be the names of a namespace and of a tenant")
        archive, without = given("archive"), given("without")
        mode, dry_run = given("mode"), data.get("dryRun")
        if archive and parse_name(archive) is None:
            raise BadTask("archive must be the name of an archive, or empty for the latest")
        if without and parse_name(without) is None:
            raise BadTask("without must be the name of an archive, or empty for none")
        if mode not in MODES:
            raise BadTask(f"mode must be one of {', '.join(MODES)}")
        if not isinstance(dry_run, bool):
            raise BadTask("dryRun must be true or false")
        acknowledged = read_list("acknowledged", data, ACKNOWLEDGED_MAX)
        return cls(
            run=str(run),
            namespace=namespace,
            tenant=tenant,
            store=read_store("repository", data.get("repository")),
            volume=given("volume"),
            path=given("path"),
            between=given("between"),
            seconds=read_number("seconds", data.get("seconds"), _SECONDS_MAX),
            time=read_number("time", data.get("time"), 1 << 33),
            identity=read_optional("identity", data.get("identity")),
            secrets=_secrets(data.get("secrets")),
            archive=archive,
            without=without,
            fingerprint=given("fingerprint"),
            known=read_text("known", data.get("known"), TEXT_CHARACTERS_MAX),
            recorded=tuple(_record(each) for each in read_list("recorded", data, RECORDED_MAX)),
            mode=mode,
            acknowledged=tuple(read_text("acknowledged", each, 64) for each in acknowledged),
            dry_run=dry_run,
            watch=read_number("watch", data.get("watch"), _SECONDS_MAX),
            watch_after=read_number("watchAfter", data.get("watchAfter"), _SECONDS_MAX),
        )


def _secrets(item: object) -> tuple[str, str]:
    if not isinstance(item, list) or len(item) != 2:
        raise BadTask("secrets must be a list of 2")
    return read_text("secrets", item[0]), read_text("secrets", item[1])


def _record(item: object) -> tuple[int, str]:
    if not isinstance(item, list) or len(item) != 2:
        raise BadTask("recorded must have lists of 2")
    return read_number("recorded", item[0], 1 << 33), read_text("recorded", item[1], 64)

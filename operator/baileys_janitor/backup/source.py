"""What a backup puts into an archive: a session that was read, whether from files or from a database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from baileys_janitor.backup.archive.archive import PackedArchive, pack, pack_rows
from baileys_janitor.backup.archive.encryption import Recipients
from baileys_janitor.backup.archive.manifest import manifest_of
from baileys_janitor.backup.archive.rows_manifest import RowsSnapshot, rows_manifest_of
from baileys_janitor.policy.archives.pairing import Credentials
from baileys_janitor.volume.copies.snapshot import Snapshot


class SourceProblem(Exception):  # noqa: N818  # a refusal is as often the user's as an error of ours
    """A session that could not be read, or whose archives could not be remembered: a code, and a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Source(Protocol):
    """A session that was read.

    `digest` tells whether it has changed. `files` counts what is in it; `missing` and `unreadable` what is not, though
    it is there. What is not yet known raises BackupProblem.
    """

    @property
    def digest(self) -> str: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def files(self) -> int: ...
    @property
    def missing(self) -> int: ...
    @property
    def unreadable(self) -> int: ...

    def pack(self, recipients: Recipients) -> PackedArchive: ...
    def at(self, time: int) -> Source: ...


@dataclass(frozen=True)
class Files:
    """The files of a session directory, and what their archive is called."""

    snapshot: Snapshot
    namespace: str
    tenant: str

    @cached_property
    def digest(self) -> str:
        """The digest of the list of files."""
        manifest = manifest_of(
            self.snapshot, cluster="", namespace=self.namespace, tenant=self.tenant
        )
        return manifest.digest

    @property
    def credentials(self) -> Credentials:
        """Whose session it is."""
        return self.snapshot.session.credentials

    @property
    def files(self) -> int:
        """How many files were read."""
        return len(self.snapshot.content)

    @property
    def missing(self) -> int:
        """How many changed at every look."""
        return len(self.snapshot.missing)

    @property
    def unreadable(self) -> int:
        """How many are torn at rest, or may not be read."""
        return len(self.snapshot.unreadable)

    def pack(self, recipients: Recipients) -> PackedArchive:
        """Return the archive."""
        return pack(
            self.snapshot, namespace=self.namespace, tenant=self.tenant, recipients=recipients
        )

    def at(self, time: int) -> Files:
        """Return it as one that was read at `time`, in Unix seconds."""
        session = replace(self.snapshot.session, time=time)
        return replace(self, snapshot=replace(self.snapshot, session=session))


@dataclass(frozen=True)
class Rows:
    """The rows of a session in a database. One transaction has seen them all, so none is ever missing or torn."""

    snapshot: RowsSnapshot
    namespace: str
    tenant: str
    missing: int = 0
    unreadable: int = 0

    @cached_property
    def digest(self) -> str:
        """The digest of the rows."""
        manifest = rows_manifest_of(
            self.snapshot, cluster="", namespace=self.namespace, tenant=self.tenant
        )
        return manifest.digest

    @property
    def credentials(self) -> Credentials:
        """Whose session it is."""
        return self.snapshot.credentials

    @property
    def files(self) -> int:
        """How many rows were read."""
        return sum(each.rows for each in self.snapshot.tables)

    def pack(self, recipients: Recipients) -> PackedArchive:
        """Return the archive."""
        return pack_rows(
            self.snapshot, namespace=self.namespace, tenant=self.tenant, recipients=recipients
        )

    def at(self, time: int) -> Rows:
        """Return it as one that was read at `time`, in Unix seconds."""
        return replace(self, snapshot=replace(self.snapshot, time=time))

"""The content of an archive: a session that was read, from files or from a database."""

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


class SourceProblem(Exception):  # noqa: N818  # as often a refusal as an error
    """A session that could not be read, or its archives not recorded: a code, and a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Source(Protocol):
    """A session that was read.

    `digest` shows whether it has changed. `files` counts its content; `missing` and `unreadable` the files that exist
    but are not in it. A value that is not yet known raises BackupProblem.
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
    """The files of a session directory, and the names for their archive."""

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
        """The credentials of the session."""
        return self.snapshot.session.credentials

    @property
    def files(self) -> int:
        """The number of files that were read."""
        return len(self.snapshot.content)

    @property
    def missing(self) -> int:
        """The number of files that changed at every read."""
        return len(self.snapshot.missing)

    @property
    def unreadable(self) -> int:
        """The number of files that are torn at rest, or may not be read."""
        return len(self.snapshot.unreadable)

    def pack(self, recipients: Recipients) -> PackedArchive:
        """Return the archive."""
        return pack(
            self.snapshot, namespace=self.namespace, tenant=self.tenant, recipients=recipients
        )

    def at(self, time: int) -> Files:
        """Return this session as read at `time`, in Unix seconds."""
        session = replace(self.snapshot.session, time=time)
        return replace(self, snapshot=replace(self.snapshot, session=session))


@dataclass(frozen=True)
class Rows:
    """The rows of a session in a database. One transaction has read them all, so none is ever missing or torn."""

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
        """The credentials of the session."""
        return self.snapshot.credentials

    @property
    def files(self) -> int:
        """The number of rows that were read."""
        return sum(each.rows for each in self.snapshot.tables)

    def pack(self, recipients: Recipients) -> PackedArchive:
        """Return the archive."""
        return pack_rows(
            self.snapshot, namespace=self.namespace, tenant=self.tenant, recipients=recipients
        )

    def at(self, time: int) -> Rows:
        """Return this session as read at `time`, in Unix seconds."""
        return replace(self, snapshot=replace(self.snapshot, time=time))

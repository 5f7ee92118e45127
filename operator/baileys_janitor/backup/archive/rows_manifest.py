"""The manifest of an archive of rows: the owner of the session, and the tables of its rows.

Such an archive has three members after its manifest: `creds.json`, the credentials as the library would keep them in a
file, and `creds.copy` and `keys.copy`, the session's rows as PostgreSQL's `COPY` writes them, whole and in order. So it
can be read with `age`, `tar` and `psql` alone. A manifest is not trusted without checks (see `manifest`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

from baileys_janitor.backup.archive.manifest_head import (
    NUMBER_MOST,
    ROWS_VERSION,
    as_json,
    checked_head,
    head_text,
    invalid,
    is_number,
    is_sha256,
    parsed,
    require_names,
    require_version,
)
from baileys_janitor.backup.errors import ARCHIVE_TOO_LARGE, BackupProblem
from baileys_janitor.policy.archives.archived import FILE_OVERHEAD_BYTES, LIMIT_BYTES, ArchivedFile
from baileys_janitor.policy.archives.pairing import Credentials
from baileys_janitor.policy.files.file_kinds import CREDS_NAME

CREDS_ROWS: Final = "creds.copy"
KEYS_ROWS: Final = "keys.copy"
MODE: Final = 0o600

_TABLES: Final = (CREDS_ROWS, KEYS_ROWS)
_MANIFEST_MOST_BYTES: Final = 256 * 1024
_COLUMNS_MOST: Final = 400
# Schema and table of up to 63 bytes each, all of which may be quotes, which are doubled.
_TABLE_NAME_MOST: Final = 2 * 128 + 1
_COLUMN_NAME_MOST: Final = 63
_NS: Final = 10**9


@dataclass(frozen=True, slots=True)
class ArchivedRows:
    """The rows of one table: member of the archive, table and columns by name, bytes, and SHA-256 in hex digits."""

    name: str
    table: str
    columns: tuple[str, ...]
    rows: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, repr=False)
class RowsSnapshot:
    """A session's rows as read by one transaction at `time` (Unix seconds); `content` has each member by name.

    `quiesced`: no process uses the session.
    """

    time: int
    credentials: Credentials
    tables: Sequence[ArchivedRows]
    content: Mapping[str, bytes]
    quiesced: bool = False

    def __repr__(self) -> str:
        return f"RowsSnapshot(rows={sum(each.rows for each in self.tables)})"


@dataclass(frozen=True, repr=False, kw_only=True)
class RowsManifest:
    """The content of an archive of rows. The facts are those of `manifest.Manifest`; `creds` is creds.json."""

    cluster: str
    namespace: str
    tenant: str
    time: int
    quiesced: bool
    fingerprint: str
    pairing: str
    next_pre_key_id: int
    first_unuploaded_pre_key_id: int
    creds_size: int
    creds_sha256: str
    tables: tuple[ArchivedRows, ...]

    @property
    def files(self) -> list[ArchivedFile]:
        """The members after the manifest, in order."""
        mtime_ns = self.time * _NS
        creds = ArchivedFile(CREDS_NAME, self.creds_size, mtime_ns, MODE, self.creds_sha256)
        tables = [
            ArchivedFile(each.name, each.size, mtime_ns, MODE, each.sha256) for each in self.tables
        ]
        return [creds, *tables]

    @cached_property
    def digest(self) -> str:
        """A SHA-256, in hex digits, of tables, rows and `quiesced`; not of the time (see `manifest.Manifest`)."""
        state = sha256(b"quiesced rows\n" if self.quiesced else b"rows\n")
        for each in self.tables:
            state.update(as_json(_table_item(each)).encode() + b"\n")
        return state.hexdigest()

    def encode(self) -> bytes:
        """Return the bytes of the manifest."""
        creds = {"name": CREDS_NAME, "size": self.creds_size, "sha256": self.creds_sha256}
        members = [creds, *(_table_item(each) for each in self.tables)]
        lines = ",\n".join(map(as_json, members))
        return f'{head_text(ROWS_VERSION, self)},"members":[\n{lines}\n]}}\n'.encode()

    def __repr__(self) -> str:
        return f"RowsManifest(time={self.time}, digest={self.digest[:8]})"


def rows_manifest_of(
    snapshot: RowsSnapshot, *, cluster: str, namespace: str, tenant: str
) -> RowsManifest:
    """Return the manifest of a snapshot; raise BackupProblem if a name is not allowed in it."""
    require_names(cluster, namespace, tenant)
    credentials, creds = snapshot.credentials, snapshot.content[CREDS_NAME]
    return RowsManifest(
        cluster=cluster,
        namespace=namespace,
        tenant=tenant,
        time=snapshot.time,
        quiesced=snapshot.quiesced,
        fingerprint=credentials.fingerprint,
        pairing=credentials.pairing,
        next_pre_key_id=credentials.next_pre_key_id,
        first_unuploaded_pre_key_id=credentials.first_unuploaded_pre_key_id,
        creds_size=len(creds),
        creds_sha256=sha256(creds).hexdigest(),
        tables=tuple(snapshot.tables),
    )


class RowsManifestDecoder:
    """Reads a manifest in pieces.

    The content of its members, with `FILE_OVERHEAD_BYTES` for each row, must stay within `limit_bytes`. Raises
    BackupProblem: ArchiveVersion, ArchiveOfFiles, ManifestInvalid, ArchiveTooLarge.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._data = b""

    def feed(self, piece: bytes) -> None:
        """Process the next bytes."""
        self._data += piece
        require_version(self._data, ROWS_VERSION)
        if len(self._data) > _MANIFEST_MOST_BYTES:
            raise invalid("it is too long")

    def finish(self) -> RowsManifest:
        """Return the manifest; raise unless it is complete."""
        document = parsed(self._data)
        head = checked_head(document)
        assert isinstance(document, dict)  # it has a head
        members = document.get("members")
        if not isinstance(members, list) or len(members) != 1 + len(_TABLES):
            raise invalid("its members")
        size, digest = _size_and_sha256(members[0])
        tables = tuple(_table_of(*each) for each in zip(_TABLES, members[1:], strict=True))
        manifest = RowsManifest(
            **head,  # type: ignore[arg-type]  # each was checked
            creds_size=size,
            creds_sha256=digest,
            tables=tables,
        )
        if manifest.encode() != self._data:
            raise invalid("its form")
        taken = sum(each.size + FILE_OVERHEAD_BYTES * each.rows for each in tables)
        if size + taken > self._limit:
            raise BackupProblem(ARCHIVE_TOO_LARGE, mebibytes=self._limit >> 20)
        return manifest


def _table_item(table: ArchivedRows) -> dict[str, Any]:
    return {
        "name": table.name,
        "table": table.table,
        "columns": table.columns,
        "rows": table.rows,
        "size": table.size,
        "sha256": table.sha256,
    }


def _table_of(name: str, item: object) -> ArchivedRows:
    size, digest = _size_and_sha256(item)
    assert isinstance(item, dict)  # it has a size
    table, columns, rows = item.get("table"), item.get("columns"), item.get("rows")
    if (
        not _is_name(table, _TABLE_NAME_MOST)
        or not isinstance(columns, list)
        or not 0 < len(columns) <= _COLUMNS_MOST
        or not all(_is_name(each, _COLUMN_NAME_MOST) for each in columns)
        or len(set(columns)) != len(columns)
        or not is_number(rows, 0, NUMBER_MOST)
    ):
        raise invalid("a table")
    return ArchivedRows(name, table, tuple(columns), rows, size, digest)  # type: ignore[arg-type]


def _size_and_sha256(item: object) -> tuple[int, str]:
    if not isinstance(item, dict):
        raise invalid("a member")
    size, digest = item.get("size"), item.get("sha256")
    if not is_number(size, 0, NUMBER_MOST) or not is_sha256(digest):
        raise invalid("a member")
    return size, digest  # type: ignore[return-value]


def _is_name(value: object, most: int) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value.encode("utf-8", "surrogatepass")) <= most
        and "\0" not in value
    )

"""The manifest of an archive: the owner of the session, and each of its files with its checksum.

`manifest.json` is one JSON document in a fixed form: a line of facts, then a line a file. So it is read line
by line in bounded memory, and each line must equal the line that this module would write. Anybody who knows a
recipient can make an archive, so a manifest is not trusted without checks. The kinds of files belong to
the format: a new kind needs a new version.

File names are personal data; manifests hold them inside the encryption, and no printed form does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final

from baileys_janitor.backup.archive.manifest_head import (
    FILES_VERSION,
    NUMBER_MOST,
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
from baileys_janitor.policy.files.file_kinds import CREDS_NAME, OTHER, classify
from baileys_janitor.volume.copies.snapshot import Snapshot

MANIFEST_NAME: Final = "manifest.json"

_LINE_MOST_BYTES: Final = 8192
_NAME_MOST_BYTES: Final = 255
_FILES: Final = b',"files":['
_MISSING: Final = b'],"missing":['
_UNREADABLE: Final = b'],"unreadable":['
_END: Final = b"]}"
_MODE: Final = re.compile(r"0[0-7]{3}", re.ASCII)


@dataclass(frozen=True, repr=False, kw_only=True)
class Manifest:
    """The content of an archive.

    `time` is when the session was read (Unix seconds), `quiesced` whether its process was stopped then. `fingerprint`,
    `pairing` and both counters are from its creds.json (see `policy.archives.pairing`). `missing` and `unreadable` name
    session files that are not in it (see `volume.copies.snapshot`). Files and names are in ascending order.
    """

    cluster: str
    namespace: str
    tenant: str
    time: int
    quiesced: bool
    fingerprint: str
    pairing: str
    next_pre_key_id: int
    first_unuploaded_pre_key_id: int
    files: Sequence[ArchivedFile]
    missing: Sequence[str] = ()
    unreadable: Sequence[str] = ()

    @cached_property
    def digest(self) -> str:
        """A SHA-256, in hex digits, of the files, and of whether the process was stopped; not of the time.

        Encryption is random, so only this shows whether anything has changed since another archive.
        """
        state = sha256(b"quiesced\n" if self.quiesced else b"running\n")
        for each in self.files:
            line = f"{each.name} {each.size} {each.mtime_ns} {each.mode:o} {each.sha256}\n"
            state.update(line.encode("ascii"))
        return state.hexdigest()

    def encode(self) -> bytes:
        """Return the bytes of the manifest."""
        return b"\n".join(self._lines()) + b"\n"

    def _lines(self) -> Iterator[bytes]:
        yield _head_line(self)
        yield from _items(_file_line(each) for each in self.files)
        yield _MISSING
        yield from _items(as_json(name).encode() for name in self.missing)
        yield _UNREADABLE
        yield from _items(as_json(name).encode() for name in self.unreadable)
        yield _END

    def __repr__(self) -> str:
        return f"Manifest(time={self.time}, files={len(self.files)}, digest={self.digest[:8]})"


def manifest_of(snapshot: Snapshot, *, cluster: str, namespace: str, tenant: str) -> Manifest:
    """Return the manifest of a snapshot; raise BackupProblem if a name is not allowed in it."""
    require_names(cluster, namespace, tenant)
    session, credentials = snapshot.session, snapshot.session.credentials
    return Manifest(
        cluster=cluster,
        namespace=namespace,
        tenant=tenant,
        time=session.time,
        quiesced=session.quiesced,
        fingerprint=credentials.fingerprint,
        pairing=credentials.pairing,
        next_pre_key_id=credentials.next_pre_key_id,
        first_unuploaded_pre_key_id=credentials.first_unuploaded_pre_key_id,
        files=tuple(session.files),
        missing=tuple(snapshot.missing),
        unreadable=tuple(snapshot.unreadable),
    )


class ManifestDecoder:
    """Reads a manifest in pieces, and keeps only its files.

    Files, with `FILE_OVERHEAD_BYTES` for each and for each further name, must stay within `limit_bytes`. Raises
    BackupProblem: ArchiveVersion, ManifestInvalid, ArchiveTooLarge.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._room = limit_bytes
        self._rest = b""
        self._read: Callable[[bytes], None] = self._read_head
        self._head: dict[str, object] = {}
        self._files: list[ArchivedFile] = []
        self._missing: list[str] = []
        self._unreadable: list[str] = []
        self._last = ""
        self._comma: bool | None = None  # after the previous item; None before the first

    def feed(self, piece: bytes) -> None:
        """Process the next bytes."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if len(line) > _LINE_MOST_BYTES:
                raise invalid("a line is too long")
            self._read(line)
        if len(self._rest) > _LINE_MOST_BYTES:
            raise invalid("a line is too long")

    def finish(self) -> Manifest:
        """Return the manifest; raise unless it is complete."""
        if self._rest or self._read != self._read_nothing:
            raise invalid("its end")
        manifest = Manifest(
            **self._head,  # type: ignore[arg-type]  # each was checked when it was read
            files=tuple(self._files),
            missing=tuple(self._missing),
            unreadable=tuple(self._unreadable),
        )
        if CREDS_NAME not in (each.name for each in self._files):
            raise invalid("creds.json is not in it")
        return manifest

    def _read_head(self, line: bytes) -> None:
        require_version(line, FILES_VERSION)
        self._head = _read_head_line(line)
        self._read = self._read_file

    def _read_file(self, line: bytes) -> None:
        item = self._item(line, _MISSING, self._read_missing)
        if item is None:
            return
        file = _file_of(item)
        if file is None:
            raise invalid("a file's entry")
        self._take(file.name, file.size)
        self._files.append(file)

    def _read_missing(self, line: bytes) -> None:
        self._read_name(line, _UNREADABLE, self._read_unreadable, self._missing)

    def _read_unreadable(self, line: bytes) -> None:
        self._read_name(line, _END, self._read_nothing, self._unreadable)

    def _read_nothing(self, _: bytes) -> None:
        raise invalid("its end")

    def _read_name(
        self, line: bytes, end: bytes, then: Callable[[bytes], None], into: list[str]
    ) -> None:
        item = self._item(line, end, then)
        if item is None:
            return
        name = parsed(item)
        if not isinstance(name, str) or not _is_name(name) or as_json(name).encode() != item:
            raise invalid("a file's name")
        self._take(name, 0)
        into.append(name)

    def _item(self, line: bytes, end: bytes, then: Callable[[bytes], None]) -> bytes | None:
        """Return the item of a line; at the end of the list return None, and continue with `then`."""
        if line == end and not self._comma:
            self._read, self._comma, self._last = then, None, ""
            return None
        if self._comma is False:
            raise invalid("a list's end")
        self._comma = line.endswith(b",")
        return line.removesuffix(b",")

    def _take(self, name: str, size: int) -> None:
        if name <= self._last:  # also ensures that no name occurs twice
            raise invalid("the order of its files")
        self._last = name
        self._room -= size + FILE_OVERHEAD_BYTES
        if self._room < 0:
            raise BackupProblem(ARCHIVE_TOO_LARGE, mebibytes=self._limit >> 20)


def _head_line(manifest: Manifest) -> bytes:
    return head_text(FILES_VERSION, manifest).encode() + _FILES


def _read_head_line(line: bytes) -> dict[str, object]:
    """Return the facts of the first line, by the field names of `Manifest`."""
    head = checked_head(parsed(line.removesuffix(_FILES) + b"}"))
    if _head_line(Manifest(**head, files=())) != line:  # type: ignore[arg-type]
        raise invalid("its beginning")
    return head


def _file_line(file: ArchivedFile) -> bytes:
    return as_json(
        {
            "name": file.name,
            "kind": file.kind,
            "size": file.size,
            "mtimeNs": file.mtime_ns,
            "mode": f"{file.mode:04o}",
            "sha256": file.sha256,
        }
    ).encode()


def _file_of(item: bytes) -> ArchivedFile | None:
    """Return the file of an entry; None unless writing the file gives the same entry."""
    found = parsed(item)
    if not isinstance(found, dict):
        return None
    name, size, mtime_ns = found.get("name"), found.get("size"), found.get("mtimeNs")
    mode, digest = found.get("mode"), found.get("sha256")
    if not (
        isinstance(name, str)
        and _is_name(name)
        and is_number(size, 0, NUMBER_MOST)
        and is_number(mtime_ns, -NUMBER_MOST, NUMBER_MOST)
        and isinstance(mode, str)
        and _MODE.fullmatch(mode)
        and is_sha256(digest)
    ):
        return None
    file = ArchivedFile(name, size, mtime_ns, int(mode, 8), digest)  # type: ignore[arg-type]
    return file if _file_line(file) == item else None


def _items(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Return lines with a comma after each but the last."""
    before = None
    for line in lines:
        if before is not None:
            yield before + b","
        before = line
    if before is not None:
        yield before


def _is_name(name: str) -> bool:
    """Return whether a name is that of a session file: of a known kind, and without a directory."""
    return len(name) <= _NAME_MOST_BYTES and "/" not in name and classify(name)[0] != OTHER

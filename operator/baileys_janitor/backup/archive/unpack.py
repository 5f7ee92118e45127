"""Unpacking an archive from an untrusted source.

Anybody who knows a public recipient can encrypt arbitrary content, so every layer has a bound, and the tar is not
parsed at all: the manifest comes first, and then every byte that is not a file's content is known beforehand.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from baileys_janitor.backup.archive.archive import MANIFEST_MODE
from baileys_janitor.backup.archive.forms import AGE_HEADER, GZIP_HEADER
from baileys_janitor.backup.archive.manifest import MANIFEST_NAME, Manifest, ManifestDecoder
from baileys_janitor.backup.archive.rows_manifest import RowsManifest, RowsManifestDecoder
from baileys_janitor.backup.archive.tar_headers import (
    BLOCK_BYTES,
    END,
    header,
    padding,
    size_and_time,
)
from baileys_janitor.backup.errors import (
    ARCHIVE_DAMAGED,
    ARCHIVE_NOT_ENCRYPTED,
    ARCHIVE_TOO_LARGE,
    ARCHIVE_TRUNCATED,
    CREDENTIALS_INVALID,
    IDENTITY_MISSING,
    NOT_AN_ARCHIVE,
    BackupProblem,
)
from baileys_janitor.policy.archives.archived import LIMIT_BYTES, ArchivedSession
from baileys_janitor.policy.archives.pairing import Credentials, read_credentials
from baileys_janitor.policy.files.file_kinds import CREDS_NAME
from baileys_janitor.policy.files.identity import read_identity, with_lid_of

if TYPE_CHECKING:
    from baileys_janitor.backup.archive.encryption import Identities

_NS: Final = 10**9
_STEP_BYTES: Final = 64 * 1024
# The most that encryption and compression add to content that cannot be compressed.
_MORE_BYTES: Final = 1024 * 1024

#: Yields the most bytes it can take, and is sent at least one.
_Steps = Generator[int, bytes, None]


AnyManifest = TypeVar("AnyManifest", Manifest, RowsManifest)
Decoded = TypeVar("Decoded", Manifest, RowsManifest, covariant=True)


class _Decoder(Protocol[Decoded]):
    def feed(self, piece: bytes) -> None: ...
    def finish(self) -> Decoded: ...


@dataclass(frozen=True, slots=True, repr=False)
class UnpackedArchive:
    """A whole archive: its manifest, the session as a restore plan needs it, and the bytes of each file by name."""

    manifest: Manifest
    session: ArchivedSession
    content: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"UnpackedArchive(files={len(self.content)})"


@dataclass(frozen=True, slots=True, repr=False)
class UnpackedRows:
    """A whole archive of rows: its manifest, the session, and the bytes of each member by name.

    Of the session's files only creds.json is known until its rows are in a table.
    """

    manifest: RowsManifest
    session: ArchivedSession
    content: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"UnpackedRows({self.manifest!r})"


def unpack(
    chunks: Iterable[bytes], identities: Identities | None, limit_bytes: int = LIMIT_BYTES
) -> UnpackedArchive:
    """Return the content of an archive, if it is whole, unchanged and in this program's own form.

    `chunks` are its bytes in pieces of any size, which are all read; their exceptions pass through. `identities` must
    be None for an archive that is not encrypted, and only then. Memory: at most `limit_bytes` and 30 MB, whatever the
    archive is.

    Raises BackupProblem: NotAnArchive, IdentityMissing, ArchiveNotEncrypted, WrongIdentity, ArchiveTruncated,
    ArchiveDamaged, ArchiveTooLarge, ArchiveVersion, ManifestInvalid, CredentialsInvalid.
    """
    manifest, content = _opened(chunks, identities, limit_bytes, ManifestDecoder(limit_bytes))
    return _unpacked(manifest, content)


def unpack_rows(
    chunks: Iterable[bytes], identities: Identities | None, limit_bytes: int = LIMIT_BYTES
) -> UnpackedRows:
    """Return the content of an archive of rows, as `unpack` does for files. Raises BackupProblem as well."""
    decoder = RowsManifestDecoder(limit_bytes)
    manifest, content = _opened(chunks, identities, limit_bytes, decoder)
    data = content[CREDS_NAME]
    session = ArchivedSession(
        time=manifest.time,
        quiesced=manifest.quiesced,
        files=manifest.files[:1],
        identity=read_identity(data),
        credentials=_credentials_of(manifest, data),
    )
    return UnpackedRows(manifest, session, content)


def _opened(
    chunks: Iterable[bytes],
    identities: Identities | None,
    limit_bytes: int,
    decoder: _Decoder[AnyManifest],
) -> tuple[AnyManifest, Mapping[str, bytes]]:
    source = _Source(iter(chunks), limit_bytes)
    members = _Members(decoder)
    target = _Gunzip(members.write)
    _check_kind(source.peek(len(AGE_HEADER)), identities)
    if identities is not None:
        identities.decrypt(source, target)
        if source.read(1):  # so that a caller that hashes the chunks has seen them all
            raise BackupProblem(ARCHIVE_DAMAGED)
    else:
        while piece := source.read(_STEP_BYTES):
            target.write(piece)
    target.finish()
    return members.finish(), members.content


def _check_kind(beginning: bytes, identities: Identities | None) -> None:
    if not beginning:
        raise BackupProblem(ARCHIVE_TRUNCATED)
    encrypted = AGE_HEADER.startswith(beginning)
    if not encrypted and not beginning.startswith(GZIP_HEADER[:3]):
        raise BackupProblem(NOT_AN_ARCHIVE)
    if encrypted and identities is None:
        raise BackupProblem(IDENTITY_MISSING)
    if not encrypted and identities is not None:
        raise BackupProblem(ARCHIVE_NOT_ENCRYPTED)


def _unpacked(manifest: Manifest, content: Mapping[str, bytes]) -> UnpackedArchive:
    data = content[CREDS_NAME]
    session = ArchivedSession(
        time=manifest.time,
        quiesced=manifest.quiesced,
        files=manifest.files,
        identity=with_lid_of(read_identity(data), content.get),
        credentials=_credentials_of(manifest, data),
    )
    return UnpackedArchive(manifest, session, content)


def _credentials_of(manifest: Manifest | RowsManifest, data: bytes) -> Credentials:
    """Return the credentials in creds.json, which must agree with the manifest."""
    credentials = read_credentials(data)
    if credentials is None or (
        manifest.fingerprint,
        manifest.pairing,
        manifest.next_pre_key_id,
        manifest.first_unuploaded_pre_key_id,
    ) != (
        credentials.fingerprint,
        credentials.pairing,
        credentials.next_pre_key_id,
        credentials.first_unuploaded_pre_key_id,
    ):
        raise BackupProblem(CREDENTIALS_INVALID)
    return credentials


class _Source:
    """A reader of chunks, up to a limit in bytes."""

    def __init__(self, chunks: Iterator[bytes], limit_bytes: int) -> None:
        self._chunks = chunks
        self._limit = limit_bytes
        self._room = limit_bytes + _MORE_BYTES
        self._rest = memoryview(b"")

    def peek(self, size: int) -> bytes:
        """Return the first bytes without consuming them."""
        found = b""
        while len(found) < size and (piece := self.read(_STEP_BYTES)):
            found += piece
        self._rest = memoryview(found + bytes(self._rest))
        self._room += len(found)
        return found[:size]

    def read(self, size: int = -1, /) -> bytes:
        """Return some of the bytes; none at the end. Raises BackupProblem: ArchiveTooLarge."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = memoryview(chunk)
        end = len(self._rest) if size < 0 else size
        found, self._rest = bytes(self._rest[:end]), self._rest[end:]
        self._room -= len(found)
        if self._room < 0:
            raise BackupProblem(ARCHIVE_TOO_LARGE, mebibytes=self._limit >> 20)
        return found


class _Gunzip:
    """Decompresses one gzip member in the form that `archive` writes, in small steps."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._beginning = b""
        self._inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    def write(self, data: bytes, /) -> int:
        """Process compressed bytes. Raises BackupProblem."""
        if len(self._beginning) < len(GZIP_HEADER):
            self._beginning += data[: len(GZIP_HEADER) - len(self._beginning)]
            if not GZIP_HEADER.startswith(self._beginning):
                raise BackupProblem(ARCHIVE_DAMAGED)
        rest = data
        while rest:
            self._write(self._step(rest))
            rest = self._inflate.unconsumed_tail
        if self._inflate.unused_data:  # a second member, or other bytes
            raise BackupProblem(ARCHIVE_DAMAGED)
        return len(data)

    def flush(self) -> None:
        """Do nothing: `finish` checks that everything was written."""

    def finish(self) -> None:
        """Decompress the rest, to the end of the member. Raises BackupProblem."""
        while not self._inflate.eof and (piece := self._step(b"")):
            self._write(piece)
        if not self._inflate.eof:
            raise BackupProblem(ARCHIVE_TRUNCATED)

    def _step(self, data: bytes) -> bytes:
        try:
            return self._inflate.decompress(data, _STEP_BYTES)
        except zlib.error:
            pass
        raise BackupProblem(ARCHIVE_DAMAGED)


class _Members(Generic[AnyManifest]):
    """The manifest, and then exactly the files that it lists."""

    def __init__(self, decoder: _Decoder[AnyManifest]) -> None:
        self.content: dict[str, bytes] = {}
        self._decoder: _Decoder[AnyManifest] = decoder
        self._manifest: AnyManifest | None = None
        self._steps = self._read()
        self._wanted = next(self._steps)

    def write(self, data: bytes) -> None:
        """Process bytes of the tar. Raises BackupProblem."""
        rest = memoryview(data)
        while rest:
            if not self._wanted:
                raise BackupProblem(ARCHIVE_DAMAGED)
            piece, rest = bytes(rest[: self._wanted]), rest[self._wanted :]
            self._wanted = self._send(piece)

    def finish(self) -> AnyManifest:
        """Return the manifest, once everything was read. Raises BackupProblem."""
        if self._wanted or self._manifest is None:
            raise BackupProblem(ARCHIVE_TRUNCATED)
        return self._manifest

    def _send(self, piece: bytes) -> int:
        try:
            return self._steps.send(piece)
        except StopIteration:
            return 0

    def _read(self) -> _Steps:
        manifest = self._manifest = yield from _read_manifest(self._decoder)
        for each in manifest.files:
            yield from _expect(
                header(each.name, size=each.size, time=each.mtime_ns // _NS, mode=each.mode)
            )
            content = BytesIO()
            state = sha256()
            left = each.size
            while left:
                piece = yield left
                state.update(piece)
                left -= content.write(piece)
            if state.hexdigest() != each.sha256:
                raise BackupProblem(ARCHIVE_DAMAGED)
            self.content[each.name] = content.getvalue()
            yield from _expect(padding(each.size))
        yield from _expect(END)


def _read_manifest(decoder: _Decoder[AnyManifest]) -> Generator[int, bytes, AnyManifest]:
    block = b""
    while len(block) < BLOCK_BYTES:
        block += yield BLOCK_BYTES - len(block)
    size, time = size_and_time(block) or (0, 0)
    if not size or header(MANIFEST_NAME, size=size, time=time, mode=MANIFEST_MODE) != block:
        raise BackupProblem(NOT_AN_ARCHIVE)
    left = size
    while left:
        piece = yield left
        decoder.feed(piece)
        left -= len(piece)
    yield from _expect(padding(size))
    manifest = decoder.finish()
    if manifest.time != time:
        raise BackupProblem(ARCHIVE_DAMAGED)
    return manifest


def _expect(known: bytes) -> _Steps:
    """Accept exactly these bytes."""
    place = 0
    while place < len(known):
        piece = yield len(known) - place
        if known[place : place + len(piece)] != piece:
            raise BackupProblem(ARCHIVE_DAMAGED)
        place += len(piece)

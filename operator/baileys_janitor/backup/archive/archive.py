"""Packing a snapshot into an archive: a compressed tar, encrypted in one pass.

`age -d archive | tar xz` alone restores one. The tar is always the same for the same snapshot; the encryption is
random.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Final

from baileys_janitor.backup.archive.forms import GZIP_HEADER
from baileys_janitor.backup.archive.manifest import MANIFEST_NAME, Manifest, manifest_of
from baileys_janitor.backup.archive.rows_manifest import (
    RowsManifest,
    RowsSnapshot,
    rows_manifest_of,
)
from baileys_janitor.backup.archive.tar_headers import END, header, padding
from baileys_janitor.backup.names import ArchiveName, name_of
from baileys_janitor.volume.copies.snapshot import Snapshot

if TYPE_CHECKING:
    from baileys_janitor.backup.archive.encryption import Recipients

MANIFEST_MODE: Final = 0o600

_NS: Final = 10**9
_LEVEL: Final = 6
_32_BITS: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, repr=False)
class PackedArchive:
    """An archive ready to be put into a repository, the SHA-256 of its bytes in hex digits, and its content."""

    name: ArchiveName
    data: bytes
    sha256: str
    manifest: Manifest | RowsManifest

    def __repr__(self) -> str:
        return f"PackedArchive({self.name}, bytes={len(self.data)})"


def pack(
    snapshot: Snapshot, *, namespace: str, tenant: str, recipients: Recipients, cluster: str = ""
) -> PackedArchive:
    """Pack a snapshot for those recipients; without any, it is not encrypted.

    Memory: the archive itself, its manifest and some 100 kB. Raises BackupProblem: NameInvalid.
    """
    manifest = manifest_of(snapshot, cluster=cluster, namespace=namespace, tenant=tenant)
    return _packed(manifest, snapshot.content, recipients)


def pack_rows(
    snapshot: RowsSnapshot,
    *,
    namespace: str,
    tenant: str,
    recipients: Recipients,
    cluster: str = "",
) -> PackedArchive:
    """Pack the rows of a session as `pack` does for files. Raises BackupProblem: NameInvalid."""
    manifest = rows_manifest_of(snapshot, cluster=cluster, namespace=namespace, tenant=tenant)
    return _packed(manifest, snapshot.content, recipients)


def plain(manifest: Manifest, content: Mapping[str, bytes]) -> Iterator[bytes]:
    """Return the bytes of an unencrypted archive, in pieces; `content` holds the files of the manifest."""
    return _compressed(_tar(manifest, content))


def _packed(
    manifest: Manifest | RowsManifest, content: Mapping[str, bytes], recipients: Recipients
) -> PackedArchive:
    compressed = _compressed(_tar(manifest, content))
    target = BytesIO()
    if recipients:
        recipients.encrypt(_Pieces(compressed), target)
    else:
        target.writelines(compressed)
    data = target.getvalue()
    name = name_of(manifest.time, manifest.digest, encrypted=bool(recipients))
    return PackedArchive(name, data, sha256(data).hexdigest(), manifest)


def _tar(manifest: Manifest | RowsManifest, content: Mapping[str, bytes]) -> Iterator[bytes]:
    encoded = manifest.encode()
    yield header(MANIFEST_NAME, size=len(encoded), time=manifest.time, mode=MANIFEST_MODE)
    yield encoded
    yield padding(len(encoded))
    del encoded
    for each in manifest.files:
        yield header(each.name, size=each.size, time=each.mtime_ns // _NS, mode=each.mode)
        yield content[each.name]
        yield padding(each.size)
    yield END


def _compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Return pieces compressed by gzip."""
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    checksum = size = 0
    yield GZIP_HEADER
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
        size += len(piece)
        if found := deflate.compress(piece):
            yield found
    yield deflate.flush()
    yield checksum.to_bytes(4, "little") + (size & _32_BITS).to_bytes(4, "little")


class _Pieces:
    """A reader of pieces that are made as it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def read(self, size: int = -1, /) -> bytes:
        """Return some of the bytes; none at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = memoryview(piece)
        end = len(self._rest) if size < 0 else size
        found, self._rest = self._rest[:end], self._rest[end:]
        return bytes(found)

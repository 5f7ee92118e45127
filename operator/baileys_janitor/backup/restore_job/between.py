"""The directory in memory that passes an archive from the fetching container to the writing one.

Its content was made by a process that talked to a store, so it is not trusted: it must be an archive of
this program's own form, opened within the same bounds, and the caller checks its owner.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from baileys_janitor.backup.archive.archive import plain
from baileys_janitor.backup.archive.unpack import UnpackedArchive, unpack
from baileys_janitor.backup.names import ArchiveName, name_of, parse_name
from baileys_janitor.policy.files.strict_json import JsonError, parse
from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.files.safe_open import open_session, read_small

if TYPE_CHECKING:
    from baileys_janitor.backup.fetch import Fetched

_ARCHIVE: Final = "archive.tar.gz"
_NOTE: Final = "fetched.json"
_NOTE_BYTES_MAX: Final = 512
_PIECE_BYTES: Final = 65_536
_MS_MAX: Final = 86_400_000
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Broken(Exception):  # noqa: N818  # nobody's fault here
    """The content cannot come from the fetching container."""


@dataclass(frozen=True, slots=True, repr=False)
class HandedOver:
    """An archive that was opened, its name in the repository, and the duration of getting it."""

    name: ArchiveName
    ms: int
    unpacked: UnpackedArchive

    def __repr__(self) -> str:
        return f"HandedOver({self.name})"


def hand_over(directory: str, fetched: Fetched, ms: int) -> None:
    """Write an archive for the other container, its note last. Raises OSError."""
    unpacked = fetched.unpacked
    _write(directory, _ARCHIVE, plain(unpacked.manifest, unpacked.content))
    note = json.dumps({"name": str(fetched.name), "ms": min(ms, _MS_MAX)})
    _write(directory, _NOTE, iter([note.encode()]))


def take(directory: str) -> HandedOver:
    """Return the archive that was handed over. Raises Broken, and BackupProblem if it is not a usable archive."""
    try:
        opened = open_session(directory)
    except VolumeProblem as problem:
        raise Broken from problem
    try:
        named, ms = _read_note(opened)
        unpacked = unpack(_pieces(opened), None)
    except OSError as error:
        raise Broken from error
    finally:
        os.close(opened)
    manifest = unpacked.manifest
    if named != name_of(manifest.time, manifest.digest, encrypted=named.encrypted):
        raise Broken
    return HandedOver(named, ms, unpacked)


def _write(directory: str, name: str, pieces: Iterator[bytes]) -> None:
    file = os.open(os.path.join(directory, name), _WRITE, 0o600)  # noqa: PTH118 - cheap to load
    with os.fdopen(file, "wb") as target:
        target.writelines(pieces)


def _read_note(directory: int) -> tuple[ArchiveName, int]:
    data = read_small(directory, _NOTE, _NOTE_BYTES_MAX)
    try:
        note = parse((data or b"").decode("ascii"))
    except (JsonError, UnicodeDecodeError) as problem:
        raise Broken from problem
    if not isinstance(note, dict):
        raise Broken
    text, ms = note.get("name"), note.get("ms")
    name = parse_name(text) if isinstance(text, str) else None
    if name is None or type(ms) is not int or not 0 <= ms <= _MS_MAX:
        raise Broken
    return name, ms


def _pieces(directory: int) -> Iterator[bytes]:
    file = os.open(_ARCHIVE, _READ, dir_fd=directory)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise Broken
        while piece := os.read(file, _PIECE_BYTES):
            yield piece
    finally:
        os.close(file)

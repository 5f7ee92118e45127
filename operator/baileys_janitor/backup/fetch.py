"""Getting an archive: selected, bounded, compared with its record, decrypted, and its owner checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from baileys_janitor.backup.archive.unpack import UnpackedArchive, UnpackedRows, unpack, unpack_rows
from baileys_janitor.backup.errors import (
    ANOTHER_TENANT,
    ARCHIVE_DAMAGED,
    ARCHIVE_MISSING,
    FINGERPRINT_DIFFERS,
    OF_ONE_ARCHIVE,
    OTHERS_ALONE,
    WRONG_IDENTITY,
    BackupProblem,
)
from baileys_janitor.backup.known import Known, KnownArchive
from baileys_janitor.backup.latest import (
    TRIED_MOST,
    Fingerprint,
    candidates,
    fingerprint_of,
    require_owner,
)
from baileys_janitor.backup.names import ArchiveName, ArchivePath, name_of

if TYPE_CHECKING:
    from baileys_janitor.backup.archive.encryption import Identities
    from baileys_janitor.backup.stores.repository import Repository

Unpacked = TypeVar("Unpacked", UnpackedArchive, UnpackedRows)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The archive to get: `name` is None for the latest one except `without`, `chosen` is the required owner.

    `known` is the record in the session's directory. With `anybody`, for a rehearsal that shows the owner, an
    archive need not be recorded if no owner was given.
    """

    namespace: str
    tenant: str
    known: Known
    name: ArchiveName | None = None
    chosen: Fingerprint | None = None
    anybody: bool = False
    without: ArchiveName | None = None


@dataclass(frozen=True, slots=True, repr=False)
class AnyFetched(Generic[Unpacked]):
    """An archive that was decrypted and has the required owner; `vouched`: its bytes are the recorded ones."""

    name: ArchiveName
    size: int
    vouched: bool
    unpacked: Unpacked

    def __repr__(self) -> str:
        return f"Fetched({self.name}, size={self.size}, vouched={self.vouched})"


Fetched: TypeAlias = AnyFetched[UnpackedArchive]
FetchedRows: TypeAlias = AnyFetched[UnpackedRows]


def fetch(
    repository: Repository, wanted: Wanted, identities: Identities | None, now: float
) -> Fetched:
    """Return the wanted archive of files; `identities` decrypt it. Raises BackupProblem.

    Of several candidates, the first with the owner that a person chose is taken. One that cannot be decrypted
    or has another owner is skipped, so that a forged one hides no genuine one; if none is left, the first problem
    is raised. A failing store is asked only once.
    """
    return _fetch(repository, wanted, now, lambda chunks: unpack(chunks, identities))


def fetch_rows(
    repository: Repository, wanted: Wanted, identities: Identities | None, now: float
) -> FetchedRows:
    """Return the wanted archive of rows, as `fetch` does for files. Raises BackupProblem."""
    return _fetch(repository, wanted, now, lambda chunks: unpack_rows(chunks, identities))


def _fetch(
    repository: Repository,
    wanted: Wanted,
    now: float,
    opened: Callable[[Iterator[bytes]], Unpacked],
) -> AnyFetched[Unpacked]:
    listing = repository.list(wanted.namespace, wanted.tenant, doubt_empty=True)
    problem: BackupProblem | None = None
    codes = set()
    names = _names([each.path.name for each in listing.archives], wanted, now)
    for name in names:
        try:
            return _fetch_one(repository, wanted, name, opened)
        except BackupProblem as failed:
            if failed.code not in OF_ONE_ARCHIVE:
                raise
            codes.add(failed.code)
            if problem is None or problem.code == FINGERPRINT_DIFFERS:
                problem = failed
    if len(names) == TRIED_MOST and codes != {WRONG_IDENTITY}:
        raise BackupProblem(OTHERS_ALONE, tried=TRIED_MOST)
    assert problem is not None
    raise problem


def _names(names: list[ArchiveName], wanted: Wanted, now: float) -> list[ArchiveName]:
    if wanted.name is None:
        names = [each for each in names if each != wanted.without]
        return candidates(names, wanted.known, wanted.chosen, now)
    if wanted.name not in names:
        raise BackupProblem(ARCHIVE_MISSING)
    return [wanted.name]


def _fetch_one(
    repository: Repository,
    wanted: Wanted,
    name: ArchiveName,
    opened: Callable[[Iterator[bytes]], Unpacked],
) -> AnyFetched[Unpacked]:
    path = ArchivePath(wanted.namespace, wanted.tenant, name)
    known = wanted.known.of_name(name)
    if known is not None and wanted.chosen is not None:
        _require_known_owner(known, wanted.chosen)
    measured = _Measured(repository.get(path))
    unpacked = opened(measured)
    # A small memory holds only the first digits, at least half of them.
    if known is not None and not measured.sha256.startswith(known.sha256):
        # age accepts it, so it was made anew
        raise BackupProblem(ARCHIVE_DAMAGED)
    _require_place(unpacked, path)
    if wanted.chosen is not None or not wanted.anybody:
        require_owner(unpacked.session, known, wanted.chosen)
    return AnyFetched(name, measured.size, known is not None, unpacked)


def _require_known_owner(known: KnownArchive, chosen: Fingerprint) -> None:
    """Refuse an archive by its recorded owner, before it is fetched."""
    found = fingerprint_of(known)
    if not chosen.fits(found):
        raise BackupProblem(FINGERPRINT_DIFFERS, found=str(found))


def _require_place(unpacked: UnpackedArchive | UnpackedRows, path: ArchivePath) -> None:
    """Refuse an archive stored under another tenant, time or digest than its own."""
    manifest = unpacked.manifest
    name = name_of(manifest.time, manifest.digest, encrypted=path.name.encrypted)
    if ArchivePath(manifest.namespace, manifest.tenant, name) != path:
        raise BackupProblem(ANOTHER_TENANT)


class _Measured:
    """Chunks that are counted and hashed as they are read. `unpack` has read all of them when it returns."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._hash = sha256()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self._hash.update(chunk)
        self.size += len(chunk)
        return chunk

    @property
    def sha256(self) -> str:
        """The hash of the whole object, in hexadecimal digits."""
        return self._hash.hexdigest()

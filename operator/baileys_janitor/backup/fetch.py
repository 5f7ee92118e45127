"""Getting an archive: found, bounded, compared with what is known of it, opened, and its owner checked."""

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
    """Which archive is wanted: `name` is None for the latest one but `without`, `chosen` says whose it must be.

    `known` is what the session's directory vouches for. With `anybody`, for a rehearsal that shows whose it is, an
    archive need not be vouched for where nobody was named.
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
    """An archive that was opened and belongs to whom it must; `vouched` says that its bytes are those that we put."""

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
    """Return the archive of files that is wanted; `identities` open it. Raises BackupProblem.

    Of several that may be the latest, the first is taken that is of the one whom a person chose. One that cannot be
    opened or is another's is passed over, so that a forged one hides no genuine one; if none is left, the first problem
    says why. A store that fails is asked once.
    """
    return _fetch(repository, wanted, now, lambda chunks: unpack(chunks, identities))


def fetch_rows(
    repository: Repository, wanted: Wanted, identities: Identities | None, now: float
) -> FetchedRows:
    """Return the archive of rows that is wanted, as `fetch` does one of files. Raises BackupProblem."""
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
    # A memory that must be small holds the first digits alone, half of them at least.
    if known is not None and not measured.sha256.startswith(known.sha256):
        # age accepts it: somebody made it anew
        raise BackupProblem(ARCHIVE_DAMAGED)
    _require_place(unpacked, path)
    if wanted.chosen is not None or not wanted.anybody:
        require_owner(unpacked.session, known, wanted.chosen)
    return AnyFetched(name, measured.size, known is not None, unpacked)


def _require_known_owner(known: KnownArchive, chosen: Fingerprint) -> None:
    """Refuse before anything is fetched."""
    found = fingerprint_of(known)
    if not chosen.fits(found):
        raise BackupProblem(FINGERPRINT_DIFFERS, found=str(found))


def _require_place(unpacked: UnpackedArchive | UnpackedRows, path: ArchivePath) -> None:
    """Refuse an archive that lies under another tenant's name, time or digest than its own."""
    manifest = unpacked.manifest
    name = name_of(manifest.time, manifest.digest, encrypted=path.name.encrypted)
    if ArchivePath(manifest.namespace, manifest.tenant, name) != path:
        raise BackupProblem(ANOTHER_TENANT)


class _Measured:
    """Pieces on their way, counted and hashed. All of them have passed when `unpack` has returned."""

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

"""A repository: archives are put, listed, read and removed by their names.

It may be open to others, so it is not trusted: objects without an archive's name are counted and left alone, and
reads are bounded. Archives never change; a name is used only once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256 as sha256_of
from typing import TYPE_CHECKING, Final

from baileys_janitor.backup.errors import (
    ARCHIVE_TOO_LARGE,
    NAME_INVALID,
    PUT_DAMAGED,
    READ_FORBIDDEN,
    BackupProblem,
)
from baileys_janitor.backup.names import ArchivePath, is_namespace, is_tenant, parse_path
from baileys_janitor.backup.stores.directory_store import DirectoryStore
from baileys_janitor.backup.stores.location import DIRECTORY, location_of
from baileys_janitor.backup.stores.store import CHECKSUM, MOST_OBJECTS, READ
from baileys_janitor.backup.stores.store_credentials import credentials_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from baileys_janitor.backup.stores.location import Location
    from baileys_janitor.backup.stores.object_store import Bounds
    from baileys_janitor.backup.stores.store import Store

_LIMIT_BYTES: Final = 96 << 20


@dataclass(frozen=True, slots=True)
class Listed:
    """An archive in a listing: size in bytes, and the store's tag of its content if it has one."""

    path: ArchivePath
    size: int
    tag: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """The archives below a prefix, oldest first of each tenant, and the number of objects that are no archives."""

    archives: Sequence[Listed]
    foreign: int


@dataclass(frozen=True, slots=True)
class PutReceipt:
    """The record of an archive that was put. Size and tag show in a later listing whether it was replaced.

    `proof` is how the store is known to hold it whole: Checksum, Read, or Accepted if only by its answer.
    """

    path: ArchivePath
    size: int
    sha256: str
    tag: str | None
    proof: str

    @property
    def is_verified(self) -> bool:
        """Whether the store is known to hold it whole."""
        return self.proof in (CHECKSUM, READ)


class Repository:
    """Archives in a store. Every method raises BackupProblem, and none takes longer than half a minute.

    A directory on a network file system that hangs is the exception: the kernel waits for it.
    """

    def __init__(self, store: Store, location: Location) -> None:
        self._store = store
        self.location = location

    def __repr__(self) -> str:
        return f"Repository({self.location.scheme})"

    def put(self, path: ArchivePath, data: bytes) -> PutReceipt:
        """Put an archive with one request, never over another one if the store supports that."""
        _check(path.namespace, path.tenant)
        digest = sha256_of(data).hexdigest()
        found = self._store.put(str(path), data, sha256=digest)
        return PutReceipt(path, len(data), digest, found.tag, found.proof)

    def verify(self, put: PutReceipt) -> PutReceipt:
        """Return the receipt with the best proof available: an archive not proved by a checksum is read back.

        With put-only credentials the receipt is unchanged. Raises PutDamaged if the bytes differ.
        """
        if put.is_verified:
            return put
        try:
            whole = self._matches(put)
        except BackupProblem as problem:
            if problem.code == READ_FORBIDDEN:
                return put
            raise
        if not whole:
            raise BackupProblem(PUT_DAMAGED)
        return replace(put, proof=READ)

    def _matches(self, put: PutReceipt) -> bool:
        """Return whether every byte of an archive is in the repository as it was put."""
        digest = sha256_of()
        try:
            for chunk in self._store.get(str(put.path), limit_bytes=put.size):
                digest.update(chunk)
        except BackupProblem as problem:
            if problem.code == ARCHIVE_TOO_LARGE:
                return False
            raise
        return digest.hexdigest() == put.sha256

    def list(
        self,
        namespace: str,
        tenant: str | None = None,
        *,
        most: int = MOST_OBJECTS,
        doubt_empty: bool = False,
    ) -> Listing:
        """Return the archives of a tenant, or of all tenants of a namespace: a request for each 1,000 objects.

        `doubt_empty`: one more request for an empty list, to distinguish a login page from an empty store.
        """
        _check(namespace, tenant)
        prefix = namespace if tenant is None else f"{namespace}/{tenant}"
        archives, foreign = [], 0
        for each in self._store.list_objects(prefix, most=most, doubt_empty=doubt_empty):
            path = parse_path(each.path)
            if path is None or path.namespace != namespace or tenant not in (None, path.tenant):
                foreign += 1
            else:
                archives.append(Listed(path, each.size, each.tag))
        return Listing(sorted(archives, key=lambda each: each.path), foreign)

    def get(self, path: ArchivePath, *, limit_bytes: int = _LIMIT_BYTES) -> Iterator[bytes]:
        """Yield the bytes of an archive; raise ArchiveMissing, or ArchiveTooLarge above the limit."""
        _check(path.namespace, path.tenant)
        return self._store.get(str(path), limit_bytes=limit_bytes)

    def delete(self, paths: Sequence[ArchivePath]) -> None:
        """Remove archives: a request for each 1,000. Those already removed by another janitor are no problem."""
        for path in paths:
            _check(path.namespace, path.tenant)
        if paths:
            self._store.delete([str(path) for path in paths])


def open_repository(
    url: str,
    *,
    endpoint: str | None = None,
    region: str | None = None,
    credentials: str | None = None,
    environ: Mapping[str, str],
    bounds: Bounds | None = None,
) -> Repository:
    """Return the repository at a URL, without a request.

    Args:
        url: as `location_of` takes it.
        endpoint: the store's address, None for its usual one.
        region: the bucket's region.
        credentials: the path of a file or directory, as `credentials_for` takes it; None for `environ`.
        environ: the environment. AWS_ENDPOINT_URL and AWS_REGION from the source of the credentials are used if
            `endpoint` and `region` are None.
        bounds: other bounds than the usual ones.

    Raises BackupProblem: UrlInvalid, EndpointInvalid, SecretMissing, SecretInvalid, SecretUnreadable.
    """
    location = location_of(url, endpoint=endpoint, region=region)
    if location.scheme == DIRECTORY:
        return Repository(DirectoryStore(location.directory), location)
    # Takes 15 MB and 30 ms, which a caller with directories only can save.
    from baileys_janitor.backup.stores.object_store import ObjectStore

    found = credentials_for(location.scheme, credentials, environ)
    location = location_of(url, endpoint=endpoint or found.endpoint, region=region or found.region)
    return Repository(ObjectStore(location, found, bounds), location)


def _check(namespace: str, tenant: str | None) -> None:
    if not is_namespace(namespace):
        raise BackupProblem(NAME_INVALID, field="namespace")
    if tenant is not None and not is_tenant(tenant):
        raise BackupProblem(NAME_INVALID, field="tenant")

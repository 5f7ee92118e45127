"""The interface of a store for a repository: put, list, get and delete objects below its prefix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_OBJECTS: Final = 20_000
"""The limit on objects in a listing; an hourly archive makes 8,760 a year."""

READ: Final = "Read"
CHECKSUM: Final = "Checksum"
ACCEPTED: Final = "Accepted"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a listing: name below the prefix, size in bytes, and the store's tag of its content."""

    path: str
    size: int
    tag: str | None


@dataclass(frozen=True, slots=True)
class PutResult:
    """The result of putting an object.

    `proof` is Checksum if the store has compared the content with a checksum, Read if it was read back, and
    Accepted if the store only answered so. `tag` is the store's tag of the content.
    """

    tag: str | None
    proof: str


class Store(Protocol):
    """An object store, or a directory. Every method raises BackupProblem, and none takes longer than half a minute."""

    def put(self, path: str, data: bytes, *, sha256: str) -> PutResult:
        """Put a new object, whole or not at all; raise ArchiveExists if the name is taken by another."""

    def list_objects(
        self, prefix: str, *, most: int = MOST_OBJECTS, doubt_empty: bool = False
    ) -> Sequence[StoredObject]:
        """Return the objects below `prefix`, sorted by name; raise ListingTooLong for more than `most`.

        `doubt_empty`: accept an empty list only from a proven store.
        """

    def get(self, path: str, *, limit_bytes: int) -> Iterator[bytes]:
        """Yield the content of an object; raise ArchiveTooLarge if it has more bytes than the limit."""

    def delete(self, paths: Sequence[str]) -> None:
        """Remove objects; one that does not exist is no problem."""

"""What a repository asks of a store: to put, list, get and delete objects below its prefix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_OBJECTS: Final = 20_000
"""How many objects a listing may have; an hourly archive makes 8,760 a year."""

READ: Final = "Read"
CHECKSUM: Final = "Checksum"
ACCEPTED: Final = "Accepted"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing shows it: name below the prefix, size in bytes, and the store's tag of its content."""

    path: str
    size: int
    tag: str | None


@dataclass(frozen=True, slots=True)
class PutResult:
    """How a store has taken an object.

    `proof` is Checksum where the store has compared the content with a checksum, Read where it was read back, and
    Accepted where nothing but its word says so. `tag` is what the store calls the content.
    """

    tag: str | None
    proof: str


class Store(Protocol):
    """An object store, or a directory. Every method raises BackupProblem, and none takes longer than half a minute."""

    def put(self, path: str, data: bytes, *, sha256: str) -> PutResult:
        """Put a new object, whole or not at all; ArchiveExists where another one bears the name."""

    def list_objects(
        self, prefix: str, *, most: int = MOST_OBJECTS, doubt_empty: bool = False
    ) -> Sequence[StoredObject]:
        """Return what lies below `prefix`, sorted by name; ListingTooLong where there is more.

        `doubt_empty`: an empty list is believed only of what is known to be a store.
        """

    def get(self, path: str, *, limit_bytes: int) -> Iterator[bytes]:
        """Yield the content of an object; ArchiveTooLarge where it has more bytes than that."""

    def delete(self, paths: Sequence[str]) -> None:
        """Remove objects; one that is gone already is no problem."""

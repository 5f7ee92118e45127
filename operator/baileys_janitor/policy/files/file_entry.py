"""One regular file of a session directory, as a listing returned it."""

from __future__ import annotations

from dataclasses import dataclass

from baileys_janitor.policy.files.file_kinds import classify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: A cleanup refuses a directory with more entries than this; it is only counted.
MAX_ENTRIES = 200_000


@dataclass(slots=True, repr=False)
class Entry:
    """Name, kind and id, size in bytes, modification and change time in ns, inode and device number.

    `ctime_ns` is 0 where it is not known; it is used only where `mtime_ns` is not trusted. `name` is the file name with
    undecodable bytes as surrogates. It and `ident` can hold phone numbers: neither is part of the printed form.
    """

    name: str
    kind: str
    ident: str
    size: int
    mtime_ns: int
    inode: int
    device: int
    ctime_ns: int = 0

    @classmethod
    def of(
        cls, name: str, size: int, mtime_ns: int, inode: int, device: int, ctime_ns: int = 0
    ) -> Entry:
        """Return an entry whose kind and id are read from its name."""
        kind, ident = classify(name)
        return cls(name, kind, ident, size, mtime_ns, inode, device, ctime_ns)

    def __repr__(self) -> str:
        return f"Entry({self.kind}, size={self.size}, mtime_ns={self.mtime_ns})"


class Entries(list[Entry]):
    """An immutable listing: sorted by kind once, however many rules ask for a kind."""

    __slots__ = ("_by_kind",)

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        super().__init__(entries)
        self._by_kind: dict[str, list[Entry]] | None = None

    @property
    def by_kind(self) -> dict[str, list[Entry]]:
        """The files of each kind that there is, in the order of the listing."""
        if self._by_kind is None:
            self._by_kind = _sorted_by_kind(self)
        return self._by_kind

    def of(self, kind: str) -> list[Entry]:
        """Return the files of a kind, in the order of the listing."""
        return self.by_kind.get(kind, [])


def listed(entries: Iterable[Entry]) -> Entries:
    """Return the same files as a listing by kind."""
    return entries if isinstance(entries, Entries) else Entries(entries)


def _sorted_by_kind(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    by_kind: dict[str, list[Entry]] = {}
    for entry in entries:
        kind = entry.kind
        if kind in by_kind:
            by_kind[kind].append(entry)
        else:
            by_kind[kind] = [entry]
    return by_kind

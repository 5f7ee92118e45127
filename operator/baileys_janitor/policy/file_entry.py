"""One regular file of a session directory, as a listing saw it."""

from __future__ import annotations

from dataclasses import dataclass

from baileys_janitor.policy.file_kinds import classify

#: Cleaning a directory with more entries than this is refused; it is only counted.
MAX_ENTRIES = 200_000


@dataclass(slots=True, repr=False)
class Entry:
    """Name, kind and id, size in bytes, modification and change time in ns, inode and device number.

    `ctime_ns` is 0 where it is not known; it serves only where `mtime_ns` says nothing.
    `name` is the file name with undecodable bytes as surrogates. It and `ident` can hold phone
    numbers: neither is part of the printed form.
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

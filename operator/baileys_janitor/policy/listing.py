"""One regular file of a session directory, as a listing saw it."""

from __future__ import annotations

from .kinds import classify
from .values import Value

#: Cleaning a directory with more entries than this is refused; it is only counted.
MAX_ENTRIES = 200_000


class Entry(Value):
    """Name, kind and id, size in bytes, modification time in ns, inode and device number.

    ``name`` is the file name with undecodable bytes as surrogates. It and ``ident`` can hold phone
    numbers: neither is part of the printed form.
    """

    __slots__ = ("device", "ident", "inode", "kind", "mtime_ns", "name", "size")

    def __init__(
        self,
        name: str,
        kind: str,
        ident: str,
        size: int,
        mtime_ns: int,
        inode: int,
        device: int,
    ) -> None:
        self.name = name
        self.kind = kind
        self.ident = ident
        self.size = size
        self.mtime_ns = mtime_ns
        self.inode = inode
        self.device = device

    @classmethod
    def of(cls, name: str, size: int, mtime_ns: int, inode: int, device: int) -> Entry:
        """An entry whose kind and id are read from its name."""
        kind, ident = classify(name)
        return cls(name, kind, ident, size, mtime_ns, inode, device)

    def __repr__(self) -> str:
        return f"Entry({self.kind}, size={self.size}, mtime_ns={self.mtime_ns})"

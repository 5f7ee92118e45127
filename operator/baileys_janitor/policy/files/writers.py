"""Files that a session's process cannot write, judged by owners and modes alone.

The user that the process runs as is unknown. It is assumed to be the owner of most of the session's files; root may
write all. Groups are not known either: a file that a group may write counts as writable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_OWNER_WRITES = 0o200
_OTHERS_WRITE = 0o022  # group or others
_OWNER_USES = 0o300  # of a directory: make, remove and open files


class Owned(NamedTuple):
    """The number of the library's files by owner and mode, and the directory's owner and mode."""

    files: Mapping[tuple[int, int], int]
    uid: int
    mode: int


@dataclass(frozen=True, slots=True)
class Unwritable:
    """The files that `writer`, the owner of `mine` files, cannot write.

    `foreign`: number of files of the other users `others`; `read_only`: number of its own files without write
    permission; `directory`: no file can be created there, because it belongs to `directory_owner` or, where that is
    None, because of its mode.
    """

    writer: int
    mine: int
    foreign: int
    others: tuple[int, ...]
    read_only: int
    directory: bool
    directory_owner: int | None

    def sentence(self) -> str:
        """Return the problem and the remedy."""
        seen = []
        if self.foreign:
            whose = " and ".join(map(str, self.others[:3])) + (
                ", ..." if len(self.others) > 3 else ""
            )
            users = "user" if len(self.others) == 1 else "users"
            seen.append(f"{_files(self.foreign, 'belongs', 'belong')} to {users} {whose}")
        if self.read_only:
            seen.append(f"{_files(self.read_only, 'is', 'are')} read-only")
        if self.directory_owner is not None:
            seen.append(f"the directory belongs to user {self.directory_owner}")
        elif self.directory:
            seen.append("the directory itself is closed to its owner")
        text = ", ".join(seen[:-1]) + (" and " if len(seen) > 1 else "") + seen[-1]
        rest = "the rest" if self.foreign or self.read_only else "the files"
        return (
            f"{text[0].upper()}{text[1:]}, and may not be written by user {self.writer}, who owns {rest}. If the"
            " process runs as that user, what it saves there is lost. Give all to the user that the process runs as;"
            " if that is root, better let it run as another."
        )


def unwritable(owned: Owned) -> Unwritable | None:
    """Return the files that the owner of most files cannot write; None without any, or where the owner is root."""
    by_user: dict[int, int] = {}
    for (uid, _), number in owned.files.items():
        by_user[uid] = by_user.get(uid, 0) + number
    if not by_user:
        return None
    writer = max(by_user, key=lambda uid: (by_user[uid], uid == owned.uid, -uid))
    if writer == 0:
        return None
    foreign = read_only = 0
    others: dict[int, int] = {}
    for (uid, mode), number in owned.files.items():
        if uid == writer:
            if not mode & _OWNER_WRITES:
                read_only += number
        elif not mode & _OTHERS_WRITE:
            foreign += number
            others[uid] = others.get(uid, 0) + number
    if owned.uid == writer:
        directory = owned.mode & _OWNER_USES != _OWNER_USES
        owner = None
    else:
        directory = not owned.mode & _OTHERS_WRITE
        owner = owned.uid if directory else None
    if not (foreign or read_only or directory):
        return None
    most_first = tuple(sorted(others, key=lambda uid: (-others[uid], uid)))
    return Unwritable(writer, by_user[writer], foreign, most_first, read_only, directory, owner)


def _files(number: int, one: str, many: str) -> str:
    return f"one file {one}" if number == 1 else f"{number} files {many}"

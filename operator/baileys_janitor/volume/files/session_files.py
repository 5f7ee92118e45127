"""Making session files: with the owner and the mode of their siblings, and synced to the disk."""

from __future__ import annotations

import os
import stat

from baileys_janitor.policy.files.file_kinds import CREDS_NAME, OTHER
from baileys_janitor.volume.errors import PERMISSION_DENIED, VolumeProblem
from baileys_janitor.volume.files.state_files import (
    Owners,
    create_state,
    lookup,
    remove,
    write_all,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.volume.files.read import Listing

_LEAST_MODE = 0o600
_NO_EXECUTION = 0o666
# A directory may be writable for everybody (an emptyDir); the files made in it are not.
_NOT_BY_OTHERS = 0o664
_SIBLINGS_LOOKED_AT = 8
_LOOKED_FOR_AMONG = 256


class Style:
    """Owner and mode of a new file. `uid` None: the process's own."""

    __slots__ = ("gid", "mode", "uid")

    def __init__(self, mode: int = _LEAST_MODE, uid: int | None = None, gid: int = -1) -> None:
        self.mode = mode
        self.uid = uid
        self.gid = gid


def style_like(found: os.stat_result) -> Style:
    """Return the style of a file. Raises VolumeProblem if its owner's process could not write to one of ours."""
    if os.geteuid() not in (0, found.st_uid):
        raise VolumeProblem(PERMISSION_DENIED)
    mode = _LEAST_MODE | stat.S_IMODE(found.st_mode) & _NO_EXECUTION
    return Style(mode, found.st_uid, found.st_gid)


def style_among(session: int, listing: Listing) -> Style:
    """Return the style of most session files; without any, that of the directory.

    Raises OSError and VolumeProblem.
    """
    entries = listing.entries or []
    found = _most_usual(session, entries, listing.owners) or sibling(session, entries)
    if found is not None:
        return style_like(found)
    directory = os.fstat(session)
    mode = _LEAST_MODE | stat.S_IMODE(directory.st_mode) & _NOT_BY_OTHERS
    return Style(mode, directory.st_uid if os.geteuid() == 0 else None, directory.st_gid)


def sibling(session: int, entries: Sequence[Entry]) -> os.stat_result | None:
    """Return the status of a session file, for owner and mode when there is no creds.json."""
    for each in [each for each in entries if each.kind != OTHER][:_SIBLINGS_LOOKED_AT]:
        found = _plain_file(session, each.name)
        if found is not None:
            return found
    return None


def owners_with_sibling(session: int, owners: Owners, entries: Sequence[Entry]) -> Owners:
    """Return the owners, and for root the owner of the session files: a volume's root often stays root's."""
    if os.geteuid() != 0 or lookup(session, CREDS_NAME) is not None:
        return owners
    found = sibling(session, entries)
    if found is None:
        return owners
    return Owners(owners.uid, owners.gid, owners.uids | {found.st_uid})


def write_file(
    session: int, name: str, data: bytes, style: Style, owners: Owners, mtime_ns: int | None = None
) -> os.stat_result:
    """Make a file under a name of ours, synced to the disk, and return its status. Raises OSError."""
    remove(session, name)
    file = create_state(session, name, owners)
    try:
        _give_to(file, style)
        os.fchmod(file, style.mode)
        write_all(file, data)
        if mtime_ns is not None:
            os.utime(file, ns=(mtime_ns, mtime_ns))
        os.fsync(file)
        return os.fstat(file)
    finally:
        os.close(file)


def _most_usual(
    session: int, entries: Sequence[Entry], owners: dict[tuple[int, int], int]
) -> os.stat_result | None:
    """Return the status of a file with the most common owner and mode."""
    if not owners:
        return None
    usual = max(owners, key=lambda each: owners[each])
    for each in [each for each in entries if each.kind != OTHER][:_LOOKED_FOR_AMONG]:
        found = _plain_file(session, each.name)
        if found is not None and (found.st_uid, found.st_mode) == usual:
            return found
    return None


def _plain_file(session: int, name: str) -> os.stat_result | None:
    found = lookup(session, name)
    return found if found and stat.S_ISREG(found.st_mode) and found.st_nlink == 1 else None


def _give_to(file: int, style: Style) -> None:
    if os.geteuid() == 0:
        if style.uid is not None:
            os.fchown(file, style.uid, style.gid)
        return
    try:
        os.fchown(file, -1, style.gid)
    except PermissionError:  # not a group of this user
        return

"""Reading a session directory: its files as a stream, and creds.json up to a size.

`.cleanup.lock` and names under the reserved prefix are the janitor's own: never counted and never read,
only sorted by name. Only regular files of the directory itself on its own file system are files;
everything else (links, FIFOs, sockets, directories, mounts) is `skipped` and never touched.
"""

from __future__ import annotations

import errno
import os
import stat
from itertools import chain, islice, repeat

from baileys_janitor.policy.files.file_entry import MAX_ENTRIES, Entries, Entry
from baileys_janitor.policy.files.file_kinds import CREDS_NAME, KINDS, OTHER, classify, classify_all
from baileys_janitor.policy.files.identity import MAX_CREDS_BYTES
from baileys_janitor.volume.errors import CREDENTIALS_UNREADABLE, VolumeProblem, problem_of
from baileys_janitor.volume.files.safe_open import ScanNames
from baileys_janitor.volume.files.state_names import LOCK_NAME, OLD_DIRECTORY, PREFIX, OwnNames
from baileys_janitor.volume.report.codec_fields import checksum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_TICK_EVERY = 1024
_NOT_A_FILE = (errno.ELOOP, errno.ENXIO, errno.EISDIR)  # a link, a socket, a directory
_POSITION = {kind: position for position, kind in enumerate(KINDS)}


class Listing:
    """The files of a directory, and the janitor's own names in it.

    `entries` is None when there are more than MAX_ENTRIES: then only `total` and `by_kind` (in the order of
    KINDS) are known, because a stat for each of a million files would outlast any deadline. `owners` counts the
    library's files by owner and mode.
    """

    __slots__ = ("by_kind", "entries", "own", "owners", "skipped", "total")

    def __init__(
        self,
        entries: list[Entry] | None,
        total: int,
        skipped: int,
        by_kind: list[int] | None,
        own: OwnNames | None = None,
        owners: dict[tuple[int, int], int] | None = None,
    ) -> None:
        self.entries = entries
        self.total = total
        self.skipped = skipped
        self.by_kind = by_kind
        self.own = OwnNames() if own is None else own
        self.owners = {} if owners is None else owners


def read_listing(
    directory: int, tick: Callable[[], None] | None = None, limit: int = MAX_ENTRIES
) -> Listing:
    """List a directory in bounded memory. `tick` is called about every thousand entries.

    Raises VolumeProblem; exceptions of `tick` pass through.
    """
    entries = Entries()
    own = OwnNames()
    owners: dict[tuple[int, int], int] = {}
    skipped = seen = 0
    try:
        device = os.fstat(directory).st_dev
        with ScanNames(directory) as found:
            while items := list(islice(found, _TICK_EVERY)):
                if tick is not None and len(items) == _TICK_EVERY:
                    tick()
                files = [item for item in items if item.name[0] != "." or not _is_own(item, own)]
                seen += len(files)
                if seen > limit:
                    return _count_only(entries, skipped, chain(files, found), own, tick)
                files, statuses = _status_of(files)
                made = _entries_of(files, statuses, device, owners)
                skipped += len(files) - len(made)
                entries += made
    except OSError as error:
        raise problem_of(error) from error
    return Listing(entries, len(entries), skipped, None, own, owners)


def _status_of(
    files: list[os.DirEntry[str]],
) -> tuple[list[os.DirEntry[str]], list[os.stat_result]]:
    """Return the files that still exist, and their statuses. Raises OSError."""
    try:
        return files, [item.stat(follow_symlinks=False) for item in files]
    except FileNotFoundError:
        there = [item for item in files if _is_there(item)]
        return there, [item.stat(follow_symlinks=False) for item in there]  # already cached


def _is_there(item: os.DirEntry[str]) -> bool:
    try:
        item.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _entries_of(
    files: list[os.DirEntry[str]],
    found: list[os.stat_result],
    device: int,
    owners: dict[tuple[int, int], int],
) -> list[Entry]:
    """Return the entries of the regular files of this file system; count the library's files by `owners`."""
    if not found:
        return []
    names = [item.name for item in files]
    # By columns, as a status unpacks: this takes a fraction of the time of a loop over files.
    modes, inodes, devices, _, uids, _, sizes, *_ = zip(*found, strict=True)
    if {*map(stat.S_IFMT, {*modes})} != {stat.S_IFREG} or {*devices} != {device}:
        made = list(map(entry_of, names, found, repeat(device)))
        for entry, owner in zip(made, zip(uids, modes, strict=True), strict=True):
            if entry is not None and entry.kind != OTHER:
                owners[owner] = owners.get(owner, 0) + 1
        return [entry for entry in made if entry is not None]
    kinds, idents = zip(*classify_all(names), strict=True)
    _count_owners(owners, kinds, uids, modes)
    modified = [status.st_mtime_ns for status in found]
    changed = [status.st_ctime_ns for status in found]
    return list(map(Entry, names, kinds, idents, sizes, modified, inodes, devices, changed))


def _count_owners(
    owners: dict[tuple[int, int], int],
    kinds: tuple[str, ...],
    uids: tuple[int, ...],
    modes: tuple[int, ...],
) -> None:
    """Add the library's files by owner and mode."""
    if len({*uids}) == len({*modes}) == 1:  # nearly always
        known = len(kinds) - kinds.count(OTHER)
        if known:
            owners[uids[0], modes[0]] = owners.get((uids[0], modes[0]), 0) + known
        return
    for kind, *owner in zip(kinds, uids, modes, strict=True):
        if kind != OTHER:
            owners[owner[0], owner[1]] = owners.get((owner[0], owner[1]), 0) + 1


def has_state(directory: int, tick: Callable[[], None] | None = None) -> bool:
    """Return whether the janitor has left any file in a directory. Raises VolumeProblem.

    Exceptions of `tick` pass through.
    """
    own = OwnNames()
    try:
        with ScanNames(directory) as found:
            for count, item in enumerate(found):
                if tick is not None and count % _TICK_EVERY == 0:
                    tick()
                if item.name.startswith(PREFIX):
                    own.add(item.name)
                    if own.any:
                        return True
    except OSError as error:
        raise problem_of(error) from error
    return False


def _is_own(item: os.DirEntry[str], own: OwnNames) -> bool:
    """Add a name of ours; return False for any other name."""
    name = item.name
    if name.startswith(PREFIX):
        own.add(name)
    elif name == OLD_DIRECTORY:
        own.old_directory = item.is_dir(follow_symlinks=False)
    else:
        return name == LOCK_NAME
    return True


def _count_only(
    entries: list[Entry],
    skipped: int,
    rest: Iterable[os.DirEntry[str]],
    own: OwnNames,
    tick: Callable[[], None] | None,
) -> Listing:
    by_kind = [0] * len(KINDS)
    for entry in entries:
        by_kind[_POSITION[entry.kind]] += 1
    entries.clear()
    for seen, item in enumerate(rest):
        if item.name[0] == "." and _is_own(item, own):
            pass
        elif item.is_file(follow_symlinks=False):
            by_kind[_POSITION[classify(item.name)[0]]] += 1
        else:
            skipped += 1
        if tick is not None and seen % _TICK_EVERY == 0:
            tick()
    return Listing(None, sum(by_kind), skipped, by_kind, own)


def entry_of(name: str, found: os.stat_result, device: int) -> Entry | None:
    """Return the entry for a file's status; None if it is no regular file of this file system."""
    if not stat.S_ISREG(found.st_mode) or found.st_dev != device:
        return None
    return Entry(
        name,
        *classify(name),
        found.st_size,
        found.st_mtime_ns,
        found.st_ino,
        found.st_dev,
        found.st_ctime_ns,
    )


def is_as_listed(entry: Entry, found: os.stat_result) -> bool:
    """Return whether a file's status is the same as in its entry."""
    return (
        stat.S_ISREG(found.st_mode)
        and found.st_ino == entry.inode
        and found.st_dev == entry.device
        and found.st_size == entry.size
        and found.st_mtime_ns == entry.mtime_ns
        and found.st_ctime_ns == entry.ctime_ns
    )


def read_creds(directory: int) -> tuple[bytes | None, str]:
    """Return the bytes of creds.json (None if there is none) and a token of this writing of it.

    The token is a short hash of inode and modification time: two reads with the same token saw the same
    writing. A link, a FIFO or a directory of that name counts as no creds.json. Raises VolumeProblem.
    """
    try:
        found = os.lstat(CREDS_NAME, dir_fd=directory)
        if not stat.S_ISREG(found.st_mode):  # not even opened: opening alone can affect a device
            return None, ""
        file = os.open(
            CREDS_NAME,
            os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC,
            dir_fd=directory,
        )
    except FileNotFoundError:
        return None, ""
    except PermissionError as error:
        raise VolumeProblem(CREDENTIALS_UNREADABLE) from error
    except OSError as error:
        if error.errno in _NOT_A_FILE:
            return None, ""
        raise problem_of(error) from error
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            return None, ""
        parts = []
        room = MAX_CREDS_BYTES + 1  # one more byte shows that it is too large
        while room > 0 and (part := os.read(file, min(room, 1 << 16))):
            parts.append(part)
            room -= len(part)
        return b"".join(parts), checksum(f"{found.st_ino} {found.st_mtime_ns}")
    except OSError as error:
        raise problem_of(error) from error
    finally:
        os.close(file)

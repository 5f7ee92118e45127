"""The tenant's own sender keys, each with the memory file of its group: one unit.

The memory file lists the members that hold the tenant's key of a group. Without the key but with the memory file the
library makes a new key and distributes it to nobody, and its next message there is unreadable for every member; the
reverse is harmless. So both are removed or neither, the memory file first, and a memory file whose key is gone is
removed as a repair.
"""

from __future__ import annotations

from baileys_janitor.policy.files.file_entry import listed
from baileys_janitor.policy.files.file_kinds import (
    OTHER,
    SENDER_KEY,
    SENDER_KEY_MEMORY,
    may_be_lid,
    sender_key_group,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.policy.files.identity import Identity


class OwnGroup:
    """One group's memory file and own sender keys.

    `keys` holds every key of the tenant's user: under its phone number and its LID, and those of its other devices,
    which cannot always be told apart. `newest_ns` is the latest modification time of all of them, and of keys that may
    be its own. `broken`: there is a memory file but no readable key, and no other file can be that key.
    """

    __slots__ = ("broken", "keys", "memory", "newest_ns")

    def __init__(self, newest_ns: int) -> None:
        self.memory: Entry | None = None
        self.keys: list[Entry] = []
        self.newest_ns = newest_ns
        self.broken = False

    def add(self, entry: Entry) -> None:
        """Add the group's memory file or an own key."""
        self.newest_ns = max(self.newest_ns, entry.mtime_ns)
        if entry.kind == SENDER_KEY_MEMORY:
            self.memory = entry
        else:
            self.keys.append(entry)

    @property
    def files(self) -> list[Entry]:
        """The files in the order of removal: the memory file first, the keys by name."""
        keys = sorted(self.keys, key=_name)
        return keys if self.memory is None else [self.memory, *keys]


def _name(entry: Entry) -> str:
    return entry.name


def own_groups(entries: Iterable[Entry], identity: Identity) -> dict[str, OwnGroup]:
    """Return the units by group.

    A key under a LID can be the tenant's own while its LID is unknown, and so can a key whose name cannot be read
    (another library's spelling). Such a group is never called broken, and is as young as that key.
    """
    groups: dict[str, OwnGroup] = {}
    perhaps_own: dict[str, int] = {}
    listing = listed(entries)
    for entry in listing.of(SENDER_KEY):
        group, _, user = entry.ident.rpartition("--")[0].rpartition("--")
        if identity.owns(user):
            _add(groups, group, entry)
        elif identity.lid_in_doubt and may_be_lid(user):
            _note(perhaps_own, group, entry)
    for entry in listing.of(SENDER_KEY_MEMORY):
        _add(groups, entry.ident, entry)
    for entry in listing.of(OTHER):
        unread = sender_key_group(entry.name)
        if unread is not None:
            _note(perhaps_own, unread, entry)
    for name, group_files in groups.items():
        # The library reads an empty file (a kill in the middle of a write) as no key at all.
        readable = any(key.size for key in group_files.keys)
        group_files.broken = (
            group_files.memory is not None and not readable and name not in perhaps_own
        )
        group_files.newest_ns = max(group_files.newest_ns, perhaps_own.get(name, 0))
    return groups


def _add(groups: dict[str, OwnGroup], group: str, entry: Entry) -> None:
    if group not in groups:
        groups[group] = OwnGroup(entry.mtime_ns)
    groups[group].add(entry)


def _note(times: dict[str, int], group: str, entry: Entry) -> None:
    times[group] = max(times.get(group, entry.mtime_ns), entry.mtime_ns)


def broken_groups(entries: Iterable[Entry], identity: Identity, before_ns: int) -> int:
    """Return the number of groups whose memory file has lost its key, without any write since `before_ns`."""
    files = listed(entries)
    if not files.of(SENDER_KEY_MEMORY):
        return 0
    groups = own_groups(files, identity).values()
    return sum([group.broken and group.newest_ns < before_ns for group in groups])

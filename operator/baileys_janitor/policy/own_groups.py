"""The tenant's own sender keys, each with the memory file of its group: one unit.

The memory file says which members hold the tenant's key of a group. Without the key but with the
memory file the library makes a new key and tells nobody, and its next message there is unreadable
for every member; the reverse is harmless. So both go or none, the memory file first, and a memory
file whose key is gone is removed as a repair.
"""

from __future__ import annotations

from .kinds import SENDER_KEY, SENDER_KEY_MEMORY, base_user

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .identity import Identity
    from .listing import Entry


class OwnGroup:
    """One group's memory file and own sender keys.

    ``keys`` holds every key of the tenant's user: under its phone number and its LID, and those of
    its other devices, which cannot always be told apart. ``newest_ns`` is the latest modification
    time of all. ``broken``: the memory file stands without a key that could be read.
    """

    __slots__ = ("broken", "keys", "memory", "newest_ns")

    def __init__(self, newest_ns: int) -> None:
        self.memory: Entry | None = None
        self.keys: list[Entry] = []
        self.newest_ns = newest_ns
        self.broken = False

    def add(self, entry: Entry) -> None:
        """Adds the group's memory file or an own key."""
        self.newest_ns = max(self.newest_ns, entry.mtime_ns)
        if entry.kind == SENDER_KEY_MEMORY:
            self.memory = entry
        else:
            self.keys.append(entry)

    @property
    def files(self) -> list[Entry]:
        """In the order of removal: the memory file first, the keys by name."""
        keys = sorted(self.keys, key=_name)
        return keys if self.memory is None else [self.memory, *keys]


def _name(entry: Entry) -> str:
    return entry.name


def own_groups(
    entries: Iterable[Entry], identity: Identity, lid_in_doubt: bool
) -> dict[str, OwnGroup]:
    """The units by group. ``lid_in_doubt``: any LID could be the tenant's own."""
    groups: dict[str, OwnGroup] = {}
    perhaps_own: set[str] = set()
    for entry in entries:
        if entry.kind == SENDER_KEY:
            group, _, user = entry.ident.rpartition("--")[0].rpartition("--")
            if not identity.owns(user):
                if not identity.knows_lid and (lid_in_doubt or user != base_user(user)):
                    perhaps_own.add(group)
                continue
        elif entry.kind == SENDER_KEY_MEMORY:
            group = entry.ident
        else:
            continue
        if group not in groups:
            groups[group] = OwnGroup(entry.mtime_ns)
        groups[group].add(entry)
    for name, group_files in groups.items():
        # The library reads an empty file (a kill in the middle of a write) as no key at all.
        readable = any(key.size for key in group_files.keys)
        group_files.broken = (
            group_files.memory is not None and not readable and name not in perhaps_own
        )
    return groups

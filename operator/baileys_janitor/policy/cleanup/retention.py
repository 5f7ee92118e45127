"""Which files are due under one set of ages and numbers, as units.

A unit is removed whole or not at all: one file, or a group's memory file and the tenant's own sender keys. Guards run
first; files that they protect never get here.
"""

from __future__ import annotations

from baileys_janitor.policy.files.file_kinds import PRE_KEY, SENDER_KEY, SENDER_KEY_MEMORY, SESSION
from baileys_janitor.policy.reasons import (
    MEMORY_WITHOUT_KEY,
    OWN_SENDER_KEY_EXPIRED,
    PRE_KEY_SURPLUS,
    SENDER_KEY_EXPIRED,
    SESSION_EXPIRED,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from baileys_janitor.policy.cleanup.guards import Context
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.policy.files.own_groups import OwnGroup
    from baileys_janitor.policy.settings import Retention


class Unit:
    """Files in their order of removal, the reason, and the time of the youngest of them."""

    __slots__ = ("entries", "newest_ns", "reason")

    def __init__(self, entries: list[Entry], reason: str, newest_ns: int) -> None:
        self.entries = entries
        self.reason = reason
        self.newest_ns = newest_ns

    def order(self) -> tuple[int, str]:
        """Sort oldest first, and the same way every time."""
        return self.newest_ns, self.entries[0].name


class Due:
    """The units that the normal rules remove, and those that only the emergency rules remove; each oldest first."""

    __slots__ = ("extra", "normal")

    def __init__(self) -> None:
        self.normal: list[Unit] = []
        self.extra: list[Unit] = []

    @property
    def files(self) -> int:
        """How many files are due in all."""
        return sum([len(unit.entries) for unit in self.normal + self.extra])


def due_units(
    allowed: Iterable[Entry], context: Context, normal: Retention, extra: Retention | None
) -> Due:
    """Return the units of `allowed` (files that no guard protects) that one of two retentions removes."""
    due = Due()
    sets = [(Rules(context, normal), due.normal)]
    if extra is not None:
        sets.append((Rules(context, extra), due.extra))
    own: dict[str, int] = {}
    owns = context.identity.owns
    for entry in allowed:
        group = _own_group(entry, owns)
        if group is not None:
            own[group] = own.get(group, 0) + 1
            continue
        for rules, units in sets:
            reason = rules.expired(entry)
            if reason is not None:
                units.append(Unit([entry], reason, entry.mtime_ns))
                break
    for name, members in own.items():
        group_files = context.groups[name]
        files = group_files.files
        if members != len(files):
            continue  # a guard protects one of them: keep all
        for rules, units in sets:
            reason = rules.expired_pair(group_files)
            if reason is not None:
                units.append(Unit(files, reason, max([each.mtime_ns for each in files])))
                break
    for _, units in sets:
        units.sort(key=Unit.order)
    return due


def _own_group(entry: Entry, owns: Callable[[str], bool]) -> str | None:
    """Return the group whose pair a file belongs to, None for every other file."""
    if entry.kind == SENDER_KEY:
        group, _, user = entry.ident.rpartition("--")[0].rpartition("--")
        return group if owns(user) else None
    return entry.ident if entry.kind == SENDER_KEY_MEMORY else None


class Rules:
    """One set of ages and numbers, applied to one file or one pair."""

    __slots__ = ("_context", "_floor", "_sender_key_limit", "_session_limit")

    def __init__(self, context: Context, retention: Retention) -> None:
        self._context = context
        self._session_limit = retention.session_max_age
        self._sender_key_limit = retention.sender_key_max_age
        keep = retention.pre_keys
        self._floor = None if keep is None else context.pre_keys.newest(keep)

    def expired(self, entry: Entry) -> str | None:
        """Return why a single file is due, None when it is not."""
        if entry.kind == PRE_KEY:
            if self._floor is None:
                return None
            key = int(entry.ident)
            surplus = key < self._floor or key in self._context.pre_keys.singles
            return PRE_KEY_SURPLUS if surplus else None
        if entry.kind == SESSION:
            old = self._context.old(entry, self._session_limit)
            return SESSION_EXPIRED if old else None
        return SENDER_KEY_EXPIRED if self._context.old(entry, self._sender_key_limit) else None

    def expired_pair(self, files: OwnGroup) -> str | None:
        """Return why a memory file and the own keys of its group are due, None when they are not."""
        if files.broken:
            return MEMORY_WITHOUT_KEY
        expired = self._context.old_pair(files, self._sender_key_limit)
        return OWN_SENDER_KEY_EXPIRED if expired else None

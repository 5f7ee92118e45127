"""Which files are due: what one set of ages and numbers would remove, as units.

A unit is what goes together or not at all: one file, or a group's memory file and the tenant's own
sender keys. Guards have the last word; nothing they protect gets here.
"""

from __future__ import annotations

from .guards import nanoseconds
from .kinds import PRE_KEY, SENDER_KEY, SENDER_KEY_MEMORY, SESSION
from .reasons import (
    MEMORY_WITHOUT_KEY,
    OWN_SENDER_KEY_EXPIRED,
    PRE_KEY_SURPLUS,
    SENDER_KEY_EXPIRED,
    SESSION_EXPIRED,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .guards import Context
    from .listing import Entry
    from .own_groups import OwnGroup
    from .settings import Retention


class Unit:
    """Files in their order of removal, why they go, and the time of the youngest of them."""

    __slots__ = ("entries", "newest_ns", "reason")

    def __init__(self, entries: list[Entry], reason: str, newest_ns: int) -> None:
        self.entries = entries
        self.reason = reason
        self.newest_ns = newest_ns

    def order(self) -> tuple[int, str]:
        """Sorts oldest first, and the same way every time."""
        return self.newest_ns, self.entries[0].name


def due_units(allowed: Iterable[Entry], context: Context, retention: Retention) -> list[Unit]:
    """The units of ``allowed`` (files no guard protects) that ``retention`` lets go, oldest first."""
    rules = _Rules(context, retention)
    units = []
    own: dict[str, list[Entry]] = {}
    for entry in allowed:
        group = rules.own_group(entry)
        if group is not None:
            own.setdefault(group, []).append(entry)
            continue
        reason = rules.expired(entry)
        if reason is not None:
            units.append(Unit([entry], reason, entry.mtime_ns))
    for group, members in own.items():
        files = context.groups[group]
        # With fewer members than files, a guard protects one of them: then none goes.
        if len(members) == len(files.files):
            reason = rules.expired_pair(files)
            if reason is not None:
                units.append(Unit(files.files, reason, files.newest_ns))
    units.sort(key=Unit.order)
    return units


class _Rules:
    """One set of ages and numbers, applied to one file or one pair."""

    __slots__ = ("_context", "_floor", "_sender_key_ns", "_session_ns")

    def __init__(self, context: Context, retention: Retention) -> None:
        self._context = context
        self._session_ns = nanoseconds(retention.session_max_age)
        self._sender_key_ns = nanoseconds(retention.sender_key_max_age)
        self._floor = context.pre_keys.newest(retention.pre_keys)

    def own_group(self, entry: Entry) -> str | None:
        """The group whose pair a file belongs to, None for every other file."""
        if entry.kind == SENDER_KEY_MEMORY:
            return entry.ident
        if entry.kind == SENDER_KEY:
            group, user, _ = entry.ident.rsplit("--", 2)
            return group if self._context.identity.owns(user) else None
        return None

    def expired(self, entry: Entry) -> str | None:
        """Why a single file is due, None when it is not."""
        if entry.kind == PRE_KEY:
            key = int(entry.ident)
            surplus = key < self._floor or key in self._context.pre_keys.singles
            return PRE_KEY_SURPLUS if surplus else None
        age_ns = self._context.age_ns(entry.mtime_ns)
        if entry.kind == SESSION:
            return SESSION_EXPIRED if age_ns > self._session_ns else None
        return SENDER_KEY_EXPIRED if age_ns > self._sender_key_ns else None

    def expired_pair(self, files: OwnGroup) -> str | None:
        """Why a memory file and the own keys of its group are due, None when they are not."""
        if files.broken:
            return MEMORY_WITHOUT_KEY
        expired = self._context.age_ns(files.newest_ns) > self._sender_key_ns
        return OWN_SENDER_KEY_EXPIRED if expired else None

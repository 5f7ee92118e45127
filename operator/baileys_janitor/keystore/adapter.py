"""Convert database rows to the listing that the rules work on, and file names to rows.

Ids are raw in databases (`G@g.us::1100_1::0`) and escaped in the names of files only, so a row is classified by the
name that the library would give its file. Each entry's `inode` is the row's index in its list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.files.file_kinds import (
    CREDS_NAME,
    OTHER,
    PRE_KEY,
    SENDER_KEY,
    SENDER_KEY_MEMORY,
    SESSION,
    classify,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SUFFIX: Final = ".json"

#: The library's types, longest first where one is a prefix of another.
KEY_TYPES: Final = (
    "app-state-sync-version",
    "app-state-sync-key",
    "contacts-tc-token",
    "sender-key-memory",
    "identity-key",
    "device-list",
    "lid-mapping",
    "sender-key",
    "pre-key",
    "session",
    "tctoken",
)
#: The placeholder for every other type.
OTHER_TYPE: Final = "other"
#: Types that a session cannot do without; none of their rows is ever removed.
PROTECTED_TYPES: Final = frozenset(KEY_TYPES) - {
    "sender-key-memory",
    "sender-key",
    "pre-key",
    "session",
}

#: The type of each removable kind. A row of another type would only resemble the kind.
TYPE_OF_KIND: Final = {
    SESSION: "session",
    SENDER_KEY: "sender-key",
    SENDER_KEY_MEMORY: "sender-key-memory",
    PRE_KEY: "pre-key",
}


class Row(NamedTuple):
    """One key. `type` is None where the id includes it.

    `size` is the value's in bytes, 0 where there is none. `updated` is the last write in microseconds since 1970, None
    when that is unknown. `version` identifies the write that produced this row.
    """

    type: str | None
    id: str
    size: int
    updated: int | None
    version: str


def file_name(key_type: str | None, ident: str) -> str:
    """Return the name of the file in which the library would store a key."""
    name = ident if key_type is None else f"{key_type}-{ident}"
    if key_type is None:
        name = name.removesuffix(_SUFFIX)
    return name.replace("/", "__").replace(":", "-") + _SUFFIX


def entries_of(rows: Iterable[Row], creds_size: int | None) -> list[Entry]:
    """Return the listing of a session's rows; with the size of its creds, it includes creds.json as in a directory."""
    entries = [_entry(place, row) for place, row in enumerate(rows)]
    if creds_size is not None:
        entries.append(Entry.of(CREDS_NAME, creds_size, 0, len(entries), 0))
    return entries


def _entry(place: int, row: Row) -> Entry:
    name = file_name(row.type, row.id)
    kind, ident = classify(name)
    if row.type is not None and TYPE_OF_KIND.get(kind, row.type) != row.type:
        kind, ident = OTHER, ""
    written = 0 if row.updated is None else row.updated * 1000
    return Entry(name, kind, ident, row.size, written, place, 0)


def row_of(entry: Entry, rows: Sequence[Row]) -> Row:
    """Return the row that an entry of `entries_of` was made from."""
    return rows[entry.inode]


def key_of(name: str) -> tuple[str, str] | None:
    """Return type and raw id of a file's name; None for creds.json and for names that are not the library's.

    Only names that the library writes can be converted back: a `-` was a `:` in some ids and not in others.
    """
    if classify(name)[0] == OTHER or name == CREDS_NAME:
        return None
    for key_type in KEY_TYPES:
        if name.startswith(f"{key_type}-"):
            ident = _raw(key_type, name[len(key_type) + 1 : -len(_SUFFIX)])
            return (key_type, ident) if file_name(key_type, ident) == name else None
    return None


def _raw(key_type: str, escaped: str) -> str:
    if key_type == "sender-key":
        group, user, device = escaped.rsplit("--", 2)
        return f"{group}::{user.replace('-', ':')}::{device}"
    if key_type == "session":
        return escaped.replace("-", ":")
    if key_type == "app-state-sync-key":
        return escaped.replace("__", "/")
    return escaped

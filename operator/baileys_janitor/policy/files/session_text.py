"""Close the open session in a session's file: one number changes, and every other byte stays.

A file holds the open session of an address and closed ones. libsignal decrypts with all of them and encrypts with the
open one alone. After a restore, an open session would encrypt with keys that the other side has already passed, so the
other side could not read its messages. Closed, it still decrypts messages sent before, and the first answer starts a
new session.
"""

from __future__ import annotations

from baileys_janitor.policy.files.json_places import places, replaced
from baileys_janitor.policy.files.strict_json import MAX_PARSED_BYTES, JsonError, parse

# libsignal's session_record.js: the time in ms at which a session was closed, or this value while it is open.
_OPEN = -1
_VERSION = "v1"
_SESSIONS, _INFO, _CLOSED = "_sessions", "indexInfo", "closed"
_DEPTH = 4


def with_closed_session(data: bytes, now_ms: int) -> bytes:
    """Return a session's file with its open session closed at `now_ms` (Unix time in ms).

    Raises ValueError for anything but a libsignal record, or if anything else would change.
    """
    if len(data) > MAX_PARSED_BYTES:
        raise ValueError("not a record of sessions")
    document = _record(data)
    if not any(_is_open(each) for each in document[_SESSIONS].values()):
        return data
    edits = [
        (first, last, b"%d" % now_ms)
        for path, first, last in places(data, {_DEPTH})
        if path[0] == _SESSIONS and path[2:] == (_INFO, _CLOSED) and _number(data[first:last])
    ]
    edited = replaced(data, edits)
    for each in document[_SESSIONS].values():
        if _is_open(each):
            each[_INFO][_CLOSED] = now_ms
    if _record(edited) != document:
        raise ValueError("the open session cannot be closed")
    return edited


def _record(data: bytes) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    try:
        document = parse(data.decode("utf-8", "replace"))
    except JsonError:
        document = None
    if not isinstance(document, dict) or document.get("version") != _VERSION:
        raise ValueError("not a record of sessions")
    sessions = document.get(_SESSIONS)
    if not isinstance(sessions, dict) or not all(map(_is_entry, sessions.values())):
        raise ValueError("not a record of sessions")
    return document


def _is_entry(entry: object) -> bool:
    info = entry.get(_INFO) if isinstance(entry, dict) else None
    closed = info.get(_CLOSED) if isinstance(info, dict) else None
    return isinstance(closed, (int, float)) and not isinstance(closed, bool)


def _is_open(entry: dict[str, dict[str, object]]) -> bool:
    return entry[_INFO][_CLOSED] == _OPEN


def _number(text: bytes) -> bool:
    """Return whether a value is the number of an open session, however it is spelled."""
    try:
        return float(text) == _OPEN
    except ValueError:
        return False

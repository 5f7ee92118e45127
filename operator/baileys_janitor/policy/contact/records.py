"""Whether a file that reappeared under its name is the old record, or one that the library built anew.

A running bot keeps records in memory for five minutes and writes them back with its next message. A record that it
builds after the file is gone has other keys.
"""

from __future__ import annotations

from binascii import a2b_base64

from baileys_janitor.policy.files.file_kinds import SENDER_KEY, SESSION, classify
from baileys_janitor.policy.files.strict_json import JsonError, parse

#: Records have a few kB; a session with many skipped messages has a few hundred.
MAX_RECORD_BYTES = 1 << 20


def is_old_record(name: str, old: bytes | None, new: bytes | None, *, own: bool = False) -> bool:
    """Return whether `new`, the file now under a name, is the record that was removed as `old`.

    None is a file that cannot be read. A session is identified by the keys that its chains began with, the tenant's
    `own` sender key by its signing keys; they stay the same for the life of a record. A member's sender key may be sent
    again by its author, so it counts as the old one only while not a byte has changed.
    """
    if old is None or new is None or old == new:
        return True  # nothing shows that it is new
    if classify(name)[0] == SESSION or own:
        return _is_old(lasting_keys(name, old), lasting_keys(name, new))
    return False


def lasting_keys(name: str, data: bytes | None) -> frozenset[str] | None:
    """Return the keys that stay the same for the life of a session or sender key.

    None for other files, and for a record that cannot be read.
    """
    kind = classify(name)[0]
    if data is None or kind not in (SESSION, SENDER_KEY):
        return None
    return _session_keys(data) if kind == SESSION else _signing_keys(data)


def _is_old(old: frozenset[str] | None, new: frozenset[str] | None) -> bool:
    if new is None:
        return True
    return old is not None and not old.isdisjoint(new)


def _session_keys(data: bytes) -> frozenset[str] | None:
    """Return the base keys of a record's sessions, None when the record cannot be read."""
    record = _parsed(data)
    sessions = record.get("_sessions") if isinstance(record, dict) else None
    return frozenset(sessions) if isinstance(sessions, dict) and sessions else None


def _signing_keys(data: bytes) -> frozenset[str] | None:
    """Return the public signing keys of a sender key's states, None when the record cannot be read."""
    record = _parsed(data)
    found = set()
    for state in record if isinstance(record, list) else ():
        key = state.get("senderSigningKey") if isinstance(state, dict) else None
        public = key.get("public") if isinstance(key, dict) else None
        if public is not None:
            found.add(repr(public))
    return frozenset(found) or None


def _parsed(data: bytes) -> object:
    """Return the content of a record; a sender key's file holds the bytes of another JSON text."""
    value = _json(data)
    if isinstance(value, dict) and value.get("type") == "Buffer":
        inner = _bytes(value.get("data"))
        return None if inner is None else _json(inner)
    return value


def _json(data: bytes) -> object:
    try:
        return parse(data.decode("utf-8", "replace"))
    except (JsonError, MemoryError):
        return None


def _bytes(value: object) -> bytes | None:
    """Return bytes as the library's BufferJSON writes them: base64, or a list of numbers."""
    try:
        if isinstance(value, str):
            return a2b_base64(value)
        return bytes(value) if isinstance(value, list) else None
    except (ValueError, TypeError):
        return None

"""Editing creds.json: two numbers change, and every other byte stays as the library wrote it.

A round trip through a JSON library would not do: it writes numbers, escapes and duplicate keys in its own
way. Here the two tokens are replaced where they stand.
"""

from __future__ import annotations

import json

from baileys_janitor.policy.strict_json import JsonError, parse

COUNTERS = ("nextPreKeyId", "firstUnuploadedPreKeyId")

_QUOTE, _BACKSLASH = 0x22, 0x5C
_OPEN, _CLOSE = b"{[", b"}]"
_COMMA, _COLON = 0x2C, 0x3A


def with_counters(data: bytes, number: int) -> bytes:
    """Return a creds.json in which both pre-key counters have the value `number`.

    Raises ValueError where they are missing, or where anything else would change.
    """
    before = _document(data)
    parts = []
    end = 0
    for key, first, last in _members(data):
        if key in COUNTERS:
            parts += [data[end:first], b"%d" % number]
            end = last
    edited = b"".join([*parts, data[end:]])
    if _document(edited) != {**before, **dict.fromkeys(COUNTERS, number)}:
        raise ValueError("the counters cannot be replaced")
    if not all(key in before for key in COUNTERS):
        raise ValueError("there are no counters")
    return edited


def _document(data: bytes) -> dict[str, object]:
    try:
        document = parse(data.decode("utf-8", "replace"))
    except JsonError:
        document = None
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  # the text is wrong, not its type
    return document


def _members(data: bytes) -> list[tuple[str, int, int]]:
    """Return key, start and end of the value of each member of the outermost object, which was parsed before."""
    members = []
    depth = 0
    key: str | None = None
    start = place = 0
    while place < len(data):
        byte = data[place]
        if byte == _QUOTE:
            end = _string_end(data, place)
            if depth == 1 and key is None:
                key = json.loads(data[place:end].decode("utf-8", "replace"))
            place = end
            continue
        if depth == 1 and byte == _COLON:
            start = place + 1
        ends = depth == 1 and (byte == _COMMA or byte in _CLOSE)
        if ends and key is not None:
            members.append((key, *_trimmed(data, start, place)))
            key = None
        depth += (byte in _OPEN) - (byte in _CLOSE)
        place += 1
    return members


def _string_end(data: bytes, place: int) -> int:
    place += 1
    while data[place] != _QUOTE:
        place += 2 if data[place] == _BACKSLASH else 1
    return place + 1


def _trimmed(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Return where the value between two places begins and ends, without the white space around it."""
    value = data[start:end]
    first = start + len(value) - len(value.lstrip(b" \t\r\n"))
    return first, first + len(value.strip(b" \t\r\n"))

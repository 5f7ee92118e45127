"""Positions of values in the bytes of a JSON document, so that one can be replaced and every other byte stays.

A round trip through a JSON library would not do: it writes numbers, escapes and duplicate keys in its own way.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    #: The keys on the way to a value through objects: a value inside a list has no path.
    Path = tuple[str, ...]

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.DOTALL)
_SPACE = b" \t\r\n"


def places(data: bytes, wanted: set[int]) -> Iterator[tuple[Path, int, int]]:
    """Yield path, start and end of each member's value whose path has one of the `wanted` lengths.

    `data` is a document that was parsed before. Inner values come before the values that contain them.
    """
    path: list[str | None] = []
    starts: list[int] = []
    lists = 0
    for token in _TOKEN.finditer(data):
        text = token.group()
        if text == b"{":
            path.append(None)
            starts.append(0)
        elif text == b"[":
            lists += 1
            path.append(None)
            starts.append(-1)
        elif text in b"},]":
            start = starts[-1] if starts else 0
            if start > 0 and not lists and len(path) in wanted:
                yield (tuple(map(str, path)), *_trimmed(data, start, token.start()))
            if text != b",":
                lists -= text == b"]"
                path.pop()
                starts.pop()
            elif start > 0:
                path[-1], starts[-1] = None, 0
        elif text == b":":
            starts[-1] = token.end()
        elif path and starts[-1] == 0:
            path[-1] = json.loads(text.decode("utf-8", "replace"))


def replaced(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """Return the bytes with the values at the given places replaced; the places are in order."""
    parts = []
    end = 0
    for first, last, value in edits:
        parts += [data[end:first], value]
        end = last
    return b"".join([*parts, data[end:]])


def _trimmed(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Return start and end of the value between two places, without surrounding white space."""
    value = data[start:end]
    first = start + len(value) - len(value.lstrip(_SPACE))
    return first, first + len(value.strip(_SPACE))

"""Glob patterns for paths beneath a root: `md_*`, `instances/*`, `**/work`.

`*`, `?` and `[...]` match anything but a slash, `**` any number of directories. A pattern without a slash is
matched against the last name alone; a pattern with a leading slash is anchored at the root.
"""

from __future__ import annotations

import re
from fnmatch import translate

MAX_PATTERN = 1_000
_ANY = "**"


class Glob:
    """One pattern. Raises ValueError if it is empty, too long or leads out of the root."""

    __slots__ = ("_parts",)

    def __init__(self, pattern: str) -> None:
        parts = [part for part in pattern.split("/") if part not in ("", ".")]
        if not parts or len(pattern) > MAX_PATTERN or ".." in parts:
            raise ValueError("no pattern for a path beneath a root")
        if "/" not in pattern.rstrip("/"):
            parts.insert(0, _ANY)
        self._parts = tuple(None if part == _ANY else re.compile(translate(part)) for part in parts)

    def matches(self, path: str) -> bool:
        """Return whether the pattern matches a path beneath the root."""
        return self._after(path) >> len(self._parts) & 1 == 1

    def may_lead(self, path: str) -> bool:
        """Return whether the pattern matches a path, or may match one beneath it."""
        return self._after(path) != 0

    def _after(self, path: str) -> int:
        """Return the possible positions in the pattern after a path: bit n is set when n of its parts are used up."""
        places = self._skipping(1)
        for name in path.split("/"):
            following = 0
            for number, part in enumerate(self._parts):
                if not places >> number & 1:
                    continue
                if part is None:
                    following |= 1 << number
                elif part.match(name) is not None:
                    following |= 1 << (number + 1)
            places = self._skipping(following)
        return places

    def _skipping(self, places: int) -> int:
        """Add the positions reached when `**` matches no directory at all."""
        for number, part in enumerate(self._parts):
            if part is None and places >> number & 1:
                places |= 1 << (number + 1)
        return places

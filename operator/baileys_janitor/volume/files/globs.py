"""Patterns for paths beneath a root, as people write them: `md_*`, `instances/*`, `**/work`.

`*`, `?` and `[...]` stand for anything but a slash, `**` for any number of directories. A pattern without a slash is
matched against the last name alone; one that begins with a slash begins at the root.
"""

from __future__ import annotations

import re
from fnmatch import translate

MAX_PATTERN = 1_000
_ANY = "**"


class Glob:
    """One pattern. Raises ValueError for one that is empty, too long or leads out of the root."""

    __slots__ = ("_parts",)

    def __init__(self, pattern: str) -> None:
        parts = [part for part in pattern.split("/") if part not in ("", ".")]
        if not parts or len(pattern) > MAX_PATTERN or ".." in parts:
            raise ValueError("no pattern for a path beneath a root")
        if "/" not in pattern.rstrip("/"):
            parts.insert(0, _ANY)
        self._parts = tuple(None if part == _ANY else re.compile(translate(part)) for part in parts)

    def matches(self, path: str) -> bool:
        """Return whether a path beneath the root is meant."""
        return self._after(path) >> len(self._parts) & 1 == 1

    def may_lead(self, path: str) -> bool:
        """Return whether a path is meant, or may hold one that is."""
        return self._after(path) != 0

    def _after(self, path: str) -> int:
        """Return where in the pattern one may be after a path: bit n is set when n of its parts are used up."""
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
        """Add the places that are reached because `**` may stand for no directory at all."""
        for number, part in enumerate(self._parts):
            if part is None and places >> number & 1:
                places |= 1 << (number + 1)
        return places

"""Masks possible phone numbers and keys in any document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.report.privacy import Names

HIDDEN: Final = "[hidden]"
_LEAST_NUMBER: Final = 1_000_000
"""The smallest number in a spec that could be a phone number."""
_TEXT_MOST: Final = 2_048
_DEPTH_MOST: Final = 24
_ENTRIES_MOST: Final = 500
_KEYS: Final = re.compile(
    r"AGE-SECRET-KEY-\w*"
    r"|-----BEGIN.*?(?:-----END[^-]*-----|$)"
    r"|(?<=://)[^/\s@]+@"
    r"|[A-Za-z0-9+/_=-]{40,}",
    re.DOTALL,
)
_TIMES: Final = re.compile(
    r"(?<!\d)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)(?!\d)"
    r"|(?<![\dA-Za-z])\d{8}[tT]\d{6}[zZ](?![\dA-Za-z])"
)


class Mask:
    """Masks names and texts, the same number always alike, so that related entries can be recognised."""

    def __init__(self) -> None:
        self._names = Names()

    def text(self, text: str) -> str:
        """Return a text without numbers of seven digits and more, and without keys; times stay."""
        shown = _KEYS.sub(HIDDEN, printable(text[:_TEXT_MOST]))
        parts, end = [], 0
        for time in _TIMES.finditer(shown):
            parts += [self._names.name(shown[end : time.start()]), time.group()]
            end = time.end()
        return "".join([*parts, self._names.name(shown[end:])])

    def document(self, value: Any, *, numbers: bool = False, depth: int = 0) -> Any:
        """Return a JSON document with every text in it masked. `numbers`: keep numbers, known to be sizes."""
        if depth > _DEPTH_MOST:
            return HIDDEN
        if isinstance(value, Mapping):
            entries = list(value.items())[:_ENTRIES_MOST]
            return {
                self.text(str(name)): self.document(one, numbers=numbers, depth=depth + 1)
                for name, one in entries
            }
        if isinstance(value, list):
            found = value[:_ENTRIES_MOST]
            return [self.document(one, numbers=numbers, depth=depth + 1) for one in found]
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bool) or value is None or numbers:
            return value
        return value if isinstance(value, int | float) and abs(value) < _LEAST_NUMBER else HIDDEN

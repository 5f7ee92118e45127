"""Mask names that look like phone numbers, so that a report can be passed on.

A session directory is often named after the number of its account. In names every run of seven or more digits is
masked, with or without separators between them. In sentences, numbers of that length can be sizes: only numbers that
are part of a name seen before are masked there, and those of ten digits or more.
"""

from __future__ import annotations

import re
from typing import Final, TypeVar

_LEAST_DIGITS: Final = 7
"""The number of digits of the shortest phone numbers with a country code."""
_SURELY: Final = 10
_UUID: Final = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-f])",
    re.IGNORECASE,
)
_IN_NAMES: Final = re.compile(r"\+?\d(?:[ ().-]{0,2}\d){6,}")
_IN_SENTENCES: Final = re.compile(r"\+?\d{7,}")
_NOT_DIGITS: Final = re.compile(r"\D")

Shape = TypeVar("Shape")


class Names:
    """Masks each name the same way everywhere; two that would look alike get a number.

    `shown`: the user has asked for unmasked names, so nothing is masked.
    """

    def __init__(self, *, shown: bool = False) -> None:
        self.shown = shown
        self._sensitive: set[str] = set()
        self._masked: dict[str, str] = {}
        self._taken: dict[str, int] = {}

    @property
    def any_masked(self) -> bool:
        """Return whether a name was masked."""
        return bool(self._masked)

    def name(self, name: str) -> str:
        """Return a name or path, masked for display."""
        if self.shown:
            return name
        parts, end = [], 0
        for uuid in _UUID.finditer(name):
            parts += [_IN_NAMES.sub(self._of_name, name[end : uuid.start()]), uuid.group()]
            end = uuid.end()
        return "".join([*parts, _IN_NAMES.sub(self._of_name, name[end:])])

    def sentence(self, text: str) -> str:
        """Return a sentence with the numbers of names masked."""
        if self.shown:
            return text
        return _IN_SENTENCES.sub(self._of_sentence, _IN_NAMES.sub(self._of_known, text))

    def _of_name(self, match: re.Match[str]) -> str:
        digits = _NOT_DIGITS.sub("", match.group())
        self._sensitive.add(digits)
        return self._mask(digits)

    def _of_known(self, match: re.Match[str]) -> str:
        digits = _NOT_DIGITS.sub("", match.group())
        return self._mask(digits) if digits in self._sensitive else match.group()

    def _of_sentence(self, match: re.Match[str]) -> str:
        digits = match.group().lstrip("+")
        if digits in self._sensitive or len(digits) >= _SURELY:
            return self._mask(digits)
        return match.group()

    def _mask(self, digits: str) -> str:
        if digits not in self._masked:
            start = digits[:2] if len(digits) >= _SURELY else ""
            alike = f"{start}{'•' * (len(digits) - len(start) - 2)}{digits[-2:]}"
            count = self._taken[alike] = self._taken.get(alike, 0) + 1
            self._masked[digits] = alike if count == 1 else f"{alike}#{count}"
        return self._masked[digits]

"""Masks names for people: a session's file names and key ids hold phone numbers."""

from __future__ import annotations

import os
import re
from typing import Final

from baileys_janitor.policy.files.file_kinds import CREDS, OTHER, REMOVABLE_KINDS, classify

_DIGITS: Final = re.compile(r"\d+")
_SHORT_ENOUGH_TO_SHOW: Final = 4
_LONG_ENOUGH_FOR_BOTH_ENDS: Final = 10


def masked(name: str) -> str:
    """Return a file name with the middle of every long number hidden: `session-49*******34_1.0.json`.

    Numbers of four digits or fewer (devices, pre-key ids) stay readable. Only the kinds that a
    cleanup may remove have ids of a known form; of every other file only its type is shown.
    """
    kind, ident = classify(name)
    if kind == CREDS:
        return name
    if kind == OTHER:
        suffix = os.path.splitext(name)[1]  # noqa: PTH122 - a name of any bytes, not a path
        return "***" + (suffix if suffix in {".json", ".tmp", ".bak"} else "")
    if kind in REMOVABLE_KINDS:
        return _DIGITS.sub(_hide, name)
    return name[: -len(ident + ".json")] + "***.json"


def masked_digits(number: str) -> str:
    """Return a number with its middle hidden: `44********23`."""
    return _DIGITS.sub(_hide, number)


def _hide(match: re.Match[str]) -> str:
    number = match.group()
    if len(number) <= _SHORT_ENOUGH_TO_SHOW:
        return number
    start = number[:2] if len(number) >= _LONG_ENOUGH_FOR_BOTH_ENDS else ""
    return start + "*" * (len(number) - len(start) - 2) + number[-2:]


def printable(text: str) -> str:
    """Return a name or path as printable text: undecodable bytes and control characters are escaped."""
    decoded = os.fsencode(text).decode("utf-8", "backslashreplace")
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in decoded
    )


def shown_path(path: str) -> str:
    """Return a path as it was typed; when its last part is a session file, that part is masked."""
    folder, slash, name = path.rpartition("/")
    if name and classify(name)[0] not in {OTHER, CREDS}:
        return printable(folder + slash) + masked(name)
    return printable(path)

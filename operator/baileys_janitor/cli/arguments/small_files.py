"""Small files that options name: keys, lists, credentials."""

from __future__ import annotations

from typing import Final

from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import usage

LARGEST_FILE: Final = 64 * 1024
"""The largest accepted file, in characters."""


def text_of(path: str, option: str, largest: int = LARGEST_FILE) -> str:
    """Return the text of a small file; raise bad usage that names the option if it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a path as typed
            text = file.read(largest + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise usage(f"{option} {printable(path)} cannot be read: {why}.") from None
    if len(text) > largest:
        raise usage(
            f"{option} {printable(path)} is larger than {largest >> 10} KiB, which is too large for this file."
        )
    return text

"""Commands that people paste into a shell, for directories of any name."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from typing import Final

from baileys_janitor.cli.terminal.output import encodable

_PROGRAM: Final = "baileys-janitor"
_ESCAPED: Final = {"'": r"\'", "\\": r"\\"}


def word(text: str) -> str:
    """Return a text as one word of a shell: plain, in quotes, or as `$'...'`.

    The last form is for text that a terminal cannot show or accept: control characters, bytes that are not UTF-8,
    and characters that standard output cannot encode. bash, zsh and ksh read it, and the sh of POSIX.1-2024.
    """
    if text.isprintable() and encodable(text):
        return shlex.quote(text)
    return "$'" + "".join(map(_escaped, text)) + "'"


def command(*words: str, paths: Iterable[str] = (), after: Iterable[str] = ()) -> str:
    """Return a command line: `words`, then paths (which may begin with a dash), then the words in `after`."""
    paths = list(paths)
    ended = ["--"] if any(path.startswith("-") for path in paths) else []
    return " ".join(map(word, (_PROGRAM, *words, *ended, *paths, *after)))


def _escaped(character: str) -> str:
    if character.isascii() and character.isprintable():
        return _ESCAPED.get(character, character)
    return "".join(f"\\{byte:03o}" for byte in os.fsencode(character))

"""Writing to a terminal, a pipe or a file that may go away.

Nothing here needs more than the standard library: to load rich costs more time than a scan.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

MACHINE_FORMATS: Final = ("json", "yaml")
_USUAL_COLUMNS: Final = 80
_USUAL_LINES: Final = 24


def prepare_streams() -> None:
    """Let no character of any name end the program where the terminal's encoding lacks it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def encodable(text: str) -> bool:
    """Return whether standard output can show every character of a text."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def write_document(document: Mapping[str, Any], output: str) -> None:
    """Write one JSON or YAML document to standard output."""
    if output == "json":
        write(json.dumps(document, indent=2) + "\n")
        return
    import yaml

    write(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100))


def write(text: str) -> None:
    """Write text to standard output; a reader that went away is no error of ours."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        reader_is_gone(sys.stdout)


def say(sentence: str) -> None:
    """Write one sentence to standard error: what a person should know and a program should not parse."""
    try:
        sys.stderr.write(sentence + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        reader_is_gone(sys.stderr)


def reader_is_gone(stream: TextIO) -> None:
    """Point a stream whose reader left (`| head`) at nothing, so that no later flush complains."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def terminal_width(stream: TextIO) -> int | None:
    """Return how many columns the stream's terminal has, None for a pipe or a file. `COLUMNS` goes before."""
    if not stream.isatty():
        return None
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told[:6]) > 0:
        return int(told[:6])
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_COLUMNS
    except (OSError, ValueError):
        return _USUAL_COLUMNS


def terminal_height(stream: TextIO) -> int | None:
    """Return how many lines the stream's terminal has, None for a pipe or a file. `LINES` goes before."""
    if not stream.isatty():
        return None
    told = os.environ.get("LINES", "")
    if told.isascii() and told.isdigit() and int(told[:6]) > 0:
        return int(told[:6])
    try:
        return os.get_terminal_size(stream.fileno()).lines or _USUAL_LINES
    except (OSError, ValueError):
        return _USUAL_LINES


def has_colours(stream: TextIO) -> bool:
    """Return whether to colour: at a terminal alone, and never with NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(text: str, style: str) -> str:
    """Return a text in a style: the parameters of the terminal's escape sequence."""
    return f"\x1b[{style}m{text}\x1b[0m"


def folded(line: str, width: int | None) -> list[str]:
    """Return a line as lines of a terminal, folded between words, the further ones indented.

    A line that begins with a blank is a command, which would not work in parts.
    """
    if width is None or len(line) <= width or line[:1] in ("", " "):
        return [line]
    import textwrap

    return textwrap.wrap(
        line,
        max(width, 20),
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )

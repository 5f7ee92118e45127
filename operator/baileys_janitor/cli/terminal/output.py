"""Writes to a terminal, a pipe or a file whose reader may disappear.

Only the standard library is used here: loading rich takes longer than a scan.
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
    """Escape characters that the terminal's encoding lacks, so that no file name ends the program."""
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
    """Write text to standard output; a closed pipe is not an error."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        reader_is_gone(sys.stdout)


def say(sentence: str) -> None:
    """Write one sentence to standard error, for people rather than programs."""
    try:
        sys.stderr.write(sentence + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        reader_is_gone(sys.stderr)


def say_prose(sentence: str, command: str = "") -> None:
    """Write a sentence to standard error, wrapped between words at a terminal.

    A command after it stays on one line, so that it can be pasted: on the same one if both fit.
    """
    width = terminal_width(sys.stderr)
    whole = f"{sentence} {command}" if command else sentence
    if not command or width is None or len(whole) <= width:
        lines = [whole] if command else folded(whole, width)
    else:
        lines = [*folded(sentence, width), f"  {command}"]
    for line in lines:
        say(line)


def reader_is_gone(stream: TextIO) -> None:
    """Redirect a stream whose reader left (`| head`) to the null device, so that no later flush fails."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def terminal_width(stream: TextIO) -> int | None:
    """Return the width of the stream's terminal in columns, None for a pipe or a file. `COLUMNS` takes precedence."""
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
    """Return the height of the stream's terminal in lines, None for a pipe or a file. `LINES` takes precedence."""
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
    """Return whether to use colours: only at a terminal, and never with NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(text: str, style: str) -> str:
    """Return a text in a style: the parameters of the terminal's escape sequence."""
    return f"\x1b[{style}m{text}\x1b[0m"


def folded(line: str, width: int | None) -> list[str]:
    """Return a line wrapped between words to a terminal's width, later lines indented.

    A line that begins with a blank is a command and is not wrapped: it would not work in parts.
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

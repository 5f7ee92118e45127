"""Writing to a terminal, a pipe or a file that may go away.

Machine formats need nothing but the standard library; rich is loaded for tables alone, because it
costs more time than a scan.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

MACHINE_FORMATS: Final = ("json", "yaml")
_WIDE_ENOUGH_FOR_ANY_ROW: Final = 4000


def prepare_streams() -> None:
    """Let no character of any name end the program where the terminal's encoding lacks it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


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


def console(stream: TextIO) -> Console:
    """Return a rich console: colours at a terminal alone and never with NO_COLOR; rows are never cut."""
    from rich.console import Console

    at_terminal = stream.isatty()
    coloured = at_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Console(
        file=stream,
        force_terminal=at_terminal,
        color_system="standard" if coloured else None,
        no_color=not coloured,
        width=_WIDE_ENOUGH_FOR_ANY_ROW,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=True,
    )

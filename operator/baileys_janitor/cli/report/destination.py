"""Writes a report to a file: completely or not at all, and never over any other kind of file."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable
from typing import Final

from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import Problem, usage
from baileys_janitor.report import as_json, markdown
from baileys_janitor.report.html import page

_MARKS: Final = tuple(mark.encode() for mark in (page.MARK, markdown.MARK, as_json.MARK))
_FORMATS: Final = {".html": "html", ".htm": "html", ".md": "md", ".json": "json"}


def format_of(path: str) -> str | None:
    """Return the format of a file's name, None for any other name."""
    return _FORMATS.get(os.path.splitext(path)[1].lower())  # noqa: PTH122 - a name as typed


def require_replaceable(path: str, sessions: Iterable[str]) -> None:
    """Raise a Problem unless the path is free, or holds a report or an empty file.

    A session directory is refused: a bot could mistake the report for a session file, and it would be counted.
    """
    shown = printable(path)
    folder = os.path.realpath(os.path.dirname(path) or ".")  # noqa: PTH120
    if any(os.path.realpath(session) == folder for session in sessions):
        raise usage(f"--to {shown} lies in a session directory; write the report somewhere else.")
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unwritable(shown, error) from None
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise usage(f"--to {shown} is not a file; name a file for the report.")
        begin = os.read(file, max(map(len, _MARKS)))
    finally:
        os.close(file)
    if begin and not begin.startswith(_MARKS):
        raise usage(
            f"--to {shown} exists and is not a report of baileys-janitor, so it is kept; name another file,"
            " or remove it."
        )


def write_report(path: str, pieces: Iterable[str]) -> None:
    """Write a report to a temporary file and rename it; raise a Problem with the old report intact."""
    shown = printable(path)
    folder = os.path.dirname(path) or "."  # noqa: PTH120
    try:
        file, temporary = tempfile.mkstemp(prefix=".baileys-janitor-", dir=folder)
    except OSError as error:
        raise _unwritable(shown, error) from None
    try:
        with os.fdopen(file, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.writelines(pieces)
            stream.flush()
            os.fchmod(stream.fileno(), 0o666 & ~_umask())
            os.fsync(stream.fileno())
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException as error:
        os.unlink(temporary)  # noqa: PTH108
        if isinstance(error, OSError):
            raise _unwritable(shown, error) from None
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _unwritable(shown: str, error: OSError) -> Problem:
    if isinstance(error, IsADirectoryError):
        return usage(f"--to {shown} is a directory; name a file in it.")
    if error.errno == 40:  # ELOOP
        return usage(f"--to {shown} is a symbolic link; name the file that it leads to.")
    return Problem(f"--to {shown} cannot be written: {error.strerror}.", code="Unwritable")

"""The options for a report's format and destination, and the writing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from baileys_janitor.cli.arguments.completing import files
from baileys_janitor.cli.terminal.output import write
from baileys_janitor.cli.terminal.problems import usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from baileys_janitor.report.model import ReportDocument

Command = TypeVar("Command", bound=Callable[..., Any])

FULLEST: Final = 200
"""The most sessions in a report for people: with the charts about 500 KiB."""
_WIDEST: Final = 100
"""The most columns in a line of text, however wide the terminal is."""


def report_options(command: Command) -> Command:
    """Add the options that every report has."""
    for option in reversed(
        (
            click.option(
                "-o",
                "--output",
                type=click.Choice(["md", "html", "json"]),
                help="The format; without it that of the file's name, else md.",
            ),
            click.option(
                "--to",
                "to",
                metavar="FILE",
                default="-",
                shell_complete=files,
                help="Write to this file; only an earlier report there is replaced.  [-, standard "
                "output]",
            ),
            click.option(
                "--days",
                type=click.IntRange(1, 30),
                default=30,
                show_default=True,
                help="How far back cleanups are reported; journals keep 30 days.",
            ),
            click.option(
                "--names",
                "show_names",
                is_flag=True,
                help="Show names that look like phone numbers.",
            ),
        )
    ):
        command = option(command)
    return command


def format_for(output: str | None, to: str) -> str:
    """Return the requested format, else the one of the file's name."""
    from baileys_janitor.cli.report.destination import format_of

    kind = output or (format_of(to) if to != "-" else None) or "md"
    if kind == "html" and to == "-" and sys.stdout.isatty():
        raise usage("A page of HTML is for a browser: add --to report.html, or use -o md here.")
    return kind


def print_or_write(report: ReportDocument, kind: str, to: str) -> None:
    """Print a report, or write it to a file."""
    from baileys_janitor.cli.report.destination import write_report

    if to == "-":
        for piece in _pieces(report, kind, at_terminal=sys.stdout.isatty()):
            write(piece)
    else:
        write_report(to, _pieces(report, kind))


def columns() -> int:
    """Return the width for text, in columns of the terminal."""
    return min(shutil.get_terminal_size().columns, _WIDEST)


def _pieces(report: ReportDocument, kind: str, *, at_terminal: bool = False) -> Iterator[str]:
    if kind == "json":
        from baileys_janitor.report import as_json

        yield from as_json.pieces(report)
    elif kind == "html":
        from baileys_janitor.report.html import page

        yield page.render(report)
    else:
        from baileys_janitor.report import markdown

        text = markdown.render(report)
        yield markdown.wrapped(text, columns()) if at_terminal else text

"""Writes the manual page from the help of the commands: `python -m baileys_janitor.cli.help.manual FILE [--check]`."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import click

from baileys_janitor import __version__
from baileys_janitor.cli.arguments.options import (
    DRY_RUN_VARIABLE,
    ENV_PREFIX,
    SESSIONS_PATH_VARIABLE,
)
from baileys_janitor.cli.backup.settings import CREDENTIALS_VARIABLE, IDENTITY_VARIABLE
from baileys_janitor.cli.help.documented import Documented, every_command
from baileys_janitor.cli.main import application
from baileys_janitor.cli.terminal.problems import EXIT_CODES

NOT_FOR_PEOPLE: Final = (
    "job",
    "keystore-job",
    "backup-job",
    "fetch-job",
    "restore-job",
    "repair-job",
)
_NAME: Final = "baileys-janitor"
_SUMMARY: Final = "keep WhatsApp (Baileys) session directories healthy"
_ENVIRONMENT: Final = {
    SESSIONS_PATH_VARIABLE: "The PATH for commands that are given none.",
    DRY_RUN_VARIABLE: "With true nothing is removed or put back, whatever the options say.",
    f"{ENV_PREFIX}CONFIG": "The configuration file, as --config.",
    CREDENTIALS_VARIABLE: "The credentials of a store of backups, as --credentials.",
    IDENTITY_VARIABLE: "The file with the secret key that opens archives, as --identity.",
    f"{ENV_PREFIX}...": "Any setting by its option: BAILEYS_JANITOR_SESSION_MAX_AGE for --session-max-age.",
    "NO_COLOR": "No colours.",
}


def page() -> str:
    """Return the manual page in the macros of man(7)."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield '.\\" Written by `make generate` from the help of the commands.'
    yield f'.TH {_NAME.upper()} 1 "" "{_NAME} {__version__}" "User Commands"'
    yield from (".SH NAME", f"{_text(_NAME)} \\- {_text(_SUMMARY)}")
    yield from (".SH SYNOPSIS", f".B {_text(_NAME)}", "COMMAND [OPTIONS] [PATH...]")
    yield ".SH DESCRIPTION"
    yield from islice(_paragraphs(application.help), 1, None)  # no space below a heading
    yield from _paragraphs(
        "`clean`, `undo`, `repair` and `restore` change files; what is removed can be put back for a day."
    )
    yield ".SH COMMANDS"
    for words, command in every_command(application):
        name = words.removeprefix(_NAME).strip()
        if name and name not in NOT_FOR_PEOPLE and not command.hidden:
            yield from _command(words, command)
    yield ".SH ENVIRONMENT"
    yield from _tagged(_ENVIRONMENT.items())
    yield ".SH EXIT STATUS"
    yield from _tagged((str(code), meaning) for code, meaning in EXIT_CODES.items())


def _command(words: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=words)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f'.SS "{_text(words.removeprefix(_NAME).strip())}"'
    yield from (f".B {_text(words)}", _text(usage))
    yield from _paragraphs(command.help)
    records = [
        record
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option)
        and "--help" not in parameter.opts
        and (record := parameter.get_help_record(context))
    ]
    yield from _tagged(records)
    yield from _paragraphs(command.epilog)
    if isinstance(command, Documented) and command.examples:
        yield from (".PP", "Examples:")
        for line, what in command.examples:
            yield from (
                ".PP",
                ".RS 4",
                ".nf",
                _text(line),
                ".fi",
                ".RE",
                ".RS 8",
                _text(what),
                ".RE",
            )


def _paragraphs(text: str | None) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text or "")):
        if paragraph:
            yield from (".PP", _text(" ".join(paragraph.split())))


def _tagged(items: Iterable[tuple[str, str]]) -> Iterator[str]:
    for tag, text in items:
        yield from (".TP", f".B {_text(tag)}", _text(" ".join(text.split())) or "\\&")


def _text(text: str) -> str:
    """Return a line of text escaped for roff: a dash stays a dash, so that copied commands work."""
    text = (
        text.replace("\b", "")
        .strip()
        .replace("\\", "\\e")
        .replace("-", "\\-")
        .replace("'", "\\(aq")
    )
    text = text.replace("`", "").replace('"', "\\(dq").replace("^", "\\(ha").replace("~", "\\(ti")
    return f"\\&{text}" if text.startswith((".", "\\(aq")) else text


def main(argv: list[str]) -> int:
    """Write or check the page; return the exit code."""
    path = Path(argv[0])
    text = page()
    if argv[1:] == ["--check"]:
        current = path.read_text(encoding="utf-8") if path.exists() else None
        if current != text:
            sys.stderr.write(f"{path} is not what the commands' help makes\n")
        return int(current != text)
    path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

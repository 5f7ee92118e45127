"""`baileys-janitor keystore import`: load a session directory into the table; a dry run unless --apply."""

from __future__ import annotations

import os
import time
from typing import Any

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.keystore.options import (
    database_options,
    layout_options,
    limit_options,
    opened,
    output_option,
    target,
)
from baileys_janitor.cli.keystore.transfer_text import print_transfer, require_stopped
from baileys_janitor.cli.terminal.masking import shown_path
from baileys_janitor.cli.terminal.problems import EXIT_DONE, Problem, usage
from baileys_janitor.volume.files.roots import COMPANY_PREFIX


@click.command(
    "import",
    cls=Documented,
    examples=(
        (
            "baileys-janitor keystore import company_962303 --url-file url",
            "What would be put in; nothing is changed.",
        ),
        (
            "baileys-janitor keystore import company_962303 --url-file url --stopped --apply",
            "Put it in, with the session's process stopped.",
        ),
    ),
)
@click.argument("directory", metavar="DIR")
@database_options
@click.option(
    "--session",
    metavar="NAME",
    help="The session's name in the table; for a directory company_X it is X.",
)
@click.option("--apply", is_flag=True, help="Write the rows; without it nothing is touched.")
@click.option(
    "--stopped",
    is_flag=True,
    help="The session's process is stopped, and stays so until it reads the table.",
)
@output_option
@layout_options
@limit_options
def command(
    directory: str, session: str | None, apply: bool, stopped: bool, output: str, **values: Any
) -> int:
    """Put the session in DIR into the table: every key with its time, and creds. Never over rows that exist."""
    name = session or _name_of(directory)
    if apply:
        require_stopped(stopped=stopped)
    where = target(values)
    with opened(where) as (database, facts):
        from baileys_janitor.keystore.transfer import import_session
        from baileys_janitor.volume.errors import VolumeProblem
        from baileys_janitor.volume.files.safe_open import open_session

        try:
            session_directory = open_session(directory, ".")
            try:
                found = import_session(
                    database, facts, session_directory, name, now=time.time(), apply=apply
                )
            finally:
                os.close(session_directory)
        except VolumeProblem as problem:
            raise Problem(f"{shown_path(directory)}: {problem}", code=problem.code) from None
    print_transfer(found, output, "put into the table", hint=not apply)
    return EXIT_DONE


def _name_of(directory: str) -> str:
    last = os.path.basename(os.path.abspath(directory))  # noqa: PTH100, PTH119 - links stay unresolved
    if not last.startswith(COMPANY_PREFIX) or last == COMPANY_PREFIX:
        raise usage(
            "--session is needed: the name that the session has, or shall have, in the table."
        )
    return last.removeprefix(COMPANY_PREFIX)

"""`baileys-janitor keystore export`: write a session from the table into a session directory."""

from __future__ import annotations

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
from baileys_janitor.cli.terminal.problems import EXIT_DONE


@click.command(
    "export",
    cls=Documented,
    examples=(
        (
            "baileys-janitor keystore export company_962303 --url-file url --session 962303 --stopped",
            "Write a session as files into a new directory.",
        ),
    ),
)
@click.argument("directory", metavar="DIR")
@database_options
@click.option("--session", metavar="NAME", required=True, help="The session's name in the table.")
@click.option(
    "--stopped",
    is_flag=True,
    help="The session's process is stopped, and stays so until it reads the files.",
)
@output_option
@layout_options
@limit_options
def command(directory: str, session: str, stopped: bool, output: str, **values: Any) -> int:
    """Write the session into DIR, which must be empty or not be there. The table stays as it is."""
    require_stopped(stopped=stopped)
    where = target(values)
    with opened(where) as (database, facts):
        from baileys_janitor.keystore.transfer import export_session

        found = export_session(database, facts, directory, session)
    print_transfer(found, output, "written as files", hint=False)
    return EXIT_DONE

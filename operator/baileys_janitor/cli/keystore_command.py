"""The group of commands `keystore`: the keys of sessions in PostgreSQL."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

COMMANDS: Final = {
    "scan": "Count the keys: by type, by age, what they take.",
    "clean": "Remove what sessions can live without; a dry run unless --apply.",
    "undo": "Put the rows of a run back.",
    "grants": "Print the rights that the janitor needs.",
    "import": "Put a session directory into the table; a dry run unless --apply.",
    "export": "Write a session directory from the table.",
}


class Commands(click.Group):
    """Lists every command from its one-line help and imports only the one that runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"baileys_janitor.cli.keystore.{cmd_name}_rows").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    "keystore",
    cls=Commands,
    epilog="Start with: baileys-janitor keystore scan --url-file FILE",
)
def command() -> None:
    """Keep the keys of sessions healthy that a database holds (PostgreSQL).

    The URL of the database, postgresql://user:password@host:port/database, comes from a file (--url-file) or from
    BAILEYS_JANITOR_DATABASE_URL; everybody on this machine can read what is typed.
    """

"""`baileys-janitor keystore grants`: the rights that the janitor needs, as SQL to run."""

from __future__ import annotations

from typing import Any

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.keystore.options import layout_of_options, layout_options, sentences
from baileys_janitor.cli.terminal.output import write
from baileys_janitor.cli.terminal.problems import EXIT_DONE


@click.command(
    "grants",
    cls=Documented,
    examples=(
        (
            "baileys-janitor keystore grants --role janitor",
            "The SQL that gives the user janitor what it needs.",
        ),
    ),
)
@click.option(
    "--role", default="baileys_janitor", show_default=True, help="The user that gets them."
)
@click.option(
    "--schema", default="baileys_janitor", show_default=True, help="Schema of the janitor's tables."
)
@click.option("--backup", is_flag=True, help="Also grant the right that backups need.")
@click.option(
    "--restore", is_flag=True, help="Also grant the rights that restores and backups need."
)
@layout_options
def command(role: str, schema: str, backup: bool, restore: bool, **values: Any) -> int:
    """Print the least rights that counting, cleaning and undo need. No database is read."""
    layout = layout_of_options(values)
    with sentences():
        from baileys_janitor.keystore.postgres.driver import require_driver

        require_driver()
        from baileys_janitor.keystore.postgres.grants import grants

        write(grants(layout, role, schema, backup=backup, restore=restore))
    return EXIT_DONE

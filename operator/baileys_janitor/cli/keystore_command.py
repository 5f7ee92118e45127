"""The group of commands `keystore`: the keys of sessions in PostgreSQL."""

from __future__ import annotations

from typing import Final

import click

from baileys_janitor.cli.documented import LazyGroup

COMMANDS: Final = {
    "scan": "Count the keys: by type, by age, what they take.",
    "clean": "Remove what sessions can live without; a dry run unless --apply.",
    "undo": "Put the rows of a run back.",
    "backup": "Put encrypted archives of sessions into object stores or directories.",
    "archives": "List the archives that a repository holds.",
    "drill": "Rehearse a restore: load archives into temporary tables, and compare.",
    "fingerprints": "Print whose archives these are, to be kept beside the secret key.",
    "grants": "Print the rights that the janitor needs.",
    "import": "Put a session directory into the table; a dry run unless --apply.",
    "export": "Write a session directory from the table.",
}


@click.group(
    "keystore",
    cls=LazyGroup,
    modules=COMMANDS,
    module="baileys_janitor.cli.keystore.{}_rows",
    examples=(
        (
            "baileys-janitor keystore scan --url-file url",
            "What the database holds; nothing is changed.",
        ),
        ("baileys-janitor keystore clean --url-file url", "What a cleanup would remove, and why."),
    ),
)
def command() -> None:
    """Keep the keys of sessions healthy that a database holds (PostgreSQL).

    The URL of the database, postgresql://user:password@host:port/database, comes from a file (--url-file) or from
    BAILEYS_JANITOR_DATABASE_URL; everybody on this machine can read what is typed.
    """

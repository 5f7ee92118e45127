"""The command group `keystore`: the keys of sessions in PostgreSQL."""

from __future__ import annotations

from typing import Final

import click

from baileys_janitor.cli.help.documented import LazyGroup, Listed

COMMANDS: Final = {
    "scan": Listed(
        "keystore.scan_rows",
        "Count the keys: by type, by age, what they take.",
    ),
    "clean": Listed(
        "keystore.clean_rows",
        "Remove keys that sessions do not need; a dry run unless --apply.",
    ),
    "undo": Listed(
        "keystore.undo_rows",
        "Put the rows of a run back.",
    ),
    "backup": Listed(
        "keystore.archives.backup_rows",
        "Put encrypted archives of sessions into object stores or directories.",
    ),
    "archives": Listed(
        "keystore.archives.archives_rows",
        "List the archives that a repository holds.",
    ),
    "drill": Listed(
        "keystore.archives.drill_rows",
        "Rehearse a restore: load archives into temporary tables, and compare.",
    ),
    "restore": Listed(
        "keystore.archives.restore_rows",
        "Put rows of archives back into the table; a dry run unless --apply.",
    ),
    "fingerprints": Listed(
        "keystore.archives.fingerprints_rows",
        "Print the fingerprints to keep beside the secret key.",
    ),
    "grants": Listed(
        "keystore.grants_rows",
        "Print the rights that the janitor needs.",
    ),
    "import": Listed(
        "keystore.import_rows",
        "Put a session directory into the table; a dry run unless --apply.",
    ),
    "export": Listed(
        "keystore.export_rows",
        "Write a session directory from the table.",
    ),
}


@click.group(
    "keystore",
    cls=LazyGroup,
    listed=COMMANDS,
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

"""`baileys-janitor keystore fingerprints`: print the fingerprints to keep beside the secret key, to verify archives."""

from __future__ import annotations

from typing import Any

import click

from baileys_janitor import extras
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.keystore.options import (
    database_options,
    layout_options,
    limit_options,
    opened,
    output_option,
    schema_option,
    target,
)
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, say, write
from baileys_janitor.cli.terminal.problems import EXIT_DONE


@click.command(
    "fingerprints",
    cls=Documented,
    examples=(
        (
            "baileys-janitor keystore fingerprints --url-file url > fingerprints.txt",
            "Keep the file beside the secret key: keystore drill --fingerprints takes it.",
        ),
    ),
)
@database_options
@output_option
@schema_option
@layout_options
@limit_options
def command(output: str, schema: str, **values: Any) -> int:
    """Print a line for each session, with its fingerprint and its full name.

    They are those of the newest archives that the database remembers; no creds are read.
    """
    from baileys_janitor.cli.terminal.masking import printable

    extras.require("backup")
    with opened(target(values)) as (database, facts):
        from baileys_janitor.backup.latest import fingerprint_of
        from baileys_janitor.keystore.backup.memory import StoreMemory

        found = [
            (session, str(fingerprint_of(newest)))
            for session, known in StoreMemory(database, facts, schema).sessions().items()
            for newest in known.archives[:1]
        ]
    if output in MACHINE_FORMATS:
        from baileys_janitor.cli.keystore.documents import FINGERPRINTS_SCHEMA, print_document

        sessions = [{"session": name, "fingerprint": each} for name, each in found]
        print_document(FINGERPRINTS_SCHEMA, {"sessions": sessions}, output)
        return EXIT_DONE
    write("".join(f"{fingerprint}  {printable(session)}\n" for session, fingerprint in found))
    if not found:
        say("The database remembers no archive yet: keystore backup makes some.")
    return EXIT_DONE

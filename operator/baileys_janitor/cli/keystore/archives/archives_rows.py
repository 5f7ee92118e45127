"""`baileys-janitor keystore archives`: list the archives of sessions whose keys are in a database."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from baileys_janitor.cli.backup.settings import repository_options
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.keystore.archives.archived_sessions import Place, place_option
from baileys_janitor.cli.keystore.options import (
    database_options,
    layout_options,
    limit_options,
    opened,
    output_option,
    schema_option,
    target,
)
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, say
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED
from baileys_janitor.cli.terminal.reporting import Problems

if TYPE_CHECKING:
    from baileys_janitor.backup.known import Known
    from baileys_janitor.cli.backup.documents import ArchivesDocument


@click.command(
    "archives",
    cls=Documented,
    examples=(
        (
            "baileys-janitor keystore archives --from s3://bucket/prefix",
            "The sessions that it has archives of; no database is needed.",
        ),
        (
            "baileys-janitor keystore archives --url-file url --from s3://bucket/prefix --session acme",
            "Those of one session, newest first, and which of them the database remembers.",
        ),
    ),
)
@database_options
@click.option(
    "--session",
    "sessions",
    metavar="NAME",
    multiple=True,
    help="This session, by its name in the table; repeatable.",
)
@place_option
@repository_options("--from", several=False)
@output_option
@schema_option
@layout_options
@limit_options
def command(
    sessions: tuple[str, ...], place: Place, output: str, schema: str, **values: Any
) -> int:
    """List the archives of some sessions by --session, or of all that a repository has.

    Only names and sizes are read, so no key is needed. With a database, KNOWN says what it remembers.
    """
    from baileys_janitor.cli.arguments.targets import Found
    from baileys_janitor.cli.backup.archives_command import documents_of
    from baileys_janitor.cli.backup.settings import Asked
    from baileys_janitor.cli.backup.settings import opened as opened_repository
    from baileys_janitor.cli.keystore.archives.archived_sessions import database_is_named, named

    asked = Asked(values)
    destinations = [opened_repository(each, reading=True) for each in asked.places()]
    known: dict[str, Known] = {}
    if database_is_named(values):
        with opened(target(values)) as (database, facts):
            from baileys_janitor.keystore.backup.memory import StoreMemory

            known = StoreMemory(database, facts, schema).sessions()
    problems = Problems(Found([], []))
    chosen = [each.session for each in named(sessions, known, place)]
    documents: list[ArchivesDocument] = []
    for destination in destinations:
        found = documents_of(destination, chosen or None, problems, place.namespace)
        documents += [each for each in found if place.holds(each["tenant"])]
    problems.say()
    if output in MACHINE_FORMATS:
        from baileys_janitor.cli.keystore.archives.archive_text import problem_documents
        from baileys_janitor.cli.keystore.documents import ARCHIVES_SCHEMA, print_document

        told = {"sessions": documents, "problems": problem_documents(problems)}
        print_document(ARCHIVES_SCHEMA, told, output)
    elif documents:
        from baileys_janitor.cli.backup.tables import print_archives

        print_archives(documents, time.time(), listed=len(sessions) == 1)
    elif not problems:
        say("The repository holds no archive of a database's session.")
    return EXIT_FAILED if problems else EXIT_DONE

"""`baileys-janitor keystore drill`: a rehearsal of a restore, of each session or of one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from baileys_janitor.cli.backup.owners import Owners, owner_options
from baileys_janitor.cli.backup.settings import identity_option, repository_options
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
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, Problem
from baileys_janitor.cli.terminal.progress import with_progress
from baileys_janitor.cli.terminal.reporting import Problems
from baileys_janitor.cli.terminal.signals import Interrupt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.backup.known import Known
    from baileys_janitor.backup.results import Destination
    from baileys_janitor.cli.backup.documents import DrillDocument
    from baileys_janitor.cli.keystore.archives.archived_sessions import Named


@click.command(
    "drill",
    cls=Documented,
    examples=(
        (
            "baileys-janitor keystore drill --url-file url --from s3://bucket/prefix --identity backup.key",
            "The newest archive of each session that the database remembers; nothing stays behind.",
        ),
        (
            "baileys-janitor keystore drill --url-file url --from /mnt/backups --identity key --session acme",
            "That of one session.",
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
@identity_option
@owner_options
@click.option(
    "--archive", default="latest", metavar="NAME", help="An archive other than the latest."
)
@output_option
@schema_option
@layout_options
@limit_options
def command(
    sessions: tuple[str, ...],
    place: Place,
    identity: str | None,
    fingerprint: str | None,
    fingerprints_file: str | None,
    archive: str,
    output: str,
    schema: str,
    **values: Any,
) -> int:
    """Get the latest archive of each session, load it into temporary tables, and compare every row.

    Then a restore into an empty table is planned. The database may be another one with the same tables; nothing of
    them is touched. Do this monthly, where the secret key is.
    """
    from baileys_janitor.backup.fetch import Wanted
    from baileys_janitor.backup.names import session_part
    from baileys_janitor.cli.arguments.targets import Found
    from baileys_janitor.cli.backup.drill_command import document_of
    from baileys_janitor.cli.backup.sessions import archive_name
    from baileys_janitor.cli.backup.settings import Asked, identities_of
    from baileys_janitor.cli.backup.settings import opened as opened_repository

    asked = Asked(values)
    owners = Owners(fingerprint, fingerprints_file)
    name = archive_name(archive)
    identities = identities_of(identity, asked)
    destinations = [opened_repository(each, reading=True) for each in asked.places()]
    where = target(values)
    problems = Problems(Found([], []))
    interrupt = Interrupt()
    documents: list[DrillDocument] = []
    with interrupt.heeded(), opened(where) as (database, facts):
        from baileys_janitor.keystore.backup.drill import drill_rows
        from baileys_janitor.keystore.backup.memory import StoreMemory

        known = StoreMemory(database, facts, schema).sessions()
        for destination in destinations:
            chosen = _chosen(destination, sessions, known, owners, problems, place)
            for each in with_progress(chosen, "Rehearsing the restore of"):
                if interrupt.asked:
                    break
                tenant = each.session.tenant
                wanted = Wanted(
                    *(place.namespace, tenant, each.session.known, name),
                    owners.of(session_part(tenant)),
                    anybody=True,  # the owner is shown
                )
                result = drill_rows(
                    *(database, facts, destination.repository, wanted, identities, time.time()),
                    each.name,
                )
                documents.append(document_of(destination, each.session, result))
                if result.message is not None:
                    message = f"{tenant}: the drill failed: {result.message}"
                    problems.add_of(tenant, Problem(message, code=result.code or "Failed"))
    problems.say()
    _print(documents, problems, output)
    if interrupt.asked:
        say("Interrupted; the sessions that are not listed were not rehearsed.")
        return EXIT_INTERRUPTED
    return EXIT_FAILED if problems else EXIT_DONE


def _chosen(
    destination: Destination,
    sessions: Sequence[str],
    known: dict[str, Known],
    owners: Owners,
    problems: Problems,
    place: Place,
) -> list[Named]:
    """Return the named sessions, else the recorded ones, else those in the database, else all in the repository."""
    from baileys_janitor.backup.errors import BackupProblem
    from baileys_janitor.backup.known import Known
    from baileys_janitor.cli.backup.sessions import Session, archives_in
    from baileys_janitor.cli.backup.settings import problem_of
    from baileys_janitor.cli.keystore.archives.archived_sessions import Named, named

    names = sessions or [each.directory for each in owners.recorded]
    if names or known:
        return named(names, known, place)
    try:
        found = archives_in(destination.repository, namespace=place.namespace)
    except BackupProblem as problem:
        problems.add_of(destination.name, problem_of(destination.name, problem))
        return []
    tenants = [each for each in found if place.holds(each)]
    if not tenants:
        message = f"{destination.name} holds no archive of a database's session: check the URL."
        problems.add_of(destination.name, Problem(message, code="NoArchive"))
    return [Named(None, Session(tenant, Known())) for tenant in tenants]


def _print(documents: Sequence[DrillDocument], problems: Problems, output: str) -> None:
    if output in MACHINE_FORMATS:
        from baileys_janitor.cli.keystore.archives.archive_text import problem_documents
        from baileys_janitor.cli.keystore.documents import DRILL_SCHEMA, print_document

        found = {"sessions": documents, "problems": problem_documents(problems)}
        print_document(DRILL_SCHEMA, found, output)
    elif documents:
        from baileys_janitor.cli.backup.tables import print_drills

        print_drills(documents, time.time(), "ROWS")

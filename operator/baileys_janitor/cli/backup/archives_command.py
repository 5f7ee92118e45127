"""`baileys-janitor archives`: list the archives in a repository."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from baileys_janitor.backup.names import ONE_SERVER
from baileys_janitor.cli.arguments.options import output_option, target_options
from baileys_janitor.cli.backup.settings import repository_options
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, say
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED
from baileys_janitor.cli.terminal.reporting import Problems, print_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.backup.results import Destination
    from baileys_janitor.backup.stores.repository import Listed
    from baileys_janitor.cli.backup.documents import ArchiveDocument, ArchivesDocument
    from baileys_janitor.cli.backup.sessions import Session


@click.command(
    "archives",
    cls=Documented,
    examples=(
        (
            "baileys-janitor archives --from s3://bucket/prefix",
            "The sessions that it has archives of.",
        ),
        (
            "baileys-janitor archives /srv/sessions/acme --from s3://bucket/prefix",
            "Those of one session, newest first.",
        ),
    ),
)
@target_options
@repository_options("--from", several=False)
@click.option(
    "--tenant",
    "tenants",
    metavar="NAME",
    multiple=True,
    help="A session whose directory is not here; repeatable.",
)
@output_option("table", "json", "yaml")
def command(
    paths: tuple[str, ...],
    companies: tuple[str, ...],
    pattern: str | None,
    tenants: tuple[str, ...],
    output: str,
    **values: Any,
) -> int:
    """List the archives of the sessions in PATH, of those named by --tenant, or of all in a repository.

    Only names and sizes are read, so no key is needed.
    """
    from baileys_janitor.cli.arguments.targets import Found, find_targets
    from baileys_janitor.cli.backup.sessions import sessions_of
    from baileys_janitor.cli.backup.settings import Asked, opened
    from baileys_janitor.cli.terminal.json_output import ARCHIVES_SCHEMA

    asked = Asked(values)
    destinations = [opened(each, reading=True) for each in asked.places()]
    found = find_targets(paths, companies, pattern) if paths else Found([], [])
    problems = Problems(found)
    sessions = sessions_of(found, tenants, problems)
    everything = not paths and not tenants
    documents: list[ArchivesDocument] = []
    for destination in destinations:
        documents += documents_of(destination, None if everything else sessions, problems)
    problems.say()
    if output in MACHINE_FORMATS:
        print_document(ARCHIVES_SCHEMA, documents, problems, output)
    elif documents:
        from baileys_janitor.cli.backup.tables import print_archives

        print_archives(documents, time.time(), listed=len(sessions) == 1 and not everything)
    elif not problems:
        say("The repository holds no archive.")
    return EXIT_FAILED if problems else EXIT_DONE


def documents_of(
    destination: Destination,
    sessions: Sequence[Session] | None,
    problems: Problems,
    namespace: str = ONE_SERVER,
) -> list[ArchivesDocument]:
    """Return the archives of some sessions in a repository; of all sessions if `sessions` is None."""
    from baileys_janitor.backup.errors import BackupProblem
    from baileys_janitor.backup.known import Known
    from baileys_janitor.cli.backup.sessions import Session, archives_in
    from baileys_janitor.cli.backup.settings import problem_of

    # One list of all costs less than one for each session; a single session is listed by itself.
    alone = sessions is not None and len(sessions) == 1
    try:
        found = archives_in(
            destination.repository,
            sessions[0].tenant if sessions and alone else None,
            namespace,
        )
    except BackupProblem as problem:
        problems.add_of(destination.name, problem_of(destination.name, problem))
        return []
    if sessions is None:
        sessions = [Session(tenant, Known()) for tenant in found]
    return [_document(destination, each, found.get(each.tenant, [])) for each in sessions]


def _document(
    destination: Destination, session: Session, archives: Sequence[Listed]
) -> ArchivesDocument:
    return {
        "path": session.path,
        "company": session.company,
        "tenant": session.tenant,
        "repository": destination.name,
        "bytes": sum(each.size for each in archives),
        "archives": [_archive(session, each) for each in archives],
    }


def _archive(session: Session, listed: Listed) -> ArchiveDocument:
    from baileys_janitor.cli.terminal.formatting import rfc3339
    from baileys_janitor.policy.clocks import is_ahead

    name = listed.path.name
    known = session.known.of_name(name) is not None if session.known.archives else None
    return {
        "name": str(name),
        "time": rfc3339(name.time),
        "bytes": listed.size,
        "encrypted": name.encrypted,
        "known": known,
        "ahead": is_ahead(name.time, time.time()),
    }

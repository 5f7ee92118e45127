"""`baileys-janitor drill`: a rehearsal of a restore, of each session or of one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from baileys_janitor.cli.arguments.options import output_option, target_options
from baileys_janitor.cli.backup.owners import Owners, owner_options
from baileys_janitor.cli.backup.settings import identity_option, repository_options
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, say
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, Problem
from baileys_janitor.cli.terminal.progress import with_progress
from baileys_janitor.cli.terminal.reporting import Problems, print_document
from baileys_janitor.cli.terminal.signals import Interrupt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.backup.archive.encryption import Identities
    from baileys_janitor.backup.drill import DrillResult
    from baileys_janitor.backup.names import ArchiveName
    from baileys_janitor.backup.results import Destination
    from baileys_janitor.cli.backup.documents import DrillDocument
    from baileys_janitor.cli.backup.sessions import Session


@click.command(
    "drill",
    cls=Documented,
    examples=(
        (
            "baileys-janitor drill --from s3://bucket/prefix --identity backup.key --fingerprints fingerprints.txt",
            "The newest archive of each session that the repository has; nothing is written.",
        ),
        (
            "baileys-janitor drill /srv/sessions/acme --from s3://bucket/prefix --identity backup.key",
            "That of one session.",
        ),
    ),
)
@target_options
@repository_options("--from", several=False)
@identity_option
@owner_options
@click.option(
    "--tenant",
    "tenants",
    metavar="NAME",
    multiple=True,
    help="A session whose directory is not here; repeatable.",
)
@click.option(
    "--archive", default="latest", metavar="NAME", help="An archive other than the latest."
)
@output_option("table", "json", "yaml")
def command(
    paths: tuple[str, ...],
    companies: tuple[str, ...],
    pattern: str | None,
    identity: str | None,
    fingerprint: str | None,
    fingerprints_file: str | None,
    tenants: tuple[str, ...],
    archive: str,
    output: str,
    **values: Any,
) -> int:
    """Get the latest archive of each session, open it, check all of it, and plan a restore into an empty directory.

    Nothing is written. Only an archive that was opened is known to be good: do this monthly, where the secret key is. A
    restore takes as long.
    """
    from baileys_janitor.cli.arguments.targets import Found, find_targets
    from baileys_janitor.cli.backup.sessions import archive_name, sessions_of
    from baileys_janitor.cli.backup.settings import Asked, identities_of, opened

    asked = Asked(values)
    owners = Owners(fingerprint, fingerprints_file)
    name = archive_name(archive)
    identities = identities_of(identity, asked)
    destinations = [opened(each, reading=True) for each in asked.places()]
    found = find_targets(paths, companies, pattern) if paths else Found([], [])
    problems = Problems(found)
    sessions = sessions_of(found, tenants, problems)
    interrupt = Interrupt()
    documents: list[DrillDocument] = []
    with interrupt.heeded():
        for destination in destinations:
            these = sessions if paths or tenants else _all(destination, owners, problems)
            documents += _drills(destination, these, name, identities, owners, problems, interrupt)
    problems.say()
    _print(documents, problems, output)
    if interrupt.asked:
        say("Interrupted; the sessions that are not listed were not rehearsed.")
        return EXIT_INTERRUPTED
    return EXIT_FAILED if problems else EXIT_DONE


def _all(destination: Destination, owners: Owners, problems: Problems) -> list[Session]:
    """Return the recorded sessions, or all in the repository."""
    from baileys_janitor.backup.errors import BackupProblem
    from baileys_janitor.backup.known import Known
    from baileys_janitor.cli.backup.sessions import Session, archives_in
    from baileys_janitor.cli.backup.settings import problem_of

    if owners.recorded:
        return [Session(each.tenant, Known()) for each in owners.recorded]
    try:
        found = archives_in(destination.repository)
    except BackupProblem as problem:
        problems.add_of(destination.name, problem_of(destination.name, problem))
        return []
    if not found:
        message = f"{destination.name} holds no archive of any session: check the URL."
        problems.add_of(destination.name, Problem(message, code="NoArchive"))
    return [Session(tenant, Known()) for tenant in found]


def _drills(
    destination: Destination,
    sessions: Sequence[Session],
    name: ArchiveName | None,
    identities: Identities | None,
    owners: Owners,
    problems: Problems,
    interrupt: Interrupt,
) -> list[DrillDocument]:
    from baileys_janitor.backup.drill import FAILED, drill
    from baileys_janitor.backup.fetch import Wanted
    from baileys_janitor.backup.names import ONE_SERVER

    documents = []
    for session in with_progress(sessions, "Rehearsing the restore of"):
        if interrupt.asked:
            break
        wanted = Wanted(
            *(ONE_SERVER, session.tenant, session.known, name, owners.of(session.tenant)),
            anybody=True,  # the owner is shown
        )
        result = drill(destination.repository, wanted, identities, time.time())
        documents.append(document_of(destination, session, result))
        if result.outcome == FAILED:
            message = f"{session.shown}: the drill failed: {result.message}"
            problems.add_of(session.shown, Problem(message, code=result.code or "Failed"))
    return documents


def document_of(destination: Destination, session: Session, result: DrillResult) -> DrillDocument:
    """Return the document of a drill."""
    from baileys_janitor.cli.terminal.formatting import rfc3339

    return {
        "path": session.path,
        "company": session.company,
        "tenant": session.tenant,
        "repository": destination.name,
        "outcome": result.outcome,
        "code": result.code,
        "message": result.message,
        "archive": result.archive,
        "time": rfc3339(result.time),
        "bytes": result.size,
        "files": result.files,
        "filesByKind": result.by_kind,
        "fingerprint": result.fingerprint or None,
        "vouched": result.vouched,
        "restorable": result.restorable,
        "keptBack": result.kept_back,
        "duration": round(result.seconds, 3),
    }


def _print(documents: Sequence[DrillDocument], problems: Problems, output: str) -> None:
    from baileys_janitor.cli.terminal.json_output import DRILL_SCHEMA

    if output in MACHINE_FORMATS:
        print_document(DRILL_SCHEMA, documents, problems, output)
    elif documents:
        from baileys_janitor.cli.backup.tables import print_drills

        print_drills(documents, time.time())

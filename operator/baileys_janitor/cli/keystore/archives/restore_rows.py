"""`baileys-janitor keystore restore`: put rows of archives back into the tables; a dry run unless --apply."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from baileys_janitor.cli.arguments.options import DRY_RUN_VARIABLE, dry_run_asked
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
from baileys_janitor.cli.terminal.problems import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    Problem,
    usage,
)
from baileys_janitor.cli.terminal.reporting import Problems
from baileys_janitor.cli.terminal.signals import Interrupt
from baileys_janitor.policy.archives.restore_codes import MODES, NOTHING_RAN_SINCE, SAFE
from baileys_janitor.policy.archives.restore_credentials import ACKNOWLEDGEMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from baileys_janitor.backup.known import Known
    from baileys_janitor.cli.keystore.archives.restoring import RowsRestoreDocument


def pause(seconds: float) -> None:
    """Wait; tests replace it with their own clock."""
    time.sleep(seconds)


@click.command(
    "restore",
    cls=Documented,
    examples=(
        (
            "baileys-janitor keystore restore --url-file url --from s3://bucket/prefix --identity key --session acme",
            "What the latest archive would put back; nothing is changed.",
        ),
        (
            "baileys-janitor keystore restore --url-file url --config backup.yaml --all --fingerprints prints.txt",
            "After the loss of a database: every session that you have recorded.",
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
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Every session in --fingerprints, or else that the database remembers.",
)
@click.option(
    "--mode",
    type=click.Choice(MODES, case_sensitive=False),
    metavar="|".join(MODES),
    default=SAFE,
    help="Safe: all that breaks nothing. Credentials: creds alone. Whole: everything as it was, of a session that was "
    "stopped when it was archived.  [Safe]",
)
@click.option("--apply", is_flag=True, help="Write the rows; without it nothing is touched.")
@click.option("--stopped", is_flag=True, help="The processes that use the sessions are stopped.")
@click.option(
    "--acknowledge",
    "acknowledged",
    multiple=True,
    type=click.Choice((*ACKNOWLEDGEMENTS, NOTHING_RAN_SINCE), case_sensitive=False),
    metavar="CODE",
    help="Restore although a check has found this; repeatable.",
)
@repository_options("--from", several=False)
@identity_option
@owner_options
@place_option
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
    every: bool,
    apply: bool,
    stopped: bool,
    output: str,
    schema: str,
    **values: Any,
) -> int:
    """Put rows of an archive back into the tables, as far as that breaks nothing; a dry run unless --apply.

    Never over a row that exists. Each session goes back in one transaction, or not at all; undo takes it away again.
    The rules are those of files, and so is who may say whose archive it is.
    """
    from baileys_janitor.cli.arguments.targets import Found
    from baileys_janitor.cli.backup.sessions import archive_name
    from baileys_janitor.cli.backup.settings import Asked, identities_of
    from baileys_janitor.cli.backup.settings import opened as opened_repository
    from baileys_janitor.cli.keystore.archives.restoring import Request, Restores

    asked = Asked(values)
    places = asked.places()
    if len(places) > 1:
        names = ", ".join(each.name for each in places)
        raise usage(f"A restore is from one repository: give --repository NAME ({names}).")
    owners = Owners(values["fingerprint"], values["fingerprints_file"])
    _require_sessions(sessions, values, every=every)
    name = archive_name(values["archive"])
    identities = identities_of(values["identity"], asked)
    repository = opened_repository(places[0], reading=True)
    where = target(values)
    if apply and dry_run_asked():
        say(f"{DRY_RUN_VARIABLE}=true: this is a dry run, although --apply was given.")
        apply = False
    if apply:
        _require_stopped(stopped=stopped)
    problems, interrupt = Problems(Found([], [])), Interrupt()
    with interrupt.heeded(), opened(where) as (database, facts):
        from baileys_janitor.keystore.backup.memory import StoreMemory
        from baileys_janitor.keystore.restore.run import RestoringRows
        from baileys_janitor.volume.operations import new_run_id

        known = StoreMemory(database, facts, schema).sessions()
        request = Request(
            *(repository, identities, name, values["mode"], values["acknowledged"]),
            *(owners, known, place),
        )
        run = new_run_id(time.time(), "restore")
        restoring = RestoringRows(database, facts, run, schema=schema)
        chosen = _chosen(sessions, owners, known, every=every)
        restores = Restores(restoring, request, run, problems, interrupt, pause)
        documents = restores.carry_out(database, facts, chosen, apply=apply)
    problems.say()
    _print(documents, problems, output, len(chosen))
    if interrupt.asked:
        say("Interrupted; only the sessions listed as restored were restored.")
        return EXIT_INTERRUPTED
    return EXIT_FAILED if problems else EXIT_DONE


def _require_sessions(sessions: Sequence[str], values: Mapping[str, Any], *, every: bool) -> None:
    if every == bool(sessions):
        raise usage(
            "Say which sessions to restore: --session NAME, by its name in the table, or --all."
        )
    if values["fingerprint"] and (every or len(sessions) > 1):
        raise usage(
            "--fingerprint is of one session: give --fingerprints and the file that `baileys-janitor keystore "
            "fingerprints` has printed."
        )
    if values["archive"] != "latest" and (every or len(sessions) > 1):
        raise usage("--archive is of one session: name that with --session.")


def _chosen(
    sessions: Sequence[str], owners: Owners, known: Mapping[str, Known], *, every: bool
) -> list[str]:
    if not every:
        return list(dict.fromkeys(sessions))
    recorded = [each.directory for each in owners.recorded]
    found = list(dict.fromkeys(recorded or known))
    if not found:
        raise usage(
            "--all: the database remembers no archive, so give --fingerprints and the file that `baileys-janitor "
            "keystore fingerprints` has printed."
        )
    return found


def _require_stopped(*, stopped: bool) -> None:
    """Ask whether the processes are stopped; without a terminal --stopped is required."""
    if stopped:
        return
    if sys.stdin.isatty() and sys.stderr.isatty():
        if click.confirm(
            "Is every process that uses these sessions stopped, here and elsewhere?", err=True
        ):
            return
        raise Problem(
            "Nothing was restored: two processes with one session break it.", code="NotStopped"
        )
    raise usage(
        "--apply needs --stopped: two processes with one session break it. Stop every process that uses these "
        "sessions, here and elsewhere, and say so with --stopped."
    )


def _print(
    documents: Sequence[RowsRestoreDocument], problems: Problems, output: str, asked_for: int
) -> None:
    if output in MACHINE_FORMATS:
        from baileys_janitor.cli.keystore.archives.archive_text import problem_documents
        from baileys_janitor.cli.keystore.documents import RESTORE_SCHEMA, print_document

        found = {"sessions": documents, "problems": problem_documents(problems)}
        print_document(RESTORE_SCHEMA, found, output)
        return
    from baileys_janitor.cli.keystore.archives.restore_text import print_restore, print_restores

    if asked_for > 1:
        print_restores(documents, time.time())
    for document in documents if asked_for == 1 else ():
        print_restore(document, time.time())

"""`baileys-janitor keystore backup`: put encrypted archives of sessions' rows into object stores or directories."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from baileys_janitor.cli.arguments.options import DRY_RUN_VARIABLE, dry_run_asked
from baileys_janitor.cli.backup.options import archive_options
from baileys_janitor.cli.backup.settings import repository_options
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
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, say
from baileys_janitor.cli.terminal.problems import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    Problem,
    usage,
)
from baileys_janitor.cli.terminal.progress import with_progress
from baileys_janitor.cli.terminal.reporting import Problems
from baileys_janitor.cli.terminal.signals import Interrupt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.backup.results import BackupResult
    from baileys_janitor.cli.keystore.archives.archive_text import RowsBackupDocument
    from baileys_janitor.keystore.backup.run import BackingUp
    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database


def pause(seconds: float) -> None:
    """Wait; tests replace it with their own clock."""
    time.sleep(seconds)


@click.command(
    "backup",
    cls=Documented,
    examples=(
        (
            "baileys-janitor keystore backup --url-file url --to s3://bucket/prefix --recipients-file backup.pub",
            "An archive of each session that has changed; the bots may run on.",
        ),
    ),
)
@database_options
@click.option(
    "--session",
    "sessions",
    metavar="NAME",
    multiple=True,
    help="This session alone, by its name in the table; repeatable.",
)
@repository_options("--to", several=True)
@archive_options
@click.option(
    "--stopped", is_flag=True, help="No process uses the sessions: the archives can move them."
)
@click.option("--force", is_flag=True, help="Put an archive although the session has not changed.")
@click.option(
    "--no-memory",
    is_flag=True,
    help="Record no archives, for users that may only read: each run uploads one. Needs --bucket-days.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print problems alone.")
@output_option
@schema_option
@layout_options
@limit_options
def command(
    sessions: tuple[str, ...],
    stopped: bool,
    force: bool,
    no_memory: bool,
    quiet: bool,
    output: str,
    schema: str,
    **values: Any,
) -> int:
    """Put an archive of each session that has changed into every repository.

    Each session's rows are read in one transaction, as one moment has seen them; nobody is held up. They hold private
    keys, which leave the database encrypted to public keys alone. A session without complete creds is not backed up.
    """
    from baileys_janitor.cli.arguments.targets import Found
    from baileys_janitor.cli.backup.settings import Asked, keep_of, recipients_of
    from baileys_janitor.cli.backup.settings import opened as opened_repository

    asked = Asked(values)
    recipients, keep = recipients_of(asked), keep_of(asked)
    if no_memory and keep.bucket_days is None:
        raise usage(
            "With --no-memory no command removes old archives: use a lifecycle rule of the store, and confirm it with"
            " --bucket-days."
        )
    destinations = [opened_repository(each) for each in asked.places()]
    where = target(values)
    if dry_run_asked():
        say(f"{DRY_RUN_VARIABLE}=true: this is a dry run, nothing is backed up.")
        return EXIT_DONE
    problems = Problems(Found([], []))
    interrupt = Interrupt()
    documents: list[RowsBackupDocument] = []
    with interrupt.heeded(), opened(where) as (database, facts):
        from baileys_janitor.keystore.backup.memory import StoreMemory
        from baileys_janitor.keystore.backup.run import BackingUp

        backing_up = BackingUp(
            database,
            facts,
            destinations=destinations,
            recipients=recipients,
            keep=keep,
            memory=None if no_memory else StoreMemory(database, facts, schema),
            force=force,
            quiesced=stopped,
        )
        chosen = _chosen(backing_up, sessions, problems)
        if stopped:
            chosen = _quiet(database, facts, chosen, problems, interrupt)
        for session in with_progress(chosen, "Backing up"):
            if interrupt.asked:
                break
            result = backing_up.back_up(session)
            documents.append(_entered(session, result, problems, several=len(destinations) > 1))
    problems.say()
    _print(documents, problems, output, quiet=quiet)
    if interrupt.asked:
        say("Interrupted; the sessions that are not listed were not backed up.")
        return EXIT_INTERRUPTED
    return EXIT_FAILED if problems else EXIT_DONE


def _quiet(
    database: Database,
    facts: Facts,
    sessions: Sequence[str],
    problems: Problems,
    interrupt: Interrupt,
) -> list[str]:
    """Return the sessions whose rows no process writes to for a minute."""
    from baileys_janitor.cli.terminal.formatting import counted, watching
    from baileys_janitor.keystore.restore.quiet import Writes
    from baileys_janitor.keystore.results import masked
    from baileys_janitor.volume.scanning.quiet import WATCH_SECONDS

    writes = Writes(database, facts, sessions)
    say(watching(counted(len(sessions), "session"), WATCH_SECONDS))
    writes.wait(WATCH_SECONDS, pause, interrupt.code)
    running = [each for each in sessions if writes.changed(each)]
    for each in running:
        text = "the session's rows were just written, so its process runs: nothing was put."
        problems.add_of(
            masked(each),
            Problem(
                f"{masked(each)}: {text} Stop it, or leave out --stopped.", code="StillWriting"
            ),
        )
    return [each for each in sessions if each not in running]


def _chosen(backing_up: BackingUp, wanted: Sequence[str], problems: Problems) -> list[str]:
    """Return the sessions to back up, each with a distinct name in the repository."""
    from baileys_janitor.backup.names import tenant_of
    from baileys_janitor.keystore.results import masked

    there = backing_up.sessions
    for name in wanted:
        if name not in there:
            text = "there are no creds of a session of that name; names are compared exactly."
            problems.add_of(masked(name), Problem(f"{masked(name)}: {text}", code="SessionMissing"))
    tenants: dict[str, str] = {}
    chosen = []
    for name in there if not wanted else [each for each in there if each in wanted]:
        first = tenants.setdefault(tenant_of(name), name)
        if first == name:
            chosen.append(name)
            continue
        text = f"would be archived under the same name as {masked(first)}: rename one of them."
        problems.add_of(masked(name), Problem(f"{masked(name)}: {text}", code="SameName"))
    return chosen


def _entered(
    session: str, result: BackupResult, problems: Problems, *, several: bool
) -> RowsBackupDocument:
    from baileys_janitor.backup.results import FAILED
    from baileys_janitor.cli.backup.back_up import repository_problems
    from baileys_janitor.cli.keystore.archives.archive_text import backup_document
    from baileys_janitor.keystore.results import masked

    shown = masked(session)
    if result.code is not None and result.outcome == FAILED:
        problems.add_of(shown, Problem(f"{shown}: {result.message}", code=result.code))
    else:
        for each in repository_problems(shown, result, several=several):
            problems.add_of(shown, each)
    return backup_document(session, result)


def _print(
    documents: list[RowsBackupDocument], problems: Problems, output: str, *, quiet: bool
) -> None:
    from baileys_janitor.cli.keystore.archives.archive_text import print_backups, problem_documents

    if output in MACHINE_FORMATS:
        from baileys_janitor.cli.keystore.documents import BACKUP_SCHEMA, print_document

        found = {"sessions": documents, "problems": problem_documents(problems)}
        print_document(BACKUP_SCHEMA, found, output)
    elif documents and not quiet:
        print_backups(documents, time.time())

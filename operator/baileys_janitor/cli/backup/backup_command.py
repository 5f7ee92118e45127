"""`baileys-janitor backup`: put encrypted archives of sessions into object stores or directories."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import click

from baileys_janitor.cli.arguments.options import (
    DRY_RUN_VARIABLE,
    dry_run_asked,
    output_option,
    paths_or_environment,
    target_options,
)
from baileys_janitor.cli.backup.options import archive_options
from baileys_janitor.cli.backup.settings import repository_options
from baileys_janitor.cli.help.documented import CommandOrGroup, Listed
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, say
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, Problem
from baileys_janitor.cli.terminal.progress import with_progress
from baileys_janitor.cli.terminal.reporting import Problems, print_document
from baileys_janitor.cli.terminal.signals import Interrupt

if TYPE_CHECKING:
    from baileys_janitor.cli.backup.documents import BackupDocument

COMMANDS: Final = {
    "keygen": Listed(
        "backup.keygen_command",
        "Make the keys to encrypt and open archives.",
    ),
    "fingerprints": Listed(
        "backup.fingerprints_command",
        "Print the fingerprints to keep beside the secret key.",
    ),
}

pause = time.sleep
"""Waits while a directory is watched; tests replace it."""


@click.command(
    "backup",
    cls=CommandOrGroup,
    listed=COMMANDS,
    examples=(
        ("baileys-janitor backup keygen -o backup.key", "Once: make the keys."),
        (
            "baileys-janitor backup /srv/sessions --to s3://bucket/prefix --recipient age1...",
            "An archive of each session that has changed; the bots may run on.",
        ),
        (
            "baileys-janitor backup --config /etc/baileys-janitor.yaml -q",
            "For cron: everything by the file, and only problems are printed.",
        ),
    ),
)
@target_options
@repository_options("--to", several=True)
@archive_options
@click.option(
    "--stopped", is_flag=True, help="No process uses the sessions: the archives can move them."
)
@click.option("--force", is_flag=True, help="Put an archive although the session has not changed.")
@click.option("-q", "--quiet", is_flag=True, help="Print problems alone.")
@output_option("table", "json", "yaml")
def command(
    paths: tuple[str, ...],
    companies: tuple[str, ...],
    pattern: str | None,
    stopped: bool,
    force: bool,
    quiet: bool,
    output: str,
    **values: Any,
) -> int:
    """Put an archive of each session that has changed into every repository.

    The process of a session may keep running. Archives are encrypted to public keys, so the machine that makes them
    cannot read them. A damaged session is not backed up. A store's credentials come from --credentials or the
    environment.
    """
    from baileys_janitor.cli.arguments.targets import find_targets
    from baileys_janitor.cli.backup.back_up import Work
    from baileys_janitor.cli.backup.settings import Asked, keep_of, opened, recipients_of

    asked = Asked(values)
    recipients, keep = recipients_of(asked), keep_of(asked)
    destinations = [opened(each) for each in asked.places()]
    found = find_targets(paths or asked.paths or paths_or_environment(paths), companies, pattern)
    problems = Problems(found)
    if dry_run_asked():
        say(f"{DRY_RUN_VARIABLE}=true: this is a dry run, nothing is backed up.")
        return EXIT_DONE
    work = Work(destinations, recipients, keep, stopped=stopped, force=force, pause=pause)
    interrupt = Interrupt()
    documents: list[BackupDocument] = []
    with interrupt.heeded():
        work.watch(found.targets, interrupt)
        for target in with_progress(found.targets, "Backing up"):
            if interrupt.asked:
                break
            try:
                document, failed = work.back_up(target, interrupt)
            except Problem as problem:
                problems.add(target, problem)
                continue
            documents.append(document)
            for each in failed:
                problems.add(target, each)
    problems.say()
    if output in MACHINE_FORMATS:
        from baileys_janitor.cli.terminal.json_output import BACKUP_SCHEMA

        print_document(BACKUP_SCHEMA, documents, problems, output)
    elif documents and not quiet:
        from baileys_janitor.cli.backup.tables import print_backups

        print_backups(documents, time.time(), paths or asked.paths)
    if interrupt.asked:
        say("Interrupted; the sessions that are not listed were not backed up.")
        return EXIT_INTERRUPTED
    return EXIT_FAILED if problems else EXIT_DONE

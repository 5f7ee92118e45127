"""`baileys-janitor keep`: keep copies of creds.json from which a broken one can be restored."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from baileys_janitor.cli.arguments.options import (
    DRY_RUN_VARIABLE,
    dry_run_asked,
    output_option,
    paths_or_environment,
    target_options,
)
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, say
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED, Problem, usage
from baileys_janitor.cli.terminal.reporting import Problems, print_document
from baileys_janitor.policy.archives.credential_copies import EVERY_SECONDS, KEEP, KEEP_MOST

if TYPE_CHECKING:
    from baileys_janitor.cli.terminal.json_output import KeepDocument


@click.command(
    "keep",
    cls=Documented,
    examples=(
        ("baileys-janitor keep /srv/sessions", "Keep a copy of each creds.json that has changed."),
        (
            "baileys-janitor keep /srv/sessions --every 6h -q",
            "For cron: a copy every six hours at most.",
        ),
    ),
)
@target_options
@click.option(
    "--every",
    metavar="AGE",
    help="Keep a copy of a changed creds.json when the newest is this old; 0s: whenever it changed.  [24h]",
)
@click.option(
    "--copies",
    "keep",
    default=KEEP,
    type=click.IntRange(1, KEEP_MOST),
    metavar="N",
    help=f"How many copies of one pairing stay, at most {KEEP_MOST}.  [{KEEP}]",
)
@click.option("-q", "--quiet", is_flag=True, help="Print problems alone.")
@output_option("table", "json", "yaml")
def command(
    paths: tuple[str, ...],
    companies: tuple[str, ...],
    pattern: str | None,
    every: str | None,
    keep: int,
    quiet: bool,
    output: str,
) -> int:
    """Keep a copy of each creds.json that is whole, beside it and readable by its owner alone.

    A PATH is what clean takes. The process may run on. A torn creds.json is never kept; restore
    puts a kept copy back.
    """
    from baileys_janitor.cli.arguments.targets import find_targets
    from baileys_janitor.cli.copies.credential_copies import keep_copy
    from baileys_janitor.cli.terminal.json_output import KEEP_SCHEMA

    # Parsing a length of time loads modules that take longer than a scan of a hundred directories.
    seconds = EVERY_SECONDS if every is None else _seconds("--every", every)
    found = find_targets(paths_or_environment(paths), companies, pattern)
    problems = Problems(found)
    dry_run = bool(dry_run_asked())
    if dry_run:
        say(f"{DRY_RUN_VARIABLE}=true: this is a dry run, no copy is kept.")
    directories: list[KeepDocument] = []
    now = time.time()
    for target in found.targets if not dry_run else ():
        try:
            document, problem = keep_copy(target, now, every=seconds, keep=keep)
        except Problem as failed:
            problems.add(target, failed)
            continue
        directories.append(document)
        if problem is not None:
            problems.add(target, problem)
    problems.say()
    if output in MACHINE_FORMATS:
        print_document(KEEP_SCHEMA, directories, problems, output)
    elif directories and not quiet:
        from baileys_janitor.cli.copies.copies_tables import print_kept

        print_kept(directories, now)
    return EXIT_FAILED if problems else EXIT_DONE


def _seconds(option: str, text: str) -> int:
    from baileys_janitor.api.values.durations import seconds_of

    try:
        return seconds_of(text)
    except ValueError as error:
        raise usage(f"{option}: {error}") from error

"""`baileys-janitor scan`: count the files of session directories and report faults."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from baileys_janitor.cli.arguments.options import (
    SETTINGS_EPILOG,
    output_option,
    paths_or_environment,
    settings_options,
    target_options,
)
from baileys_janitor.cli.help.documented import USUAL_EXITS, Documented
from baileys_janitor.cli.terminal.json_output import SCAN_SCHEMA, DirectoryDocument
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS
from baileys_janitor.cli.terminal.problems import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_LEVEL_REACHED,
    Problem,
)
from baileys_janitor.cli.terminal.reporting import Problems, print_document
from baileys_janitor.policy.levels import CRITICAL, EMERGENCY, LEVELS, WARNING, at_least

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command(
    "scan",
    cls=Documented,
    exits=tuple(sorted((*USUAL_EXITS, EXIT_LEVEL_REACHED))),
    examples=(
        (
            "baileys-janitor scan /srv/sessions",
            "Every session of a root: level, counts, what is wrong and what to do.",
        ),
        (
            "baileys-janitor scan /srv/sessions --company 962303 -o wide",
            "One of them, with the kinds of files.",
        ),
        (
            "baileys-janitor scan /srv/sessions --fail-on Critical -o json",
            "For monitoring: exit code 3 at level Critical or Emergency.",
        ),
    ),
    epilog=SETTINGS_EPILOG,
)
@target_options
@output_option("table", "wide", "json", "yaml")
@click.option(
    "--fail-on",
    type=click.Choice([WARNING, CRITICAL, EMERGENCY], case_sensitive=False),
    help="Exit with 3 when any directory has this level or a worse one; with 1 when it has a fault.",
)
@settings_options(aliases={"--emergency-at": "--emergency"})
def command(
    paths: tuple[str, ...],
    companies: tuple[str, ...],
    pattern: str | None,
    output: str,
    fail_on: str | None,
    **values: Any,
) -> int:
    """Count the files of session directories, show their levels, and say what is wrong.

    A PATH is a session directory, or one with session directories down to three levels beneath it;
    without a PATH, BAILEYS_SESSIONS_PATH is used. Nothing is changed. The exit code is 1 when a
    directory cannot be scanned, or has a fault: what is wrong and what to do is printed.
    """
    from baileys_janitor.cli.arguments.settings import settings_in_force
    from baileys_janitor.cli.arguments.targets import find_targets
    from baileys_janitor.cli.scanning.directory import directory_document
    from baileys_janitor.cli.scanning.doctor import Looked, add_problems, add_shared
    from baileys_janitor.cli.scanning.look import look_at
    from baileys_janitor.cli.terminal.progress import with_progress

    policy = settings_in_force(values).policy
    targets = find_targets(paths_or_environment(paths), companies, pattern)
    problems = Problems(targets)
    looked: list[Looked] = []
    for target in with_progress(targets.targets, "Looking at"):
        try:
            look = look_at(target, policy)
        except Problem as problem:
            problems.add(target, problem)
            continue
        document = directory_document(target, look, policy)
        looked.append(Looked(document, target, look.identity.fingerprint))
    add_shared(looked, targets.twice)
    add_problems(looked, problems)
    directories = [each.document for each in looked]
    _print(directories, problems, output)
    if problems:
        return EXIT_FAILED
    if fail_on is not None and _reached(directories, fail_on):
        return EXIT_LEVEL_REACHED
    return EXIT_DONE


def _reached(directories: Sequence[DirectoryDocument], fail_on: str) -> bool:
    levels = {found["level"] for found in directories}
    return any(level in LEVELS and at_least(level, fail_on) for level in levels)


def _print(directories: list[DirectoryDocument], problems: Problems, output: str) -> None:
    if output in MACHINE_FORMATS:
        problems.say()
        print_document(SCAN_SCHEMA, directories, problems, output, summary=_summary(directories))
        return
    from baileys_janitor.cli.terminal.tables import (
        advice_lines,
        print_prose,
        scan_table,
        summary_line,
    )

    every = output == "wide"
    if directories:
        scan_table(directories, time.time(), wide=every)
        print_prose([summary_line(directories)])
    problems.say(every=every)
    if directories:
        print_prose([*advice_lines(directories, every=every), *problems.not_searched()])


def _summary(directories: Sequence[DirectoryDocument]) -> dict[str, Any]:
    levels = [found["level"] for found in directories]
    return {
        "directories": len(directories),
        "byLevel": {level: levels.count(level) for level in sorted(set(levels))},
        "total": sum(found["total"] for found in directories),
        "reclaimable": sum(found["reclaimable"] for found in directories),
        "bytes": sum(found["bytes"] or 0 for found in directories),
    }

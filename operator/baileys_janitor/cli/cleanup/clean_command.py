"""`baileys-janitor clean`: remove files that a session does not need; a dry run unless --apply."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from baileys_janitor.cli.arguments.options import (
    DRY_RUN_VARIABLE,
    SETTINGS_EPILOG,
    UNDO_WINDOW,
    dry_run_asked,
    narrowing,
    output_option,
    paths_or_environment,
    settings_options,
    target_options,
)
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, say, write
from baileys_janitor.cli.terminal.problems import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    Problem,
    usage,
)
from baileys_janitor.cli.terminal.reporting import Problems, print_document
from baileys_janitor.cli.terminal.signals import Interrupt
from baileys_janitor.policy.levels import CRITICAL, EMERGENCY, LEVELS, WARNING, at_least

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.cli.arguments.settings import InForce
    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.terminal.json_output import CleanDocument


class Wish(NamedTuple):
    """The user's request, after every variable and file was applied."""

    apply: bool
    emergency: bool
    verbose: bool
    show_names: bool
    run: str
    in_force: InForce
    min_level: str | None


@click.command(
    "clean",
    cls=Documented,
    examples=(
        (
            "baileys-janitor clean /srv/sessions",
            "What would be removed, and why; nothing is changed.",
        ),
        (
            "baileys-janitor clean /srv/sessions --company 962303 --apply",
            "Remove it from one session; undo puts it back.",
        ),
        (
            "baileys-janitor clean /srv/sessions --apply --emergency --min-level Emergency",
            "For cron: only sessions at level Emergency, down to a safe count.",
        ),
    ),
    epilog=SETTINGS_EPILOG,
)
@target_options
@click.option("--apply", is_flag=True, help="Remove the files; without it nothing is touched.")
@click.option(
    "--emergency",
    is_flag=True,
    help="Go on with emergencyRetention while the count is at critical or above.",
)
@click.option(
    "--min-level",
    type=click.Choice([WARNING, CRITICAL, EMERGENCY], case_sensitive=False),
    help="Only directories that have this level or a worse one.",
)
@click.option("-v", "--verbose", is_flag=True, help="List the files, with masked names.")
@click.option("--show-names", is_flag=True, help="List real names; at a terminal only.")
@output_option("table", "wide", "json", "yaml")
@settings_options(UNDO_WINDOW)
def command(
    paths: tuple[str, ...],
    companies: tuple[str, ...],
    pattern: str | None,
    apply: bool,
    emergency: bool,
    min_level: str | None,
    verbose: bool,
    show_names: bool,
    output: str,
    **values: Any,
) -> int:
    """Show what would be removed and why; with --apply, remove it.

    A PATH is a session directory, or one with session directories down to three levels beneath it;
    without a PATH, BAILEYS_SESSIONS_PATH is used. Removed files stay in the trash for the undo window: see undo.
    """
    from baileys_janitor.cli.arguments.settings import settings_in_force
    from baileys_janitor.cli.arguments.targets import find_targets
    from baileys_janitor.cli.terminal.progress import with_progress
    from baileys_janitor.volume.operations import new_run_id

    if show_names:
        _require_terminal(output)
    in_force = settings_in_force(values)
    wish = Wish(
        apply and not _held_back(in_force, apply=apply),
        emergency,
        verbose or show_names,
        show_names,
        new_run_id(time.time()),
        in_force,
        min_level,
    )
    found = find_targets(paths_or_environment(paths), companies, pattern)
    problems = Problems(found)
    directories: list[CleanDocument] = []
    roots: list[str] = []
    interrupt = Interrupt()
    with interrupt.heeded() if wish.apply else nullcontext():
        for target in with_progress(found.targets, "Cleaning" if wish.apply else "Looking at"):
            if interrupt.asked:
                break
            try:
                document = _clean(target, wish, interrupt)
            except Problem as problem:
                problems.add(target, problem)
                continue
            if document is None:
                continue
            directories.append(document)
            roots.append(target.root)
            if is_failure(document):
                message = f"{target.shown}: {document['message']}"
                problems.add(target, Problem(message, code=document["code"] or "Failed"))
    problems.say()
    arguments = click.get_current_context().obj or []
    to_apply, to_undo = _to_apply(arguments, in_force), narrowing(companies, pattern)
    _print(directories, roots, problems, output, wish, to_apply=to_apply, to_undo=to_undo)
    if interrupt.asked:
        say("Interrupted between two files; the files removed so far are in the trash.")
        return EXIT_INTERRUPTED
    return EXIT_FAILED if problems else EXIT_DONE


def _clean(target: Target, wish: Wish, interrupt: Interrupt) -> CleanDocument | None:
    """Clean a directory, or make its dry run; return None if it is below the requested level."""
    from baileys_janitor.cli.cleanup.planning import file_documents, plan_for, planned_document
    from baileys_janitor.cli.scanning.look import look_at

    settings = wish.in_force.policy
    look = look_at(target, settings)
    plan = plan_for(look, settings, emergency=wish.emergency)
    document = planned_document(target, look, plan, settings, emergency=wish.emergency)
    if wish.min_level is not None and not _concerned(document, wish.min_level):
        return None
    removals = plan.removals
    if wish.apply and plan.refused is None:
        from baileys_janitor.cli.cleanup.applying import apply_plan

        document, removals = apply_plan(
            target, document, wish.in_force, interrupt, run=wish.run, emergency=wish.emergency
        )
    if wish.verbose:
        document["files"] = file_documents(removals, show_names=wish.show_names)
    return document


def _concerned(document: CleanDocument, min_level: str) -> bool:
    """Return whether a directory has this level or a worse one; broken credentials are always reported."""
    level = document["level"]
    return at_least(level, min_level) if level in LEVELS else is_failure(document)


def is_failure(document: CleanDocument) -> bool:
    """Return whether a cleanup failed; a tenant that is not paired yet is not a failure."""
    if document["outcome"] not in ("Refused", "Failed", "Capped") or document["code"] is None:
        return False
    from baileys_janitor.cli.scanning.credentials import FAULTS, sentence_of

    if document["identity"] == "Unpaired":
        return False
    return document["code"] not in FAULTS or sentence_of(document, document["code"]) is not None


def _held_back(in_force: InForce, *, apply: bool) -> bool:
    """Return whether --apply must stay a dry run; write the reason to standard error."""
    asked = dry_run_asked()
    if apply and asked:
        say(f"{DRY_RUN_VARIABLE}=true: this is a dry run, although --apply was given.")
    elif apply and in_force.mode != "Enforce":
        say(f"mode: {in_force.mode} in the configuration file: this is a dry run.")
    return bool(asked) or in_force.mode != "Enforce"


def _to_apply(arguments: list[str], in_force: InForce) -> str:
    """Return the command that removes the files of this dry run: the same with --apply, and any required options."""
    from baileys_janitor.cli.terminal.masking import printable, shown_path
    from baileys_janitor.cli.terminal.pasting import command

    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [each for each in arguments[1:end] if each != "--apply"]
    # A masked path names a file, which is a separate error.
    words = [each for each in (*options, *arguments[end:]) if shown_path(each) == printable(each)]
    line = command("clean", "--apply", *words)
    if dry_run_asked():
        line = f"env -u {DRY_RUN_VARIABLE} {line}"
    if in_force.mode != "Enforce":
        return f"set mode: Enforce in the configuration file, then {line}"
    return line


def _require_terminal(output: str) -> None:
    if output in MACHINE_FORMATS or not sys.stdout.isatty():
        raise usage(
            "--show-names prints phone numbers, so it works at a terminal and as a table alone; "
            "use --verbose for masked names."
        )


def _print(
    directories: list[CleanDocument],
    roots: list[str],
    problems: Problems,
    output: str,
    wish: Wish,
    *,
    to_apply: str,
    to_undo: Sequence[str],
) -> None:
    from baileys_janitor.cli.terminal.json_output import CLEAN_SCHEMA

    if output in MACHINE_FORMATS:
        print_document(CLEAN_SCHEMA, directories, problems, output)
        return
    from baileys_janitor.cli.cleanup.clean_tables import print_cleanups
    from baileys_janitor.cli.terminal.tables import print_prose

    if directories:
        print_cleanups(
            directories,
            problems.paths,
            applied=wish.apply,
            wide=output == "wide",
            roots=roots,
            to_apply=to_apply,
            to_undo=to_undo,
        )
        print_prose(problems.not_searched())
    elif wish.min_level is not None and not problems and not wish.apply:
        write(f"No directory is at level {wish.min_level} or a worse one.\n")

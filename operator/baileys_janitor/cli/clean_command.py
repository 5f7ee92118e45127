"""`baileys-janitor clean`: remove what a session can live without; a dry run unless --apply."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from baileys_janitor.cli.options import (
    DRY_RUN_VARIABLE,
    UNDO_WINDOW,
    dry_run_asked,
    paths_or_environment,
    settings_options,
)
from baileys_janitor.cli.output import MACHINE_FORMATS, say
from baileys_janitor.cli.problems import EXIT_DONE, EXIT_FAILED, Problem, usage
from baileys_janitor.policy import reasons

if TYPE_CHECKING:
    from baileys_janitor.cli.documents import CleanDocument, ProblemDocument
    from baileys_janitor.cli.settings import InForce
    from baileys_janitor.cli.targets import Target

_NOT_YET_PAIRED: Final = frozenset((reasons.NOT_PAIRED,))


class Wish(NamedTuple):
    """What the person asked for, once every variable and file has had its say."""

    apply: bool
    emergency: bool
    verbose: bool
    show_names: bool
    in_force: InForce


@click.command("clean")
@click.argument("paths", metavar="PATH...", nargs=-1)
@click.option("--apply", is_flag=True, help="Remove the files; without it nothing is touched.")
@click.option(
    "--emergency",
    is_flag=True,
    help="Go on with emergencyRetention while the count is at critical or above.",
)
@click.option(
    "--company", "companies", metavar="ID", multiple=True, help="This company alone; repeatable."
)
@click.option("-v", "--verbose", is_flag=True, help="List the files, with masked names.")
@click.option("--show-names", is_flag=True, help="List real names; at a terminal only.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "wide", "json", "yaml"]),
    default="table",
    show_default=True,
    help="How to print it.",
)
@settings_options(UNDO_WINDOW)
def command(
    paths: tuple[str, ...],
    apply: bool,
    emergency: bool,
    companies: tuple[str, ...],
    verbose: bool,
    show_names: bool,
    output: str,
    **values: Any,
) -> int:
    """Show what would go and why; with --apply, remove it.

    A PATH is one session directory or a root of company_* directories; without one,
    BAILEYS_SESSIONS_PATH is used. What goes lies in the trash for the undo window: see undo.
    """
    from baileys_janitor.cli.progress import with_progress
    from baileys_janitor.cli.settings import settings_in_force
    from baileys_janitor.cli.targets import find_targets

    if show_names:
        _require_terminal(output)
    in_force = settings_in_force(values)
    wish = Wish(
        apply and not _held_back(in_force, apply=apply),
        emergency,
        verbose or show_names,
        show_names,
        in_force,
    )
    found = find_targets(paths_or_environment(paths), companies)
    problems = [_problem(shown, None, problem) for shown, problem in found.problems]
    directories: list[CleanDocument] = []
    doing = "Cleaning" if wish.apply else "Looking at"
    for target in with_progress(found.targets, doing):
        try:
            document = _clean(target, wish)
        except Problem as problem:
            problems.append(_problem(target.shown, target.company, problem))
            continue
        directories.append(document)
        problems += _refusal(target, document)
    for each in problems:
        say(f"Error: {each['message']}")
    _print(directories, problems, output, wish, click.get_current_context().obj or [])
    return EXIT_FAILED if problems else EXIT_DONE


def _clean(target: Target, wish: Wish) -> CleanDocument:
    from baileys_janitor.cli.look import look_at
    from baileys_janitor.cli.planning import file_documents, plan_for, planned_document

    settings = wish.in_force.policy
    look = look_at(target)
    plan = plan_for(look, settings, emergency=wish.emergency)
    document = planned_document(target, look, plan, settings, emergency=wish.emergency)
    if wish.verbose:
        document["files"] = file_documents(plan.removals, show_names=wish.show_names)
    if wish.apply and plan.refused is None:
        from baileys_janitor.cli.applying import apply_plan

        return apply_plan(target, document, plan, wish.in_force, emergency=wish.emergency)
    return document


def _held_back(in_force: InForce, *, apply: bool) -> bool:
    """Whether --apply must stay a dry run; says so to whoever asked for it."""
    asked = dry_run_asked()
    if apply and asked:
        say(f"{DRY_RUN_VARIABLE}=true: this is a dry run, although --apply was given.")
    elif apply and in_force.mode != "Enforce":
        say(f"mode: {in_force.mode} in the configuration file: this is a dry run.")
    return bool(asked) or in_force.mode != "Enforce"


def _require_terminal(output: str) -> None:
    if output in MACHINE_FORMATS or not sys.stdout.isatty():
        raise usage(
            "--show-names prints phone numbers, so it works at a terminal and as a table alone; "
            "use --verbose for masked names."
        )


def _refusal(target: Target, document: CleanDocument) -> list[ProblemDocument]:
    """A refusal is a problem, except where a tenant simply has not been paired yet."""
    if document["outcome"] not in ("Refused", "Failed"):
        return []
    empty = document["total"] == 0 and document["identity"] == "Absent"
    if document["identity"] == "Unpaired" or empty:
        return []
    code = {"Corrupt": reasons.CREDENTIALS_CORRUPT, "Absent": reasons.CREDENTIALS_ABSENT}.get(
        document["identity"], reasons.TOO_MANY_FILES
    )
    message = f"{target.shown}: {document['message'] or reasons.explain(code)}"
    return [_problem(target.shown, target.company, Problem(message, code=code))]


def _problem(shown: str, company: str | None, problem: Problem) -> ProblemDocument:
    return {"path": shown, "company": company, "code": problem.code, "message": problem.message}


def _print(
    directories: list[CleanDocument],
    problems: list[ProblemDocument],
    output: str,
    wish: Wish,
    arguments: list[str],
) -> None:
    import time

    from baileys_janitor.cli.documents import CLEAN_SCHEMA
    from baileys_janitor.cli.figures import rfc3339
    from baileys_janitor.cli.output import write_document

    if output in MACHINE_FORMATS:
        document = {
            "schema": CLEAN_SCHEMA,
            "time": rfc3339(time.time()),
            "directories": directories,
            "problems": problems,
        }
        write_document(document, output)
        return
    from baileys_janitor.cli.clean_tables import print_cleanups

    if directories:
        print_cleanups(directories, applied=wish.apply, wide=output == "wide", arguments=arguments)

"""`baileys-janitor undo`: put the files of a run back from the trash."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from baileys_janitor.cli.arguments import completing
from baileys_janitor.cli.arguments.options import (
    DRY_RUN_VARIABLE,
    dry_run_asked,
    narrowing,
    output_option,
    paths_or_environment,
    target_options,
)
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, say
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, Problem
from baileys_janitor.cli.terminal.reporting import Problems, print_document
from baileys_janitor.cli.terminal.signals import Interrupt

if TYPE_CHECKING:
    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.cleanup.list_runs import KnownRuns
    from baileys_janitor.cli.terminal.json_output import UndoDocument
    from baileys_janitor.volume.scanning.look_again import Seen

    Known = list[tuple[Target, KnownRuns]]
    SeenAfterUndo = tuple[Target, Seen]


@click.command(
    "undo",
    cls=Documented,
    examples=(
        (
            "baileys-janitor undo /srv/sessions --list",
            "The runs that can be put back.",
        ),
        (
            "baileys-janitor undo /srv/sessions",
            "Put the files of the latest run back.",
        ),
        (
            "baileys-janitor undo /srv/sessions --company 962303",
            "The same for one session.",
        ),
    ),
)
@target_options
@click.option(
    "--run",
    metavar="RUN",
    help="The run to put back; else the latest one.",
    shell_complete=completing.runs,
)
@click.option("--list", "listing", is_flag=True, help="Show the runs that can be put back.")
@click.option(
    "--running",
    is_flag=True,
    help="The process runs: check after six minutes whether it overwrote the restored files.",
)
@output_option("table", "json", "yaml")
def command(
    paths: tuple[str, ...],
    companies: tuple[str, ...],
    pattern: str | None,
    run: str | None,
    listing: bool,
    running: bool,
    output: str,
) -> int:
    """Put the files of a run back from the trash: of the latest one, or of --run RUN.

    A PATH is a session directory, or one with session directories down to three levels beneath it: a run that
    cleaned several is put back in all of them. RUN can also follow a PATH without --run. A file that
    exists again is not overwritten.
    """
    from baileys_janitor.cli.arguments.targets import find_targets
    from baileys_janitor.cli.cleanup.list_runs import runs_of

    paths, run = _with_run(paths, run)
    found = find_targets(paths_or_environment(paths), companies, pattern)
    problems = Problems(found)
    known: Known = []
    for target in found.targets:
        try:
            known.append((target, runs_of(target)))
        except Problem as problem:
            problems.add(target, problem)
    if listing:
        return _list(known, problems, output)
    return _put_back(known, run, narrowing(companies, pattern), problems, output, running=running)


def _with_run(paths: tuple[str, ...], run: str | None) -> tuple[tuple[str, ...], str | None]:
    """Return the paths, and the run id after them: a last argument that is a run id and not a path."""
    from baileys_janitor.volume.files.state_names import valid_run

    if run is None and len(paths) > 1 and valid_run(paths[-1]) and not os.path.lexists(paths[-1]):
        return paths[:-1], paths[-1]
    return paths, run


def _list(known: Known, problems: Problems, output: str) -> int:
    from baileys_janitor.cli.cleanup.undo_tables import print_runs
    from baileys_janitor.cli.terminal.json_output import RUNS_SCHEMA
    from baileys_janitor.cli.terminal.tables import print_prose

    directories = [
        {"path": target.shown, "company": target.company, "runs": runs.in_trash}
        for target, runs in known
    ]
    problems.say()
    if output in MACHINE_FORMATS:
        print_document(RUNS_SCHEMA, directories, problems, output)
    else:
        if known or not problems:
            print_runs([(target.company or target.shown, runs.in_trash) for target, runs in known])
            print_prose(problems.not_searched())
    return EXIT_FAILED if problems else EXIT_DONE


def _put_back(
    known: Known,
    run: str | None,
    narrowed: list[str],
    problems: Problems,
    output: str,
    *,
    running: bool,
) -> int:
    from baileys_janitor.cli.cleanup.undo_tables import print_undone
    from baileys_janitor.cli.terminal.json_output import UNDO_SCHEMA
    from baileys_janitor.volume.runs.undo import OWN_KEY_MISSING

    if problems and not known:
        problems.say()
        return EXIT_FAILED
    chosen, targets = _chosen(known, run, narrowed)
    dry_run = bool(dry_run_asked())
    if dry_run:
        say(f"{DRY_RUN_VARIABLE}=true: this is a dry run, nothing is put back.")
    directories: list[UndoDocument] = []
    seen: list[SeenAfterUndo] = []
    interrupt = Interrupt()
    with interrupt.heeded():
        for target, runs in targets:
            if interrupt.asked:
                break
            try:
                if dry_run:
                    document = _would_be(target, runs, chosen)
                else:
                    document = _undo(target, chosen, interrupt, seen if running else None)
            except Problem as problem:
                problems.add(target, problem)
                continue
            directories.append(document)
            if set(document["skipped"]) - {OWN_KEY_MISSING}:
                problems.add(target, Problem(_what_stays(target, document), code="SomeStay"))
        _look_again(seen, problems, interrupt)
    problems.say()
    if output in MACHINE_FORMATS:
        print_document(UNDO_SCHEMA, directories, problems, output)
    else:
        print_undone(directories, problems.paths)
    if interrupt.asked:
        say("Interrupted between two files; undo the same run again to go on.")
        return EXIT_INTERRUPTED
    return EXIT_FAILED if problems else EXIT_DONE


def _look_again(seen: list[SeenAfterUndo], problems: Problems, interrupt: Interrupt) -> None:
    """Wait until the library's cache has expired, and add problems for files that the process overwrote."""
    from baileys_janitor.cli.scanning.look import opened
    from baileys_janitor.cli.scanning.look_again import wait_for_cache
    from baileys_janitor.cli.terminal.formatting import counted

    if not seen or not wait_for_cache(interrupt):
        return
    for target, then in seen:
        try:
            with opened(target) as directory:
                replaced = len(then.replaced(directory))
        except Problem as problem:
            problems.add(target, problem)
            continue
        if replaced:
            message = (
                f"{target.shown}: the bot has overwritten {counted(replaced, 'file')} that had been put back: it"
                " wrote the keys in its cache. Stop it before an undo whose files it must take."
            )
            problems.add(target, Problem(message, code="Overwritten"))


def _chosen(known: Known, run: str | None, narrowed: list[str]) -> tuple[str, Known]:
    """Return the run to undo and the directories that have it; raise a Problem if there is none."""
    from baileys_janitor.cli.cleanup.list_runs import latest
    from baileys_janitor.cli.terminal.masking import printable
    from baileys_janitor.cli.terminal.pasting import command

    newest = latest(runs for _, runs in known)
    if run is None:
        if newest is None:
            raise Problem(_nothing_to_undo(known), code="NothingToUndo")
        run = newest
    targets = [
        (target, runs)
        for target, runs in known
        if any(each["run"] == run for each in runs.in_trash)
    ] or [(target, runs) for target, runs in known if run in runs.in_journal]
    if not targets:
        latest_one = f" The latest is {newest}." if newest is not None else ""
        given = dict.fromkeys(target.root for target, _ in known)
        listing = command("undo", "--list", *narrowed, paths=given)
        raise Problem(
            f"No run {printable(run)} is known here.{latest_one} To list those that can be put back: {listing}",
            code="RunUnknown",
        )
    return run, targets


def _nothing_to_undo(known: Known) -> str:
    from baileys_janitor.cli.terminal.formatting import counted

    orphans = sum(runs.orphans for _, runs in known)
    if orphans:
        return (
            f"There is no run to put back: {counted(orphans, 'file')} in the trash belong to runs that are not "
            "in the journal, so their owner is unknown. They are deleted when the undo window ends."
        )
    return (
        "There is no run to put back: the trash is empty. Removed files stay there for the "
        "undo window, 24 hours unless configured."
    )


def _undo(
    target: Target, run: str, interrupt: Interrupt, seen: list[SeenAfterUndo] | None
) -> UndoDocument:
    """Undo a run in one directory; its files are added to `seen`, for the second look."""
    from baileys_janitor.cli.cleanup.applying import sentence_of
    from baileys_janitor.cli.scanning.look import opened
    from baileys_janitor.cli.terminal.pasting import command as line
    from baileys_janitor.volume.errors import IS_ROTATION
    from baileys_janitor.volume.operations import undo
    from baileys_janitor.volume.scanning.look_again import Seen

    names: list[str] = []
    with opened(target) as directory:
        result = undo(directory, run, now=time.time(), stop=interrupt.code, restored=names.extend)
        if seen is not None and names:
            seen.append((target, Seen(directory, names)))
    if result.code == IS_ROTATION:
        back = line("rollback", "--stopped", "--apply", paths=[target.full_path])
        raise Problem(
            f"{target.shown}: run {run} is a rotation. Once the process is stopped, this takes it back: {back}",
            code=IS_ROTATION,
        )
    if result.code is not None and not (result.restored or result.taken_away):
        raise Problem(f"{target.shown}: {sentence_of(result.code)}", code=result.code)
    return {
        "path": target.shown,
        "company": target.company,
        "run": run,
        "applied": True,
        "restored": result.restored,
        "takenAway": result.taken_away,
        "skipped": result.kept or {},
    }


def _would_be(target: Target, runs: KnownRuns, run: str) -> UndoDocument:
    files = next((each["files"] for each in runs.in_trash if each["run"] == run), 0)
    put_here = runs.put_here.get(run, 0)
    return {
        "path": target.shown,
        "company": target.company,
        "run": run,
        "applied": False,
        "restored": files - put_here,
        "takenAway": put_here,
        "skipped": {},
    }


def _what_stays(target: Target, document: UndoDocument) -> str:
    from baileys_janitor.cli.cleanup.undo_tables import skipped_text

    return f"{target.shown}: {skipped_text(document['skipped'])}"

"""`baileys-janitor keystore undo`: put the rows of a run back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from baileys_janitor.cli.arguments.options import DRY_RUN_VARIABLE, dry_run_asked
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.keystore.options import (
    database_options,
    layout_options,
    limit_options,
    opened,
    output_option,
    target,
)
from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, say
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED
from baileys_janitor.cli.terminal.signals import Interrupt

if TYPE_CHECKING:
    from baileys_janitor.keystore.results import KnownRun, UndoResult


@click.command(
    "undo",
    cls=Documented,
    examples=(
        (
            "baileys-janitor keystore undo --url-file url --list",
            "The runs that can be put back.",
        ),
        (
            "baileys-janitor keystore undo --url-file url",
            "Put the rows of the latest run back.",
        ),
    ),
)
@database_options
@click.option("--run", metavar="RUN", help="The run to put back; without it, the latest.")
@click.option("--list", "listing", is_flag=True, help="Show the runs that can be put back.")
@output_option
@click.option(
    "--schema", default="baileys_janitor", show_default=True, help="Schema of the janitor's tables."
)
@layout_options
@limit_options
def command(run: str | None, listing: bool, output: str, schema: str, **values: Any) -> int:
    """Put the rows of a run back where none is, for the same identity only; of a restore, take away what it put there.

    What a restore has put there goes only while no process has written to the session since.
    """
    where = target(values)
    dry_run = bool(dry_run_asked())
    interrupt = Interrupt()
    with interrupt.heeded(), opened(where) as (database, facts):
        from baileys_janitor.keystore.undo import Undoing

        undoing = Undoing(database, facts, schema=schema, stop=interrupt.code)
        if listing:
            _list(undoing.runs(), output)
            return EXIT_DONE
        if dry_run:
            say(f"{DRY_RUN_VARIABLE}=true: this is a dry run, nothing is put back.")
        result = undoing.undo(run, dry_run=dry_run)
    _print(result, output, applied=not dry_run)
    if interrupt.asked:
        say("Interrupted between two sessions; undo the same run again to go on.")
        return EXIT_INTERRUPTED
    return EXIT_FAILED if result.outcome in ("Refused", "Failed", "Capped") else EXIT_DONE


def _list(runs: list[KnownRun], output: str) -> None:
    from baileys_janitor.cli.keystore.documents import RUNS_SCHEMA, print_document, run_document
    from baileys_janitor.cli.keystore.text import print_lines

    if output in MACHINE_FORMATS:
        print_document(RUNS_SCHEMA, {"runs": [run_document(each) for each in runs]}, output)
        return
    print_lines(
        [
            f"{each.run}  {formatting.rfc3339(each.time)}  {formatting.counted(each.rows, 'row')} of "
            f"{formatting.counted(each.sessions, 'session')}"
            for each in runs
        ]
        or ["There is no run to put back."]
    )


def _print(result: UndoResult, output: str, *, applied: bool) -> None:
    from baileys_janitor.cli.keystore.documents import UNDO_SCHEMA, print_document, undo_document
    from baileys_janitor.cli.keystore.text import print_lines

    if output in MACHINE_FORMATS:
        print_document(UNDO_SCHEMA, undo_document(result, applied=applied), output)
    elif result.outcome not in ("Refused", "Failed"):
        verb = "Put back" if applied else "Would be put back"
        rows = formatting.counted(result.restored, "row")
        stays = "stay in the archive"
        if result.taken_away or result.kept.keys() & {"SessionWritten"}:
            verb = "Taken away again" if applied else "Would be taken away again"
            rows, stays = formatting.counted(result.taken_away, "row"), "stay"
        lines = [f"{verb}: {rows} of {formatting.counted(result.sessions, 'session')}."]
        lines += [
            f"{formatting.counted(number, 'row')} {stays}: {_why(reason)}"
            for reason, number in sorted(result.kept.items())
        ]
        print_lines(lines)
    if result.code is not None:
        say(f"Error: {result.message or _why(result.code)}")


def _why(code: str) -> str:
    from baileys_janitor.policy.reasons import explain

    own = {
        "SessionWritten": "A process has written to the session's rows since, so it uses them. Stop it before a "
        "restore and before an undo of one.",
        "IdentityChanged": "The session has been paired again since this run.",
        "RunUnknown": "No such run is known in this database; undo --list shows those that can be put back.",
        "RunPurged": "The run's rows cannot be put back: its undo window is over.",
        "Busy": "Another run works on the session; run undo again.",
        "NewerExists": "The library has written a row of that key since.",
        "OwnKeyMissing": "A memory row does harm without the sender key for which it was written.",
        "WithItsPair": "It goes back only together with another row, which cannot go back.",
        "NotTheRemovedFile": "The archived row differs from the one that the run removed.",
    }
    return own.get(code) or explain(code).replace("creds.json", "creds")

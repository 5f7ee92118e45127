"""`baileys-janitor keystore clean`: remove keys that sessions do not need; a dry run unless --apply."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

import click

from baileys_janitor.cli.arguments.options import DRY_RUN_VARIABLE, dry_run_asked
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.keystore.options import (
    Target,
    database_options,
    layout_options,
    limit_options,
    opened,
    output_option,
    seconds,
    target,
)
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, say
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED
from baileys_janitor.cli.terminal.signals import Interrupt
from baileys_janitor.policy.settings import DAY, MaxRemovals, Retention, Settings

if TYPE_CHECKING:
    from baileys_janitor.keystore.results import CleanResult
    from baileys_janitor.keystore.session import Listing
    from baileys_janitor.policy.cleanup.plan import Plan

_MAX_AGE: Final = 30 * DAY
_UNDO_WINDOW: Final = 72 * 3600.0


@click.command(
    "clean",
    cls=Documented,
    examples=(
        (
            "baileys-janitor keystore clean --url-file url",
            "What would be removed, and why; nothing is changed.",
        ),
        (
            "baileys-janitor keystore clean --url-file url --apply",
            "Remove it; undo puts it back.",
        ),
    ),
)
@database_options
@click.option("--apply", is_flag=True, help="Remove the keys; without it nothing is touched.")
@click.option("-v", "--verbose", is_flag=True, help="List the keys, with masked ids.")
@output_option
@click.option(
    "--session-max-age",
    metavar="AGE",
    help="Contacts' sessions unused for longer are removed.  [30d]",
)
@click.option(
    "--sender-key-max-age",
    metavar="AGE",
    help="Group sender keys unused for longer are removed.  [30d]",
)
@click.option(
    "--max-removals-percent",
    type=click.FloatRange(0, 100),
    default=60,
    show_default=True,
    help="Largest share of a session's keys that one run removes.",
)
@click.option(
    "--max-removals-rows",
    type=click.IntRange(0, 5_000),
    default=5_000,
    show_default=True,
    help="Most keys of a session that one run removes.",
)
@click.option("--undo-window", metavar="AGE", help="How long removed rows can be put back.  [72h]")
@click.option(
    "--no-undo",
    is_flag=True,
    help="Keep nothing for an undo: for users that may not create tables.",
)
@click.option(
    "--no-memory",
    is_flag=True,
    help="Remember nothing of sessions' running time: ages count from the rows alone.",
)
@click.option(
    "--schema", default="baileys_janitor", show_default=True, help="Schema of the janitor's tables."
)
@click.option(
    "--warn-above",
    type=click.IntRange(0),
    default=1_000,
    show_default=True,
    help="Warn when more keys go.",
)
@layout_options
@limit_options
def command(apply: bool, verbose: bool, output: str, **values: Any) -> int:
    """Show what would be removed and why; with --apply, remove it.

    Removed keys can be put back for the undo window: see undo. Ages count days with traffic, not those of the calendar.
    """
    where = target(values)
    applied = apply and not _held_back()
    interrupt = Interrupt()
    listed: list[str] = []
    with interrupt.heeded() if applied else nullcontext():
        result = _clean(where, values, interrupt, listed if verbose else None, applied=applied)
    _print(result, listed, output, values, applied=applied)
    if result.removed > values["warn_above"]:
        say(
            f"Warning: {result.removed:,} keys {'were' if applied else 'would be'} removed, more than --warn-above."
        )
    if interrupt.asked:
        say("Interrupted between two transactions; the rows removed so far can be put back.")
        return EXIT_INTERRUPTED
    if result.message is not None:
        say(f"Error: {result.message}")
    return EXIT_FAILED if result.outcome in ("Refused", "Failed") else EXIT_DONE


def _clean(
    where: Target,
    values: dict[str, Any],
    interrupt: Interrupt,
    listed: list[str] | None,
    *,
    applied: bool,
) -> CleanResult:
    sessions = seconds("--session-max-age", values["session_max_age"], _MAX_AGE)
    sender_keys = seconds("--sender-key-max-age", values["sender_key_max_age"], _MAX_AGE)
    window = seconds("--undo-window", values["undo_window"], _UNDO_WINDOW)
    ages = Retention(sessions, sender_keys)
    settings = Settings(
        retention=ages,
        emergency_retention=ages,
        max_removals=MaxRemovals(values["max_removals_percent"], values["max_removals_rows"]),
    )
    with opened(where) as (database, facts):
        from baileys_janitor.keystore.clean import Cleaning, Keeping, show_nobody

        def watch(session: str, _listing: Listing, plan: Plan) -> None:
            assert listed is not None
            listed.extend(_lines(session, plan))

        cleaning = Cleaning(
            database,
            facts,
            settings,
            _new_run_id() if applied else "",
            reason="Command",
            keeping=Keeping(
                not values["no_undo"], not values["no_memory"], values["schema"], window
            ),
            stop=interrupt.code,
            watch=show_nobody if listed is None else watch,
        )
        return cleaning.apply() if applied else cleaning.dry_run()


def _new_run_id() -> str:
    from baileys_janitor.volume.operations import new_run_id

    return new_run_id(time.time())


def _lines(session: str, plan: Plan) -> list[str]:
    """Return a line for each key of a plan: session, masked key, reason."""
    from baileys_janitor.cli.terminal.masking import masked
    from baileys_janitor.keystore.results import masked as masked_session

    shown = masked_session(session)
    return [
        f"{shown}  {masked(each.entry.name).removesuffix('.json')}  {each.reason}"
        for each in plan.removals
    ]


def _held_back() -> bool:
    held = bool(dry_run_asked())
    if held:
        say(f"{DRY_RUN_VARIABLE}=true: this is a dry run, although --apply was given.")
    return held


def _print(
    result: CleanResult, listed: list[str], output: str, values: dict[str, Any], *, applied: bool
) -> None:
    if output in MACHINE_FORMATS:
        from baileys_janitor.cli.keystore.documents import (
            CLEAN_SCHEMA,
            clean_document,
            print_document,
        )

        document = clean_document(result, applied=applied)
        if listed:
            document["keys"] = listed
        print_document(CLEAN_SCHEMA, document, output)
        return
    from baileys_janitor.cli.keystore.text import clean_lines, print_lines, report_lines

    lines = [] if result.before is None else [*report_lines(result.before), ""]
    if result.outcome not in ("Refused", "Failed") or result.removed:
        window = values["undo_window"] or "72h"
        lines += [*listed, *clean_lines(result, applied=applied, undo_window=window)]
    print_lines(lines)

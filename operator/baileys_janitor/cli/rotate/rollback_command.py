"""`baileys-janitor rollback`: bring back a session that was rotated out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

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
    from baileys_janitor.cli.rotate.documents import RollbackDocument

pause = time.sleep
"""Waits while a directory is watched; tests replace it."""


@click.command(
    "rollback",
    cls=Documented,
    examples=(
        (
            "baileys-janitor rollback /srv/sessions/962303",
            "What would come back; changes nothing.",
        ),
        (
            "baileys-janitor rollback /srv/sessions/962303 --stopped --apply",
            "Bring it back, once the process is stopped.",
        ),
    ),
)
@target_options
@click.option("--run", metavar="RUN", help="The rotation to roll back; else the latest.")
@click.option("--apply", is_flag=True, help="Bring it back; without it nothing is touched.")
@click.option("--stopped", is_flag=True, help="The process that uses the session is stopped.")
@output_option("table", "json", "yaml")
def command(
    paths: tuple[str, ...],
    companies: tuple[str, ...],
    pattern: str | None,
    run: str | None,
    apply: bool,
    stopped: bool,
    output: str,
) -> int:
    """Restore a rotated session byte for byte from the trash, unless the tenant was paired anew.

    A dry run, unless --apply is given. Stop the process first: one that waits for a pairing would overwrite the
    restored credentials.
    """
    from baileys_janitor.cli.arguments.targets import find_targets
    from baileys_janitor.cli.rotate.asking import the_one
    from baileys_janitor.cli.rotate.rolling_back import look
    from baileys_janitor.cli.terminal.pasting import command as line

    found = find_targets(paths_or_environment(paths), companies, pattern)
    target = the_one(found, "rollback")
    problems = Problems(found)
    document = look(target, run)
    if apply and dry_run_asked():
        say(f"{DRY_RUN_VARIABLE}=true: this is a dry run, although --apply was given.")
        apply = False
    more = [*narrowing(companies, pattern), *(["--run", run] if run else [])]
    ready = line("rollback", "--stopped", "--apply", *more, paths=paths)
    interrupt = Interrupt()
    if apply and document["code"] is None:
        with interrupt.heeded():
            document = _carry_out(target, document, ready, interrupt, stopped=stopped)
    if document["code"] is not None and not (interrupt.asked and not document["applied"]):
        problems.add(
            target, Problem(f"{target.shown}: {document['message']}", code=document["code"])
        )
    problems.say()
    if output in MACHINE_FORMATS:
        from baileys_janitor.cli.terminal.json_output import ROLLBACK_SCHEMA

        print_document(ROLLBACK_SCHEMA, [document], problems, output)
    elif document["code"] is None:
        from baileys_janitor.cli.rotate.rotation_tables import print_rollback

        print_rollback(document, time.time(), ready)
    if interrupt.asked and not document["applied"]:
        say("Interrupted; nothing was moved.")
        return EXIT_INTERRUPTED
    return EXIT_FAILED if problems else EXIT_DONE


def _carry_out(
    target: Target,
    document: RollbackDocument,
    ready: str,
    interrupt: Interrupt,
    *,
    stopped: bool,
) -> RollbackDocument:
    from baileys_janitor.cli.rotate.asking import require_quiet, require_stopped
    from baileys_janitor.cli.rotate.rolling_back import roll_back

    require_stopped(ready, "rollback", stopped=stopped)
    require_quiet(target, pause, interrupt)
    return document if interrupt.asked else roll_back(target, document, pause, interrupt)

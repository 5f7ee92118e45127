"""`baileys-janitor rotate`: move a pairing out of its directory, so that the tenant can be paired anew."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import click

from baileys_janitor.cli.arguments import completing
from baileys_janitor.cli.arguments.options import (
    DRY_RUN_VARIABLE,
    ENV_PREFIX,
    dry_run_asked,
    narrowing,
    output_option,
    paths_or_environment,
    target_options,
)
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, say
from baileys_janitor.cli.terminal.problems import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    Problem,
    usage,
)
from baileys_janitor.cli.terminal.reporting import Problems, print_document
from baileys_janitor.cli.terminal.signals import Interrupt

if TYPE_CHECKING:
    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.rotate.documents import RotateDocument

pause = time.sleep
"""Waits while a directory is watched; tests replace it."""
_ROTATE_UNDO: Final = "7d"
_LEAST, _MOST = "1h", "28d"


@click.command(
    "rotate",
    cls=Documented,
    examples=(
        (
            "baileys-janitor rotate /srv/sessions/962303",
            "What would move; changes nothing.",
        ),
        (
            "baileys-janitor rotate /srv/sessions/962303 --stopped --apply",
            "Move it, once the process is stopped. Then start it, and pair it.",
        ),
    ),
)
@target_options
@click.option("--apply", is_flag=True, help="Rotate; without it nothing is touched.")
@click.option("--stopped", is_flag=True, help="The process that uses the session is stopped.")
@click.option(
    "--rotate-undo",
    metavar="AGE",
    envvar=ENV_PREFIX + "ROTATE_UNDO",
    default=_ROTATE_UNDO,
    help=f"How long it can be rolled back; at most {_MOST}.  [{_ROTATE_UNDO}]",
)
@click.option(
    "--config",
    "config_path",
    metavar="FILE",
    envvar=ENV_PREFIX + "CONFIG",
    shell_complete=completing.files,
    help="YAML file whose group backup says where to back up first (backup.beforeOperations).",
)
@output_option("table", "json", "yaml")
def command(
    paths: tuple[str, ...],
    companies: tuple[str, ...],
    pattern: str | None,
    apply: bool,
    stopped: bool,
    rotate_undo: str,
    config_path: str | None,
    output: str,
) -> int:
    """End a pairing in its directory, so that the process asks for a new one.

    Moves everything but LID mappings and unknown files into the trash, creds.json first, after a backup where
    the configuration names a repository. A dry run, unless --apply is given. See rollback.
    """
    from baileys_janitor.cli.arguments.targets import find_targets
    from baileys_janitor.cli.rotate.asking import the_one
    from baileys_janitor.cli.rotate.rotating import look

    keep_seconds = _seconds(rotate_undo)
    found = find_targets(paths_or_environment(paths), companies, pattern)
    target = the_one(found, "rotation")
    problems = Problems(found)
    document, newest_write = look(target)
    if apply and dry_run_asked():
        say(f"{DRY_RUN_VARIABLE}=true: this is a dry run, although --apply was given.")
        apply = False
    more = [*narrowing(companies, pattern)]
    more += ["--rotate-undo", rotate_undo] if rotate_undo != _ROTATE_UNDO else []
    more += ["--config", config_path] if config_path else []
    ready = _line("rotate", "--stopped", "--apply", *more, paths=paths)
    interrupt = Interrupt()
    if apply and document["code"] is None:
        with interrupt.heeded():
            document = _carry_out(
                target,
                document,
                {"config_path": config_path},
                ready,
                keep_seconds,
                interrupt,
                stopped=stopped,
            )
    if document["code"] is not None and not (interrupt.asked and not document["applied"]):
        message = f"{target.shown}: {document['message']}"
        problems.add(target, Problem(message, code=document["code"]))
    problems.say()
    if output in MACHINE_FORMATS:
        from baileys_janitor.cli.terminal.json_output import ROTATE_SCHEMA

        print_document(ROTATE_SCHEMA, [document], problems, output)
    elif document["code"] is None:
        from baileys_janitor.cli.rotate.rotation_tables import print_rotation

        back = _line("rollback", "--stopped", "--apply", paths=[target.full_path])
        print_rotation(document, newest_write, time.time(), ready, back)
    if interrupt.asked and not document["applied"]:
        say("Interrupted; nothing was moved.")
        return EXIT_INTERRUPTED
    return EXIT_FAILED if problems else EXIT_DONE


def _carry_out(
    target: Target,
    document: RotateDocument,
    values: dict[str, Any],
    ready: str,
    keep_seconds: float,
    interrupt: Interrupt,
    *,
    stopped: bool,
) -> RotateDocument:
    from baileys_janitor.cli.rotate.asking import require_quiet, require_stopped
    from baileys_janitor.cli.rotate.rotating import back_up_first, rotate
    from baileys_janitor.volume.operations import new_run_id

    require_stopped(ready, "rotation", stopped=stopped)
    require_quiet(target, pause, interrupt)
    if interrupt.asked:
        return document
    backup = back_up_first(target, values, pause, interrupt)
    if interrupt.asked:
        return document
    run = new_run_id(time.time(), "rotate")
    done = rotate(
        target, document, run=run, keep_seconds=keep_seconds, pause=pause, interrupt=interrupt
    )
    return {**done, "backup": backup}


def _seconds(text: str) -> int:
    """Return the seconds of an age on the command line; raise bad usage if it is invalid or out of bounds."""
    from baileys_janitor.api.values.durations import seconds_of

    try:
        found = seconds_of(text)
    except ValueError as problem:
        raise usage(f"--rotate-undo {problem}.") from None
    if not seconds_of(_LEAST) <= found <= seconds_of(_MOST):
        raise usage(f"--rotate-undo lies between {_LEAST} and {_MOST}.")
    return found


def _line(*words: str, paths: tuple[str, ...] | list[str]) -> str:
    from baileys_janitor.cli.terminal.pasting import command as line

    return line(*words, paths=paths)

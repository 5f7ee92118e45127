"""`baileys-janitor restore`: restore a session from an archive, or creds.json from a kept copy."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from baileys_janitor.cli.arguments.options import (
    DRY_RUN_VARIABLE,
    dry_run_asked,
    narrowing,
    output_option,
    paths_or_environment,
    target_options,
)
from baileys_janitor.cli.backup.owners import owner_options
from baileys_janitor.cli.backup.settings import identity_option, repository_options
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
from baileys_janitor.policy.archives.restore_codes import CREDENTIALS, MODES, NOTHING_RAN_SINCE
from baileys_janitor.policy.archives.restore_credentials import ACKNOWLEDGEMENTS

if TYPE_CHECKING:
    from baileys_janitor.cli.arguments.targets import Found, Target
    from baileys_janitor.cli.copies.restoring import Request
    from baileys_janitor.cli.terminal.json_output import RestoreDocument

pause = time.sleep
"""Waits while a directory is watched; tests replace it."""


@click.command(
    "restore",
    cls=Documented,
    examples=(
        (
            "baileys-janitor restore /srv/sessions/acme --list",
            "The kept copies of creds.json, and which of them can be put back.",
        ),
        (
            "baileys-janitor restore /srv/sessions/acme --mode Credentials",
            "What would be put back; changes nothing.",
        ),
        (
            "baileys-janitor restore /srv/sessions/acme --mode Credentials --stopped --apply",
            "Put it back, once the process is stopped.",
        ),
        (
            "baileys-janitor restore /srv/sessions/acme --from s3://bucket/prefix --identity backup.key",
            "What the latest archive would put back; changes nothing.",
        ),
        (
            "baileys-janitor restore /srv/sessions --all --fingerprints fingerprints.txt --config backup.yaml",
            "After the loss of a server: every session that you have recorded.",
        ),
    ),
)
@target_options
@click.option("--list", "listing", is_flag=True, help="Show the kept copies of creds.json.")
@click.option(
    "--mode",
    type=click.Choice(MODES, case_sensitive=False),
    metavar="|".join(MODES),
    help="Safe: all that breaks nothing, from an archive (the default with --from). Credentials: creds.json alone, "
    "from a kept copy or an archive. Whole: everything as it was, of a session that was stopped when it was archived.",
)
@click.option("--copy", metavar="ID", default="", help="The copy to put back; else the newest.")
@click.option("--apply", is_flag=True, help="Put it back; without it nothing is touched.")
@click.option("--stopped", is_flag=True, help="The process that uses the session is stopped.")
@click.option(
    "--acknowledge",
    "acknowledged",
    multiple=True,
    type=click.Choice((*ACKNOWLEDGEMENTS, NOTHING_RAN_SINCE), case_sensitive=False),
    metavar="CODE",
    help="Restore although a check has found this; repeatable.",
)
@repository_options("--from", several=False)
@identity_option
@owner_options
@click.option(
    "--archive", metavar="NAME", help="An archive other than the latest; it can also follow PATH."
)
@click.option("--tenant", metavar="NAME", help="Archives of this session; else that of PATH.")
@click.option("--all", "every", is_flag=True, help="Every session in --fingerprints, beneath PATH.")
@output_option("table", "json", "yaml")
def command(
    paths: tuple[str, ...],
    companies: tuple[str, ...],
    pattern: str | None,
    listing: bool,
    mode: str | None,
    copy: str,
    apply: bool,
    stopped: bool,
    acknowledged: tuple[str, ...],
    output: str,
    **values: Any,
) -> int:
    """Put a session back from an archive (--from), or a broken creds.json from a copy that was kept beside it.

    A dry run, unless --apply is given. Never over a file that can be used. While a process with a torn creds.json
    runs, do not stop it: it holds the only good copy, so make it save again first.
    """
    from baileys_janitor.cli.arguments.targets import find_targets
    from baileys_janitor.cli.copies.restoring import Request

    if _is_from_an_archive(values):
        if listing or copy:
            raise usage(
                "--list and --copy are about kept copies: leave them out, or leave out --from."
            )
        from baileys_janitor.cli.restore.from_archives import run

        everything = {
            **values,
            "companies": companies,
            "pattern": pattern,
            "mode": mode,
            "apply": apply,
            "stopped": stopped,
            "acknowledged": acknowledged,
            "output": output,
        }
        return run(paths, everything, lambda seconds: pause(seconds))
    if mode is None and not listing:
        raise usage(
            "Use --from URL to restore an archive, --mode Credentials to restore a kept copy of creds.json, or "
            "--list to list these copies."
        )
    if mode not in (None, CREDENTIALS):
        raise usage(f"--mode {mode} needs an archive: name its repository with --from URL.")
    if copy and not (copy.isascii() and copy.isdigit()):
        raise usage("--copy takes the digits that --list shows.")
    found = find_targets(paths_or_environment(paths), companies, pattern)
    if listing:
        return _list(found, output)
    target = _the_one(found)
    arguments = [*narrowing(companies, pattern), *(["--copy", copy] if copy else [])]
    for each in acknowledged:
        arguments += ["--acknowledge", each]
    request = Request(copy, acknowledged)
    return _restore(found, target, request, _Command(arguments, paths), apply, stopped, output)


def _is_from_an_archive(values: dict[str, Any]) -> bool:
    """Return whether an option for archives was typed; a configuration file in the environment does not count."""
    if values["urls"] or values["repository_name"] or values["archive"] or values["every"]:
        return True
    source = click.get_current_context().get_parameter_source("config_path")
    return source is click.core.ParameterSource.COMMANDLINE


class _Command:
    """The command as typed, to print it again with other options."""

    def __init__(self, arguments: Sequence[str], paths: Sequence[str]) -> None:
        self._arguments = arguments
        self._paths = paths

    def with_options(self, *options: str, arguments: bool = True) -> str:
        from baileys_janitor.cli.terminal.pasting import command as line

        words = self._arguments if arguments else ()
        return line("restore", *options, *words, paths=self._paths)


def _the_one(found: Found) -> Target:
    """Return the only directory found: each restore is for one session."""
    if len(found.targets) == 1:
        return found.targets[0]
    if found.targets:
        raise usage(
            f"PATH holds {len(found.targets)} session directories, and a restore is for one: name it, or --company."
        )
    raise found.problems[0][1] if found.problems else usage("PATH holds no session directory.")


def _list(found: Found, output: str) -> int:
    from baileys_janitor.cli.copies.copies_tables import print_copies
    from baileys_janitor.cli.copies.restoring import copies_document
    from baileys_janitor.cli.terminal.json_output import COPIES_SCHEMA

    problems = Problems(found)
    directories = []
    for target in found.targets:
        try:
            directories.append(copies_document(target))
        except Problem as problem:
            problems.add(target, problem)
    problems.say()
    if output in MACHINE_FORMATS:
        print_document(COPIES_SCHEMA, directories, problems, output)
    elif directories:
        print_copies(directories, time.time())
    return EXIT_FAILED if problems else EXIT_DONE


def _restore(
    found: Found,
    target: Target,
    request: Request,
    typed: _Command,
    apply: bool,
    stopped: bool,
    output: str,
) -> int:
    from baileys_janitor.cli.copies.copies_tables import print_restore
    from baileys_janitor.cli.copies.restoring import look, problem_with
    from baileys_janitor.cli.terminal.json_output import RESTORE_SCHEMA

    problems = Problems(found)
    document, outlook = look(target, request)
    if apply and dry_run_asked():
        say(f"{DRY_RUN_VARIABLE}=true: this is a dry run, although --apply was given.")
        apply = False
    interrupt = Interrupt()
    if apply and document["code"] is None:
        with interrupt.heeded():
            _require_stopped(document, typed, stopped=stopped)
            document = _carry_out(target, document, request, problems, interrupt)
    problem = problem_with(target, document, typed.with_options("--list", arguments=False))
    if problem is not None:
        problems.add(target, problem)
    problems.say()
    if output in MACHINE_FORMATS:
        print_document(RESTORE_SCHEMA, [document], problems, output)
    elif problem is None:
        ready = typed.with_options("--mode", "Credentials", "--stopped", "--apply")
        print_restore(document, outlook.newest_write, time.time(), ready, _undo(target, document))
    if interrupt.asked and not document["applied"]:
        say("Interrupted; nothing was restored.")
        return EXIT_INTERRUPTED
    return EXIT_FAILED if problems else EXIT_DONE


def _undo(target: Target, document: RestoreDocument) -> str:
    from baileys_janitor.cli.terminal.pasting import command as line

    return line("undo", "--run", document["run"] or "", paths=[target.full_path])


def _require_stopped(document: RestoreDocument, typed: _Command, *, stopped: bool) -> None:
    """Ask whether the process is stopped; without a terminal --stopped is required."""
    if stopped:
        return
    if _at_terminal():
        from baileys_janitor.cli.copies.copies_tables import comes_first

        say(comes_first(document))
        if click.confirm("Is the process that uses this session stopped?", err=True):
            return
        raise Problem(
            "Nothing was restored: a running process would write over it.", code="NotStopped"
        )
    ready = typed.with_options("--mode", "Credentials", "--stopped", "--apply")
    raise usage(
        "A running process would write over what is restored, so --apply needs --stopped. Once the process is"
        f" stopped: {ready}"
    )


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _carry_out(
    target: Target,
    document: RestoreDocument,
    request: Request,
    problems: Problems,
    interrupt: Interrupt,
) -> RestoreDocument:
    from baileys_janitor.cli.copies.restoring import restore, watch, written_over
    from baileys_janitor.cli.terminal.formatting import watching
    from baileys_janitor.volume.operations import new_run_id
    from baileys_janitor.volume.scanning.quiet import AFTERWARDS_SECONDS, WATCH_SECONDS

    say(watching(target.shown, WATCH_SECONDS))
    if not watch(target, pause, interrupt):
        return {
            **document,
            "outcome": "Refused",
            "code": "StillWriting",
            "message": "The session's files were just written, so its process runs: nothing was restored."
            " Make it save creds.json again, or stop it.",
        }
    if interrupt.asked:
        return document
    run = new_run_id(time.time(), "restore")
    document = restore(target, document, request, run, interrupt)
    if document["applied"]:
        pause(AFTERWARDS_SECONDS)
        if written_over(target, document):
            message = (
                f"{target.shown}: a process has written over the restored creds.json within"
                f" {AFTERWARDS_SECONDS:.0f} seconds, so it was not stopped. Scan the directory again."
            )
            problems.add(target, Problem(message, code="WrittenOver"))
    return document

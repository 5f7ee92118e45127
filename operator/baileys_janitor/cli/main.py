"""The command `baileys-janitor`: a group that imports each command only when it runs.

Nothing reaches the user as a traceback: every failure is one sentence on standard error and an exit
code (0 done, 1 something could not be done, 2 bad usage, 3 `scan --fail-on` reached, 130 Ctrl-C).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import click

from baileys_janitor import __version__, extras
from baileys_janitor.cli.help.documented import LazyGroup, Listed
from baileys_janitor.cli.terminal.output import prepare_streams, say
from baileys_janitor.cli.terminal.problems import (
    EXIT_CODES,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    Problem,
)

COMMANDS: Final = {
    "scan": Listed(
        "scanning.scan_command",
        "Count the files of session directories and show their levels.",
    ),
    "clean": Listed(
        "cleanup.clean_command",
        "Remove files that a session does not need; a dry run unless --apply.",
    ),
    "report": Listed(
        "report.report_command",
        "Report on all sessions, on one page that can be sent around.",
    ),
    "repair": Listed(
        "repair.repair_command",
        "Make the library rebuild one contact's sessions, or a group's keys.",
    ),
    "undo": Listed(
        "cleanup.undo_command",
        "Put the files of a run back from the trash.",
    ),
    "rotate": Listed(
        "rotate.rotate_command",
        "End a pairing in place, for a new one; a dry run unless --apply.",
    ),
    "rollback": Listed(
        "rotate.rollback_command",
        "Restore a rotated session from the trash; a dry run unless --apply.",
    ),
    "keep": Listed(
        "copies.keep_command",
        "Keep copies of creds.json that are known to be whole.",
    ),
    "restore": Listed(
        "restore.restore_command",
        "Put a kept copy of a broken creds.json back; a dry run unless --apply.",
    ),
    "backup": Listed(
        "backup.backup_command",
        "Put encrypted archives of sessions into stores or directories.",
    ),
    "archives": Listed(
        "backup.archives_command",
        "List the archives in a repository.",
    ),
    "drill": Listed(
        "backup.drill_command",
        "Rehearse a restore: get an archive, open it, check all of it.",
    ),
    "watch": Listed(
        "watch.watch_command",
        "Look after session directories by the clock: scan, warn, clean.",
    ),
    "status": Listed(
        "watch.status_command",
        "Show what the watch knows of each directory.",
    ),
    "keystore": Listed(
        "keystore.keystore_command",
        "Scan, clean and undo where a database holds the keys (PostgreSQL).",
    ),
    "operator": Listed(
        "cluster.operator_command",
        "Run the Kubernetes operator.",
    ),
    "notify": Listed(
        "cluster.notify_command",
        "Try out the operator's notifications.",
    ),
    "completion": Listed(
        "help.completion_command",
        "Print the script that completes words in bash, zsh or fish.",
    ),
    "crd": Listed(
        "cluster.crd_command",
        "Print the CustomResourceDefinitions.",
    ),
    "job": Listed(
        "cluster.job_command",
        "Carry out one task in a pod; started by the operator, not by people.",
    ),
    "keystore-job": Listed(
        "cluster.keystore_job_command",
        "The same for a key store.",
    ),
    "backup-job": Listed(
        "cluster.backup_job_command",
        "The same for backups and drills.",
    ),
    "fetch-job": Listed(
        "cluster.fetch_job_command",
        "Get the archive for a restore in a pod; started by the operator.",
    ),
    "restore-job": Listed(
        "cluster.restore_job_command",
        "Write a fetched session; started by the operator.",
    ),
    "repair-job": Listed(
        "cluster.repair_job_command",
        "Repair a contact in a pod; started by the operator.",
    ),
}


@click.group(
    cls=LazyGroup,
    listed=COMMANDS,
    exits=tuple(EXIT_CODES),
    examples=(
        (
            "baileys-janitor scan /srv/sessions",
            "The problems of each session, and how many files can be removed.",
        ),
        (
            "baileys-janitor clean /srv/sessions",
            "What a cleanup would remove, and why; removes nothing.",
        ),
        (
            "baileys-janitor clean /srv/sessions --apply",
            "Remove it; it lies in the trash for a day.",
        ),
        ("baileys-janitor undo /srv/sessions", "Put the files of the last cleanup back."),
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Each command says more: baileys-janitor scan --help",
)
@click.version_option(__version__, "-V", "--version", message="baileys-janitor %(version)s")
def application() -> None:
    """Keep WhatsApp (Baileys) session directories healthy: count, warn, clean, undo.

    A PATH is one session directory, or a root of company_* directories.
    """


def main(argv: Sequence[str]) -> int:
    """Run the command line with these arguments (without the program's name); return the exit code."""
    return run_application(application, argv, "baileys-janitor")


def run_application(group: click.Command, argv: Sequence[str], program: str) -> int:
    """Run a group of commands with these arguments; every failure is one sentence. Returns the exit code."""
    prepare_streams()
    try:
        code = group.main(
            args=list(argv),
            prog_name=program,
            standalone_mode=False,
            obj=list(argv),
        )
    except Problem as problem:
        say(f"Error: {problem.message}")
        return problem.exit_code
    except click.exceptions.NoArgsIsHelpError as help_asked:
        say(help_asked.format_message())
        return help_asked.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted.")
        return EXIT_INTERRUPTED
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else EXIT_FAILED
    except extras.ExtraMissing as missing:
        say(f"Error: {missing}")
        return EXIT_USAGE
    except Exception as error:  # noqa: BLE001 - the last line of defence against a traceback
        return _unforeseen(error)
    return code if isinstance(code, int) else EXIT_DONE


def _unforeseen(error: Exception) -> int:
    """Report an internal error by its type and place only: its text may hold a file's name."""
    if isinstance(error, ModuleNotFoundError) and (extra := extras.of_module(error.name)):
        say(f"Error: {extras.sentence(extra)}")
        return EXIT_USAGE
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = ""
    if trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "?")
        place = f" in {module}, line {trace.tb_lineno}"
    say(
        f"Error: unexpected {type(error).__name__}{place}; this is a fault of baileys-janitor "
        f"{__version__}: please report this line."
    )
    return EXIT_FAILED

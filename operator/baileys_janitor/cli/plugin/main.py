"""The command `kubectl-baileys`, which kubectl runs as `kubectl baileys`.

It loads neither a Kubernetes client nor a library with compiled parts, so that `make plugin` can pack it into one file
that any Python 3.11 runs.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Final

import click

from baileys_janitor import __version__
from baileys_janitor.cli.help.documented import LazyGroup, Listed
from baileys_janitor.cli.main import run_application
from baileys_janitor.cli.plugin.options import cluster_options
from baileys_janitor.cli.terminal.problems import EXIT_CODES, EXIT_DONE

if TYPE_CHECKING:
    from typing import NoReturn

PROGRAM: Final = "kubectl baileys"
COMMANDS: Final = {
    "status": Listed(
        "plugin.status_command",
        "The state of all tenants or of one: level, reason, forecast, next steps.",
    ),
    "top": Listed(
        "plugin.top_command",
        "The fleet on a screen that refreshes itself.",
    ),
    "report": Listed(
        "plugin.report_command",
        "A page on all tenants that can be sent around.",
    ),
    "support": Listed(
        "plugin.support.support_command",
        "A bundle about one tenant for support, without numbers and keys.",
    ),
    "clean": Listed(
        "plugin.operations.clean_command",
        "Clean session directories now, or show what that would remove.",
    ),
    "undo": Listed(
        "plugin.operations.undo_command",
        "Put back what a cleanup removed.",
    ),
    "repair": Listed(
        "plugin.repairs.repair_command",
        "Repair one contact or group that waits for messages.",
    ),
    "rotate": Listed(
        "plugin.rotations.rotate_command",
        "End a pairing, so that the tenant can be paired anew.",
    ),
    "rollback": Listed(
        "plugin.rotations.rollback_command",
        "Restore a rotated session, unless the tenant was paired anew.",
    ),
    "quiesce": Listed(
        "plugin.operations.quiesce_command",
        "Stop the use of a session for a while.",
    ),
    "resume": Listed(
        "plugin.operations.resume_command",
        "Start again what was stopped for a tenant.",
    ),
    "backup": Listed(
        "plugin.operations.backup_command",
        "Back sessions up now.",
    ),
    "drill": Listed(
        "plugin.operations.drill_command",
        "Rehearse restores now.",
    ),
    "restore": Listed(
        "plugin.restores.restore_command",
        "Put sessions back from archives, of one tenant or of a fleet.",
    ),
    "fingerprints": Listed(
        "plugin.restores.fingerprints_command",
        "Print the fingerprints to keep beside the recovery key.",
    ),
    "follow": Listed(
        "plugin.operations.follow_command",
        "Wait until an operation has ended.",
    ),
    "completion": Listed(
        "plugin.completion.completion_command",
        "Print the script with which kubectl completes this command.",
    ),
}


@click.group(
    cls=LazyGroup,
    listed=COMMANDS,
    exits=tuple(EXIT_CODES),
    examples=(
        ("kubectl baileys status -A", "All tenants of the cluster, the worst first."),
        ("kubectl baileys status acme -n shop", "One of them, on one screen."),
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Each command says more: kubectl baileys status --help",
)
@click.version_option(__version__, "-V", "--version", message="kubectl-baileys %(version)s")
@cluster_options
def application() -> None:
    """Look after the WhatsApp (Baileys) sessions of a cluster.

    Everything goes through kubectl: the context, the login and the rights are those that you have there.
    """


def run() -> NoReturn:
    """Run the command line as this process."""
    words = sys.argv[1:]
    if words[:2] == ["__complete", "--"]:
        complete_words(words[2:])
    sys.exit(run_application(application, words, PROGRAM))


def run_completion() -> NoReturn:
    """Complete words for kubectl, which runs this as `kubectl_complete-baileys`."""
    complete_words(sys.argv[1:])


def complete_words(words: list[str]) -> NoReturn:
    """Print the completions of the last of these words; print no problems, since Tab was pressed."""
    from baileys_janitor.cli.plugin.completion.completion_command import complete

    with contextlib.suppress(Exception):
        complete(words)
    sys.exit(EXIT_DONE)

"""`kubectl baileys completion`: the script with which kubectl completes this plugin's arguments.

kubectl (1.26 and newer) asks a program called `kubectl_complete-baileys` on the PATH. It gets the words that were typed
and prints the completions of the last one, one a line, and a directive at the end.
"""

from __future__ import annotations

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.output import write
from baileys_janitor.cli.terminal.problems import EXIT_DONE

SCRIPT = """\
#!/bin/sh
# Completes `kubectl baileys` in every shell in which kubectl itself is completed.
exec kubectl-baileys __complete -- "$@"
"""
_NO_FILES = ":4"
"""The directive for kubectl to offer no file names."""
_FILES = ":0"


@click.command(
    "completion",
    cls=Documented,
    examples=(
        (
            "kubectl baileys completion > ~/.local/bin/kubectl_complete-baileys",
            "Once, into any directory of the PATH.",
        ),
        ("chmod +x ~/.local/bin/kubectl_complete-baileys", "Then kubectl finds it."),
    ),
)
def command() -> int:
    """Print the script with which kubectl completes commands, options and tenants' names.

    Put it on the PATH as kubectl_complete-baileys, beside the completion of kubectl itself. The package installs it
    already; the single file does not.
    """
    write(SCRIPT)
    return EXIT_DONE


def complete(words: list[str]) -> None:
    """Print the completions of the last of these words in kubectl's format; nothing else is ever printed."""
    from click.shell_completion import ShellComplete

    from baileys_janitor.cli.plugin.main import PROGRAM, application

    *before, last = words or [""]
    found = ShellComplete(application, {}, PROGRAM, "").get_completions(before, last)
    files = [each for each in found if each.type in {"file", "dir"}]
    lines = [
        f"{each.value}\t{each.help}" if each.help else str(each.value)
        for each in found
        if each not in files
    ]
    write("\n".join([*lines, _FILES if files else _NO_FILES, ""]))

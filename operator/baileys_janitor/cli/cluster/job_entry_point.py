"""Makes the commands that carry out one task in a pod, so that each of them has a help page.

They exist for the help alone where the package's entry point starts a task before the command line loads.
"""

from __future__ import annotations

from collections.abc import Callable

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.problems import EXIT_USAGE

Main = Callable[[list[str]], int]


def job_entry_point(
    name: str, help_text: str, load: Callable[[], Main], example: tuple[str, str] | None = None
) -> click.Command:
    """Return the command `name TASK`; `load` imports the function that carries a task out, and runs only then."""

    @click.command(
        name,
        cls=Documented,
        help=help_text,
        examples=(example or (f"baileys-janitor {name} '{{}}'", "Report an invalid task."),),
    )
    @click.argument("task", required=False)
    @click.pass_context
    def command(ctx: click.Context, task: str | None) -> int:
        if task is None:
            click.echo(ctx.get_help(), err=True)
            return EXIT_USAGE
        return load()([task])

    return command

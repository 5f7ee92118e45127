"""`baileys-janitor fetch-job`: the operator runs it in a pod to get the archive for a restore."""

from __future__ import annotations

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.problems import EXIT_USAGE


@click.command(
    "fetch-job",
    cls=Documented,
    examples=(
        (
            "baileys-janitor fetch-job '{}'",
            "Report an invalid task.",
        ),
    ),
)
@click.argument("task", required=False)
@click.pass_context
def command(ctx: click.Context, task: str | None) -> int:
    """Carry out the first half of one TASK (JSON) of a restore; started by the operator, not by people."""
    if task is None:
        click.echo(ctx.get_help(), err=True)
        return EXIT_USAGE
    from baileys_janitor.backup.restore_job.fetch import main

    return main([task])

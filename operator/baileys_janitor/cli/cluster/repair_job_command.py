"""`baileys-janitor repair-job`: the operator runs it in a pod to repair one contact or group."""

from __future__ import annotations

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.problems import EXIT_USAGE


@click.command(
    "repair-job",
    cls=Documented,
    examples=(
        (
            "baileys-janitor repair-job '{}'",
            "Report an invalid task.",
        ),
    ),
)
@click.argument("task", required=False)
@click.pass_context
def command(ctx: click.Context, task: str | None) -> int:
    """Carry out one TASK (JSON) that repairs a contact or a group; started by the operator, not by people."""
    if task is None:
        click.echo(ctx.get_help(), err=True)
        return EXIT_USAGE
    from baileys_janitor.job.repair.main import main

    return main([task])

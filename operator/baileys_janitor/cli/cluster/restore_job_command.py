"""`baileys-janitor restore-job`: the operator runs it in a pod to write a session that was fetched."""

from __future__ import annotations

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.problems import EXIT_USAGE


@click.command(
    "restore-job",
    cls=Documented,
    examples=(
        (
            "baileys-janitor restore-job '{}'",
            "Report an invalid task.",
        ),
    ),
)
@click.argument("task", required=False)
@click.pass_context
def command(ctx: click.Context, task: str | None) -> int:
    """Carry out the second half of one TASK (JSON) of a restore; started by the operator, not by people."""
    if task is None:
        click.echo(ctx.get_help(), err=True)
        return EXIT_USAGE
    from baileys_janitor.backup.restore_job.write import main

    return main([task])

"""`baileys-janitor backup-job`: the operator runs it in a pod for backups."""

from __future__ import annotations

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.problems import EXIT_USAGE


@click.command(
    "backup-job",
    cls=Documented,
    examples=(
        (
            "baileys-janitor backup-job '{}'",
            "Report an invalid task.",
        ),
    ),
)
@click.argument("task", required=False)
@click.pass_context
def command(ctx: click.Context, task: str | None) -> int:
    """Carry out one TASK (JSON) of backups or drills; started by the operator, not by people."""
    if task is None:
        click.echo(ctx.get_help(), err=True)
        return EXIT_USAGE
    from baileys_janitor.backup.job.main import main

    return main([task])

"""`baileys-janitor keystore-job`: the operator runs it in a pod for a key store."""

from __future__ import annotations

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.problems import EXIT_USAGE


@click.command(
    "keystore-job",
    cls=Documented,
    examples=(
        (
            "baileys-janitor keystore-job '{}'",
            "Report an invalid task.",
        ),
    ),
)
@click.argument("task", required=False)
@click.pass_context
def command(ctx: click.Context, task: str | None) -> int:
    """Carry out one TASK (JSON) on a database; started by the operator, not by people."""
    if task is None:
        click.echo(ctx.get_help(), err=True)
        return EXIT_USAGE
    from baileys_janitor.keystore.job.main import main

    return main([task])

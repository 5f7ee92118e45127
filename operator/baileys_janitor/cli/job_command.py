"""`baileys-janitor job`: here for the help alone; the entry point runs it before the CLI loads."""

from __future__ import annotations

import click

from baileys_janitor.cli.problems import EXIT_USAGE


@click.command("job")
@click.argument("task", required=False)
@click.pass_context
def command(ctx: click.Context, task: str | None) -> int:
    """Carry out one TASK (JSON) in a pod; started by the operator, not by people."""
    if task is None:
        click.echo(ctx.get_help(), err=True)
        return EXIT_USAGE
    from baileys_janitor.job.main import main

    return main([task])

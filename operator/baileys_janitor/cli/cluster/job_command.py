"""`baileys-janitor job`: only for the help; the entry point runs the job before the CLI loads."""

from __future__ import annotations

from typing import Final

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.problems import EXIT_USAGE

EXAMPLE: Final = (
    """baileys-janitor job '{"v":2,"action":"scan","settings":[[[150,170,175,180,185,"Pressure"],[50,65],"""
    """[1209600,259200,null],[604800,86400,null],[60,500]]],"members":[["/srv/sessions","company_1",0,null]]}'"""
)


@click.command(
    "job",
    cls=Documented,
    examples=(
        (
            EXAMPLE,
            "Count one directory; the result is one line on standard output, if there is no /dev/termination-log.",
        ),
    ),
)
@click.argument("task", required=False)
@click.pass_context
def command(ctx: click.Context, task: str | None) -> int:
    """Carry out one TASK (JSON) in a pod; started by the operator, not by people."""
    if task is None:
        click.echo(ctx.get_help(), err=True)
        return EXIT_USAGE
    from baileys_janitor.job.main import main

    return main([task])

"""`baileys-janitor crd`: the CustomResourceDefinition, as generated from the models."""

from __future__ import annotations

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.output import write


@click.command(
    "crd",
    cls=Documented,
    examples=(
        (
            "baileys-janitor crd | kubectl apply --server-side -f -",
            "Install the definitions in a cluster.",
        ),
    ),
)
def command() -> None:
    """Print the CustomResourceDefinitions, for kubectl apply --server-side -f -."""
    from baileys_janitor.api.generated.crd import crd_yaml

    write(crd_yaml())

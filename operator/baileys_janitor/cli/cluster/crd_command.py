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
        (
            "baileys-janitor crd --field-selectors | kubectl apply --server-side -f -",
            "Have kubectl get --field-selector status.level=Critical as well, on Kubernetes 1.31 or later.",
        ),
    ),
)
@click.option(
    "--field-selectors",
    is_flag=True,
    help="Let kubectl get --field-selector select by level, claim, phase and more. Needs Kubernetes 1.31 or later; "
    "servers before 1.30 refuse it.",
)
def command(field_selectors: bool) -> None:
    """Print the CustomResourceDefinitions, for kubectl apply --server-side -f -."""
    from baileys_janitor.api.generated.crd import crd_yaml

    write(crd_yaml(field_selectors))

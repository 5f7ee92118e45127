"""`kubectl baileys clean`: clean session directories now."""

from __future__ import annotations

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.plugin.operations.create import OperationRequest
from baileys_janitor.cli.plugin.operations.named_tenants import existing
from baileys_janitor.cli.plugin.operations.run_operations import (
    EXITS,
    Waiting,
    carry_out,
    names_argument,
    operation_options,
)
from baileys_janitor.cli.plugin.options import chosen


@click.command(
    "clean",
    cls=Documented,
    exits=EXITS,
    examples=(
        (
            "kubectl baileys clean acme -n shop --dry-run --wait",
            "What a cleanup would remove; removes nothing.",
        ),
        (
            "kubectl baileys clean acme -n shop --wait --timeout 10m",
            "Clean now. What is removed lies in the trash; undo puts it back.",
        ),
    ),
)
@names_argument
@operation_options
@click.option("--dry-run", is_flag=True, help="Remove nothing; show what would be removed.")
@click.option(
    "--emergency",
    is_flag=True,
    help="Go on with emergencyRetention while the count is at critical or above.",
)
def command(
    names: tuple[str, ...],
    wait: bool,
    timeout: float | None,
    output: str,
    dry_run: bool,
    emergency: bool,
) -> int:
    """Clean the session directories of some tenants now, by their own settings.

    It creates a BaileysOperation for each, which takes the right to create baileysoperations; --wait takes the right to
    get them, and is soonest with those to list and to watch them.
    """
    cluster = chosen()
    more = {"clean": {"emergency": True}} if emergency else {}
    asked = [
        OperationRequest(namespace, tenant, "Clean", more, dry_run)
        for namespace, tenant in existing(cluster, names)
    ]
    return carry_out(cluster, asked, Waiting(wait, timeout, output))

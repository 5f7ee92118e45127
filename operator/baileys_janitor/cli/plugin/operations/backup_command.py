"""`kubectl baileys backup`: back sessions up now."""

from __future__ import annotations

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.plugin.operations.create import OperationRequest
from baileys_janitor.cli.plugin.operations.run_operations import (
    EXITS,
    Waiting,
    carry_out,
    fleet_of,
    fleet_options,
    operation_options,
)
from baileys_janitor.cli.plugin.options import chosen


@click.command(
    "backup",
    cls=Documented,
    exits=EXITS,
    examples=(
        ("kubectl baileys backup acme -n shop --wait", "Before you touch the session."),
        (
            "kubectl baileys backup --all -A --wait",
            "Every tenant of the cluster, before maintenance.",
        ),
    ),
)
@fleet_options
@operation_options
def command(
    names: tuple[str, ...],
    every: bool,
    all_namespaces: bool,
    wait: bool,
    timeout: float | None,
    output: str,
) -> int:
    """Back the sessions of some tenants up now, to all of their repositories.

    It creates a BaileysOperation for each. An unchanged session is not backed up again while its newest archive is
    recent.
    """
    cluster = chosen()
    tenants = fleet_of(cluster, names, every=every, everywhere=all_namespaces)
    asked = [OperationRequest(namespace, tenant, "Backup", {}) for namespace, tenant in tenants]
    return carry_out(cluster, asked, Waiting(wait, timeout, output))

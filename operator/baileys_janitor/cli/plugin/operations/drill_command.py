"""`kubectl baileys drill`: rehearse restores now."""

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
    "drill",
    cls=Documented,
    exits=EXITS,
    examples=(
        (
            "kubectl baileys drill acme -n shop --wait",
            "Whether its newest archives can be restored.",
        ),
        (
            "kubectl baileys drill --all -A --wait --timeout 1h",
            "Those of every tenant of the cluster.",
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
    """Rehearse a restore of some tenants now: get the newest archive of each repository, open it, check all of it.

    It creates a BaileysOperation for each. Nothing of the tenants is touched.
    """
    cluster = chosen()
    tenants = fleet_of(cluster, names, every=every, everywhere=all_namespaces)
    asked = [OperationRequest(namespace, tenant, "Drill", {}) for namespace, tenant in tenants]
    return carry_out(cluster, asked, Waiting(wait, timeout, output))

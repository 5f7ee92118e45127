"""`kubectl baileys resume`: start stopped workloads again."""

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
    "resume",
    cls=Documented,
    exits=EXITS,
    examples=(
        ("kubectl baileys resume acme -n shop --wait", "Its workload has its replicas again."),
    ),
)
@names_argument
@operation_options
def command(names: tuple[str, ...], wait: bool, timeout: float | None, output: str) -> int:
    """Start again what `quiesce` has stopped for some tenants, with the replicas that it had."""
    cluster = chosen()
    asked = [
        OperationRequest(namespace, tenant, "Resume", {})
        for namespace, tenant in existing(cluster, names)
    ]
    return carry_out(cluster, asked, Waiting(wait, timeout, output))

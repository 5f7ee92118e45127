"""`kubectl baileys rollback`: restore the session that a rotation removed."""

from __future__ import annotations

from typing import Any

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.plugin.completion.completing import tenants as complete_tenants
from baileys_janitor.cli.plugin.operations.create import OperationRequest
from baileys_janitor.cli.plugin.operations.named_tenants import existing
from baileys_janitor.cli.plugin.operations.run_operations import (
    EXITS,
    Waiting,
    carry_out,
    operation_options,
)
from baileys_janitor.cli.plugin.operations.workloads import meanwhile, quiesce_option
from baileys_janitor.cli.plugin.options import chosen


@click.command(
    "rollback",
    cls=Documented,
    exits=EXITS,
    examples=(
        ("kubectl baileys rollback acme -n shop --dry-run --wait", "What would come back."),
        (
            "kubectl baileys rollback acme -n shop --quiesce deployment/bot-acme --wait",
            "Bring it back; have the operator stop the workload meanwhile.",
        ),
    ),
)
@click.argument("name", metavar="NAME", shell_complete=complete_tenants)
@operation_options
@quiesce_option
@click.option(
    "--run", metavar="ID", help="The rotation.  [the one that waits for a pairing, else the latest]"
)
@click.option("--dry-run", is_flag=True, help="Restore nothing; show what would be restored.")
def command(
    name: str,
    wait: bool,
    timeout: float | None,
    output: str,
    quiesce: str | None,
    run: str | None,
    dry_run: bool,
) -> int:
    """Bring the old session back, byte for byte, unless the tenant was paired since.

    Nothing comes back while a pod uses the claim; with --quiesce the operator stops the workload, where the chart
    allows that (quiesce.namespaces), and starts it again.
    """
    cluster = chosen()
    stops = meanwhile(quiesce, 1, dry_run=dry_run)
    more: dict[str, Any] = {"rollback": {"run": run}} if run else {}
    [place] = existing(cluster, [name])
    asked = OperationRequest(*place, "Rollback", {**more, **stops}, dry_run)
    return carry_out(cluster, [asked], Waiting(wait, timeout, output))

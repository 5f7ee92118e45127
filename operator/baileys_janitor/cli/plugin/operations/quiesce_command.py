"""`kubectl baileys quiesce`: stop the use of a session for a while."""

from __future__ import annotations

from typing import Any

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
from baileys_janitor.cli.plugin.operations.workloads import scaled
from baileys_janitor.cli.plugin.options import chosen
from baileys_janitor.cli.terminal.problems import usage


@click.command(
    "quiesce",
    cls=Documented,
    exits=EXITS,
    examples=(
        (
            "kubectl baileys quiesce acme -n shop --wait",
            "Wait until no pod uses the session; you stop the workload.",
        ),
        (
            "kubectl baileys quiesce acme -n shop --workload deployment/bot-acme --wait",
            "Scale it to 0; resume scales it back, and so does the operator after 15 minutes.",
        ),
    ),
)
@names_argument
@operation_options
@click.option(
    "--workload",
    metavar="KIND/NAME",
    help="Stop this Deployment or StatefulSet, and start it again in the end.",
)
@click.option(
    "--pods-timeout", metavar="TIME", help="How long to wait for the pods to be gone.  [2m]"
)
@click.option("--max-duration", metavar="TIME", help="How long the workload may be stopped.  [15m]")
@click.option(
    "--acknowledge",
    type=click.Choice(["StopsTenants"]),
    help="Stop the workload even if its pods use the claims of other tenants.",
)
def command(
    names: tuple[str, ...],
    wait: bool,
    timeout: float | None,
    output: str,
    workload: str | None,
    pods_timeout: str | None,
    max_duration: str | None,
    acknowledge: str | None,
) -> int:
    """Stop the use of some tenants' sessions until `resume`.

    Without --workload the operation waits until no pod uses the claim. With it the operator stops the workload, where
    the chart allows that (quiesce.namespaces), and starts it again after --max-duration unless it was resumed before.
    """
    cluster = chosen()
    group: dict[str, Any] = {}
    if workload is not None:
        if len(names) > 1:
            raise usage("--workload is the workload of one tenant: give one NAME.")
        group = scaled(workload, "--workload")
    group |= {"timeout": pods_timeout} if pods_timeout else {}
    group |= {"maxDuration": max_duration} if max_duration else {}
    group |= {"acknowledge": [acknowledge]} if acknowledge else {}
    more = {"quiesce": group} if group else {}
    asked = [
        OperationRequest(namespace, tenant, "Quiesce", more)
        for namespace, tenant in existing(cluster, names)
    ]
    return carry_out(cluster, asked, Waiting(wait, timeout, output))

"""`kubectl baileys undo`: put back what a cleanup removed."""

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
from baileys_janitor.cli.terminal.problems import usage


@click.command(
    "undo",
    cls=Documented,
    exits=EXITS,
    examples=(
        ("kubectl baileys undo acme -n shop --wait", "Put the files of the last cleanup back."),
        (
            "kubectl baileys undo acme -n shop --run 20261122t030000z-7c1f --wait",
            "Those of another one, as `kubectl baileys status acme -n shop -o yaml` names it.",
        ),
    ),
)
@names_argument
@operation_options
@click.option(
    "--run", metavar="ID", help="The run to take back.  [the last that removed something]"
)
def command(
    names: tuple[str, ...], wait: bool, timeout: float | None, output: str, run: str | None
) -> int:
    """Put the files of a cleanup back from the trash.

    Nothing is put over a file that is there, and nothing into another account's session. The next cleanup takes the
    same files again unless the tenant's settings change before.
    """
    cluster = chosen()
    if run is not None and len(names) > 1:
        raise usage("--run is a run of one tenant: give one NAME.")
    more = {"undo": {"run": run}} if run is not None else {}
    asked = [
        OperationRequest(namespace, tenant, "Undo", more)
        for namespace, tenant in existing(cluster, names)
    ]
    return carry_out(cluster, asked, Waiting(wait, timeout, output))

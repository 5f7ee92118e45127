"""`kubectl baileys rotate`: end a pairing, so that the tenant can be paired anew."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.plugin.completion.completing import tenants as complete_tenants
from baileys_janitor.cli.plugin.operations.create import OperationRequest
from baileys_janitor.cli.plugin.operations.documents import AWAITING, phase_of
from baileys_janitor.cli.plugin.operations.named_tenants import existing
from baileys_janitor.cli.plugin.operations.run_operations import (
    EXITS,
    Waiting,
    carry_out,
    operation_options,
)
from baileys_janitor.cli.plugin.operations.workloads import meanwhile, quiesce_option
from baileys_janitor.cli.plugin.options import chosen, command_line
from baileys_janitor.cli.terminal.output import say, say_prose
from baileys_janitor.cli.terminal.problems import EXIT_FAILED, usage

if TYPE_CHECKING:
    from baileys_janitor.cli.plugin.operations.documents import OperationDocument

_WARNING: Final = (
    "A rotation ends the pairing of {tenant}: it is not connected until somebody pairs it anew with the tenant's "
    "phone. Until then it can be rolled back."
)


@click.command(
    "rotate",
    cls=Documented,
    exits=EXITS,
    examples=(
        ("kubectl baileys rotate acme -n shop --dry-run --wait", "What would move; moves nothing."),
        (
            "kubectl baileys rotate acme -n shop --quiesce deployment/bot-acme --wait",
            "Have the operator stop the workload meanwhile; ends when a pairing is due.",
        ),
    ),
)
@click.argument("name", metavar="NAME", shell_complete=complete_tenants)
@operation_options
@quiesce_option
@click.option("--yes", is_flag=True, help="Do not ask for the tenant's name once more.")
@click.option(
    "--rotate-undo", metavar="TIME", help="How long it can be rolled back, 28d at most.  [7d]"
)
@click.option("--dry-run", is_flag=True, help="Move nothing; show what would be moved.")
def command(
    name: str,
    wait: bool,
    timeout: float | None,
    output: str,
    quiesce: str | None,
    yes: bool,
    rotate_undo: str | None,
    dry_run: bool,
) -> int:
    """End the pairing of a tenant in its directory, so that it asks for a new one.

    The old session moves into the trash, after a backup where the tenant has one. --wait ends when a pairing is due.
    Nothing moves while a pod uses the claim; with --quiesce the operator stops the workload, where the chart allows
    that (quiesce.namespaces), and starts it again. rollback brings the old session back, until somebody has paired.
    """
    cluster = chosen()
    stops = meanwhile(quiesce, 1, dry_run=dry_run)
    [(namespace, tenant)] = existing(cluster, [name])
    if not dry_run and not yes and not _is_meant(f"{namespace}/{tenant}", tenant):
        say("That is not its name: nothing was rotated.")
        return EXIT_FAILED
    more: dict[str, Any] = {"rotate": {"undo": rotate_undo}} if rotate_undo else {}
    asked = OperationRequest(namespace, tenant, "Rotate", {**more, **stops}, dry_run)
    waiting = Waiting(wait, timeout, output, frozenset({AWAITING}))
    return carry_out(cluster, [asked], waiting, ended=partial(_say_what_is_due, quiesce))


def _is_meant(where: str, tenant: str) -> bool:
    """Ask for the tenant's name as confirmation; raise bad usage without a terminal."""
    if not sys.stdin.isatty():
        raise usage(
            "A rotation is confirmed with the tenant's name. Without a terminal, add --yes."
        )
    say_prose(_WARNING.format(tenant=where))
    answer: str = click.prompt("Its name, to go on", default="", show_default=False, err=True)
    return answer.strip() in (tenant, where)


def _say_what_is_due(quiesce: str | None, operation: OperationDocument) -> None:
    """Print how to follow a rotation that waits for a pairing, and how to roll it back."""
    if phase_of(operation) != AWAITING:
        return
    namespace = operation["namespace"]
    follow = command_line("follow", operation["name"], namespace=namespace)
    stops = () if quiesce is None else ("--quiesce", quiesce)
    back = command_line("rollback", operation["tenant"], *stops, "--wait", namespace=namespace)
    say_prose("Pair the tenant now. To see when that is done:", follow)
    stopped = ", with the workload stopped" if quiesce is None else ""
    say_prose(f"To take it back before that{stopped}:", back)

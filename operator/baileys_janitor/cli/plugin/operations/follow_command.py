"""`kubectl baileys follow`: wait for existing operations."""

from __future__ import annotations

import click

from baileys_janitor.api.names import OPERATION_KIND
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.kubectl.resources import OPERATIONS
from baileys_janitor.cli.plugin.completion.completing import operations as complete_operations
from baileys_janitor.cli.plugin.operations.documents import operation_document
from baileys_janitor.cli.plugin.operations.following import Follower
from baileys_janitor.cli.plugin.operations.run_operations import EXITS, Time, Waiting, follow
from baileys_janitor.cli.plugin.options import chosen, cluster_options, parted


@click.command(
    "follow",
    cls=Documented,
    exits=EXITS,
    examples=(
        ("kubectl baileys follow clean-acme-x7k2p -n shop", "Until it has ended."),
        ("kubectl baileys follow clean-acme-x7k2p -n shop --timeout 5m", "Exit code 4 after that."),
    ),
)
@click.argument("name", metavar="OPERATION", shell_complete=complete_operations)
@cluster_options
@click.option("--timeout", type=Time(), metavar="TIME", help="The longest wait, such as 10m.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "yaml", "name"]),
    default="text",
    show_default=True,
    help="The format.",
)
def command(name: str, timeout: float | None, output: str) -> int:
    """Wait until an operation has ended, and print the result: exit code 0 when it was done, 1 when it failed.

    `kubectl get baileysoperations` lists them.
    """
    cluster = chosen()
    namespace, own = parted(name, cluster, OPERATION_KIND)
    found = operation_document(cluster.kubectl.get(OPERATIONS, namespace, own))
    follower = Follower(cluster.kubectl, {"fieldSelector": f"metadata.name={own}"})
    return follow(follower, [lambda: found], Waiting(True, timeout, output))

"""`kubectl baileys fingerprints`: print the fingerprints to keep beside the recovery key, to verify archives."""

from __future__ import annotations

import click

from baileys_janitor.api.bounded import part
from baileys_janitor.api.names import KIND
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.kubectl.resources import TENANTS
from baileys_janitor.cli.plugin.options import ALL_NAMESPACES, chosen, cluster_options, scope_of
from baileys_janitor.cli.plugin.restores.recorded import line_of
from baileys_janitor.cli.plugin.tenants import shown
from baileys_janitor.cli.terminal.formatting import counted
from baileys_janitor.cli.terminal.output import say, write
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED, Problem

_NAMED_MOST = 5


@click.command(
    "fingerprints",
    cls=Documented,
    examples=(
        (
            "kubectl baileys fingerprints -A > fingerprints.txt",
            "Each day, beside the recovery key: restore --fingerprints takes the file.",
        ),
    ),
)
@ALL_NAMESPACES
@cluster_options
def command(all_namespaces: bool) -> int:
    """Print a line for each tenant, with its namespace, its name and its fingerprint.

    Anybody who has the public key can make an archive. A fingerprint tells those of a tenant from forged ones when the
    cluster is lost. It is no secret. A tenant that was never backed up has none; the exit code is 1 then.
    """
    cluster = chosen()
    scope = scope_of(cluster, everywhere=all_namespaces)
    lines, without = [], []
    for tenant in cluster.kubectl.select(TENANTS, scope):
        line = line_of(tenant)
        if line is not None:
            lines.append(shown(line, 1024))
            continue
        meta = part(tenant, "metadata")
        without.append(f"{shown(meta.get('namespace'))}/{shown(meta.get('name'))}")
    if not lines and not without:
        where = "this cluster" if scope is None else f"the namespace {scope}"
        raise Problem(f"There is no {KIND} in {where}.", code="NoTenants")
    write("".join(f"{line}\n" for line in sorted(lines)))
    if without:
        more = ", ..." if len(without) > _NAMED_MOST else ""
        named = ", ".join(without[:_NAMED_MOST])
        say(f"Error: never backed up: {counted(len(without), 'tenant')} ({named}{more}).")
    return EXIT_FAILED if without else EXIT_DONE

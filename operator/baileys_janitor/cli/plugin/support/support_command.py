"""`kubectl baileys support`: a bundle for support that can be shared."""

from __future__ import annotations

import time

import click

from baileys_janitor.api.names import KIND
from baileys_janitor.cli.arguments.completing import files as complete_files
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.plugin.completion.completing import tenants as complete_tenants
from baileys_janitor.cli.plugin.options import chosen, cluster_options, parted
from baileys_janitor.cli.terminal.formatting import counted
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.output import say, write
from baileys_janitor.cli.terminal.problems import EXIT_DONE


@click.command(
    "support",
    cls=Documented,
    examples=(
        ("kubectl baileys support acme -n shop", "Writes baileys-support-TIME.tar.gz."),
        (
            "kubectl baileys support acme -n shop --to /tmp/acme.tar.gz",
            "The same to a file of another name.",
        ),
    ),
)
@click.argument("name", metavar="NAME", shell_complete=complete_tenants)
@cluster_options
@click.option(
    "--to",
    metavar="FILE",
    shell_complete=complete_files,
    help="Write to this file, which must not exist.  [baileys-support-TIME.tar.gz]",
)
def command(name: str, to: str | None) -> int:
    """Write a bundle about one tenant: the resource, its Events, the janitor's Jobs and pods, the versions.

    It holds no Secret, no session file and no log; numbers of seven digits and more are masked, keys are left out. What
    you may not read is named in it.
    """
    from baileys_janitor.cli.plugin.support.bundle import collect, write_bundle

    cluster = chosen()
    namespace, own = parted(name, cluster, KIND)
    bundle = collect(cluster.kubectl, namespace, own)
    path = to or time.strftime("baileys-support-%Y%m%dT%H%M%SZ.tar.gz", time.gmtime())
    write_bundle(bundle, path)
    for each in bundle.missing:
        say(f"Not in it: {each}")
    files = counted(len(bundle.files) + 1, "file")
    write(f"{printable(path)}: {files}. Look through it before you send it.\n")
    return EXIT_DONE

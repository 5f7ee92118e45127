"""`kubectl baileys report`: a report on the fleet, on one page that can be shared."""

from __future__ import annotations

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.plugin.options import ALL_NAMESPACES, chosen, cluster_options, scope_of
from baileys_janitor.cli.report.writing import FULLEST, format_for, print_or_write, report_options
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED


@click.command(
    "report",
    cls=Documented,
    examples=(
        ("kubectl baileys report -A", "The state of all tenants, in the terminal."),
        (
            "kubectl baileys report -A --to report.html",
            "The same as a page to send around; an earlier report is replaced.",
        ),
    ),
)
@ALL_NAMESPACES
@cluster_options
@report_options
def command(all_namespaces: bool, output: str | None, to: str, days: int, show_names: bool) -> int:
    """Report the state of tenants: levels, growth, cleanups, what to do; the weekly and monthly checklists, answered.

    Names that look like phone numbers are masked, so that a report can be sent around.
    """
    import time

    from baileys_janitor.cli.report.making import Making
    from baileys_janitor.report.privacy import Names

    kind = format_for(output, to)
    cluster = chosen()
    making = Making(
        time.time(),
        days,
        Names(shown=show_names),
        keep=None if kind == "json" else FULLEST,
        incident=None,
        to=None if to == "-" else to,
    )
    scope = scope_of(cluster, everywhere=all_namespaces)
    report = making.of_cluster(scope, cluster.kubectl)
    print_or_write(report, kind, to)
    return EXIT_FAILED if report["problems"] else EXIT_DONE

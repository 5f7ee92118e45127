"""`baileys-janitor report`: how are all sessions, on one page that can be sent around?"""

from __future__ import annotations

import time
from typing import Any

import click

from baileys_janitor.cli.arguments.options import SETTINGS_EPILOG, settings_options, target_options
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.report.writing import FULLEST, format_for, print_or_write, report_options
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED, usage


@click.command(
    "report",
    cls=Documented,
    examples=(
        (
            "baileys-janitor report /srv/sessions",
            "The state of all sessions, in the terminal.",
        ),
        (
            "baileys-janitor report /srv/sessions --to report.html",
            "The same as a page to send around; an earlier report is replaced.",
        ),
        (
            "baileys-janitor report /srv/sessions --incident 962303",
            "A session that was lost: what to do, and the recovery checklist filled in.",
        ),
        (
            "baileys-janitor report --cluster --to report.html",
            "On the BaileysTenants of the cluster that kubectl talks to.",
        ),
    ),
    epilog=SETTINGS_EPILOG,
)
@target_options
@report_options
@click.option(
    "--cluster",
    is_flag=True,
    help="Report on the BaileysTenants of a cluster, read through kubectl.",
)
@click.option("-n", "--namespace", metavar="NAME", help="With --cluster: this namespace alone.")
@click.option("--context", metavar="NAME", help="With --cluster: kubectl's context.")
@click.option(
    "--incident",
    metavar="NAME|PATH",
    help="A session that was lost: the recovery checklist, filled in.",
)
@click.option(
    "--state",
    metavar="FILE",
    help="State file of the watch.  [where `status` looks for it]",
)
@settings_options(aliases={"--emergency-at": "--emergency"})
def command(
    paths: tuple[str, ...],
    companies: tuple[str, ...],
    pattern: str | None,
    output: str | None,
    to: str,
    cluster: bool,
    namespace: str | None,
    context: str | None,
    incident: str | None,
    days: int,
    state: str | None,
    show_names: bool,
    **values: Any,
) -> int:
    """Report the state of session directories: levels, growth, cleanups, what to do.

    A PATH is a session directory, or one with session directories down to three levels beneath it; without a PATH,
    BAILEYS_SESSIONS_PATH is used. Nothing is changed. Names that look like phone numbers are masked, so that a report
    can be sent around. The exit code is 1 when something could not be scanned; the report lists it.
    """
    from baileys_janitor.cli.report.directories_report import MakingOfDirectories
    from baileys_janitor.report.privacy import Names

    kind = format_for(output, to)
    making = MakingOfDirectories(
        time.time(),
        days,
        Names(shown=show_names),
        keep=None if kind == "json" else FULLEST,
        incident=incident,
        to=None if to == "-" else to,
    )
    if cluster:
        if paths or companies or pattern or state:
            raise usage(
                "--cluster reports on BaileysTenants: leave out PATH, --company, --pattern and --state."
            )
        from baileys_janitor.cli.kubectl.client import Kubectl

        kubectl = Kubectl([f"--context={context}"] if context else [])
        report = making.of_cluster(namespace, kubectl)
    else:
        if namespace is not None or context is not None:
            raise usage("--namespace and --context are about a cluster: add --cluster.")
        from baileys_janitor.cli.arguments.settings import settings_in_force

        report = making.of_directories(
            paths, companies, pattern, settings_in_force(values).policy, state
        )
    print_or_write(report, kind, to)
    return EXIT_FAILED if report["problems"] else EXIT_DONE

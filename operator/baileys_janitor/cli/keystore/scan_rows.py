"""`baileys-janitor keystore scan`: count the keys, their ages and their sizes."""

from __future__ import annotations

from typing import Any

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.keystore.options import (
    database_options,
    layout_options,
    limit_options,
    opened,
    output_option,
    target,
)
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS
from baileys_janitor.cli.terminal.problems import EXIT_DONE


@click.command(
    "scan",
    cls=Documented,
    examples=(
        (
            "baileys-janitor keystore scan --url-file url",
            "Count the keys of all sessions.",
        ),
        (
            "baileys-janitor keystore scan --url-file url --table whatsapp_keys --column session=company_id -v",
            "A table of your own; lists the fullest sessions.",
        ),
    ),
)
@database_options
@click.option(
    "-v", "--verbose", is_flag=True, help="List the 20 fullest sessions, with masked numbers."
)
@output_option
@layout_options
@limit_options
def command(verbose: bool, output: str, **values: Any) -> int:
    """Count the keys of all sessions. Nothing is changed."""
    where = target(values)
    with opened(where) as (database, facts):
        from baileys_janitor.keystore.report import make_report
        from baileys_janitor.policy.settings import DEFAULTS

        report = make_report(database, facts, DEFAULTS)
    if output in MACHINE_FORMATS:
        from baileys_janitor.cli.keystore.documents import (
            SCAN_SCHEMA,
            print_document,
            report_document,
        )

        print_document(SCAN_SCHEMA, report_document(report), output)
        return EXIT_DONE
    from baileys_janitor.cli.keystore.text import (
        fullest_lines,
        hindrance_lines,
        print_lines,
        report_lines,
    )

    fullest = fullest_lines(report) if verbose else []
    print_lines([*report_lines(report), *fullest, *hindrance_lines(report)])
    return EXIT_DONE

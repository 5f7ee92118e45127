"""Reports on the tenants of a cluster: `report`, and the recovery checklist for a lost session."""

from __future__ import annotations

import sys
import time
from typing import Any, Final

from baileys_janitor.api.bounded import part, text
from baileys_janitor.cli.report.making import Making
from baileys_janitor.cli.report.writing import columns
from baileys_janitor.cli.terminal.output import write, write_document
from baileys_janitor.report import markdown
from baileys_janitor.report.privacy import Names

_DAYS: Final = 30


def print_incident(tenant: dict[str, Any], *, as_json: bool) -> None:
    """Print the advice for a lost session, and its filled-in recovery checklist."""
    name = text(part(tenant, "metadata").get("name"))
    making = Making(time.time(), _DAYS, Names(), keep=None, incident=name, to=None)
    report = making.of_tenants([tenant])
    if as_json:
        write_document(report["incident"], "json")
        return
    shown = markdown.incident(report)
    write(markdown.wrapped(shown, columns()) if sys.stdout.isatty() else shown)

"""The BaileysTenants of a cluster as sessions of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from baileys_janitor.api.bounded import part, text
from baileys_janitor.api.names import KIND
from baileys_janitor.api.status_readers import reader_of
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.report.tenant import removed_because, session_of_tenant
from baileys_janitor.report.words import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from baileys_janitor.report.collect import Collector
    from baileys_janitor.report.model import RunDocument, SessionDocument
    from baileys_janitor.report.privacy import Names

    Sees = Callable[[SessionDocument, list[RunDocument]], None]


def add_tenants(
    tenants: Iterable[dict[str, Any]],
    names: Names,
    collector: Collector,
    sees: Sees | None = None,
) -> None:
    """Add each tenant to the report, its status limited by the schema.

    `sees` is called with each session and all its recorded runs.
    """
    since = rfc3339(collector.facts.since) or ""
    for tenant in tenants:
        meta, spec = part(tenant, "metadata"), part(tenant, "spec")
        status = reader_of(KIND).read(tenant.get("status"))
        session, runs = session_of_tenant(
            printable(text(meta.get("name"))),
            printable(text(meta.get("namespace"))),
            status,
            names,
            suspended=spec.get("suspend") is True,
        )
        if sees is not None:
            sees(session, runs)
        # A status does not hold the fleet's own limit; a count above the Emergency limit is above it, too.
        critical = part(spec, "thresholds").get("critical", session["limit"])
        collector.add(
            session,
            runs,
            critical=critical if isinstance(critical, int) else None,
            removed_because=removed_because(status, since),
        )

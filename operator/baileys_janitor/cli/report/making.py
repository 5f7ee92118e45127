"""Builds a report on the tenants of a cluster, or on one lost session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from baileys_janitor import __version__
from baileys_janitor.cli.kubectl.resources import TENANTS
from baileys_janitor.cli.report.destination import require_replaceable
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.output import say
from baileys_janitor.cli.terminal.problems import Problem, usage
from baileys_janitor.report.checks import checks_of
from baileys_janitor.report.collect import Collector
from baileys_janitor.report.incident import incident_of
from baileys_janitor.report.model import (
    CLUSTER,
    SourceKind,
    ThresholdsDocument,
    WatchDocument,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from baileys_janitor.cli.kubectl.client import Kubectl
    from baileys_janitor.report.model import ReportDocument, RunDocument, SessionDocument
    from baileys_janitor.report.privacy import Names

NAMED_MOST: Final = 10
_OF_CLUSTER: Final = (
    "It shows what the statuses of BaileysTenants hold. "
    "A status keeps the last ten cleanups of a tenant."
)


class Making:
    """Builds a report. `to`: the file that it will be written to, None for standard output."""

    def __init__(
        self,
        now: float,
        days: int,
        names: Names,
        *,
        keep: int | None,
        incident: str | None,
        to: str | None,
    ) -> None:
        self.now = now
        self.names = names
        self.collector = Collector(now, days, keep)
        self.incident = None if incident is None else incident.rstrip("/")
        self.to = to
        self._seen: tuple[SessionDocument, list[RunDocument]] | None = None

    def of_cluster(self, namespace: str | None, kubectl: Kubectl) -> ReportDocument:
        """Return a report on the BaileysTenants of a cluster."""
        if self.to is not None:
            require_replaceable(self.to, ())
        listed: Iterable[dict[str, Any]] = kubectl.select(TENANTS, namespace)
        if self.incident is not None:
            listed = [_tenant(listed, self.incident)]
        report = self.of_tenants(listed)
        if not self.collector.sessions:
            where = f"namespace {printable(namespace)}" if namespace else "this cluster"
            raise Problem(f"There is no BaileysTenant in {where}.", code="NoTenants")
        return report

    def of_tenants(self, tenants: Iterable[dict[str, Any]]) -> ReportDocument:
        """Return a report on these BaileysTenants."""
        from baileys_janitor.cli.report.cluster import add_tenants

        add_tenants(tenants, self.names, self.collector, self.sees)
        return self.finished(CLUSTER, [_OF_CLUSTER], None)

    def sees(self, session: SessionDocument, runs: list[RunDocument]) -> None:
        """Store the session and its runs, for an incident: it has only one session."""
        self._seen = session, runs

    def fail(self, name: str, problem: Problem) -> None:
        """Add a problem with a session that could not be read."""
        self.collector.add_problem(name, problem.code, self.names.sentence(problem.message))

    def finished(
        self,
        source: SourceKind,
        about: list[str],
        limits: ThresholdsDocument | None,
        watch: WatchDocument | None = None,
    ) -> ReportDocument:
        """Return the report with its checklists, and write a sentence for each problem."""
        report = self.collector.document(
            source,
            __version__,
            about=about,
            names_masked=self.names.any_masked,
            thresholds=limits,
            watch=watch,
        )
        report["checks"] = checks_of(report, self.collector.facts)
        if self.incident is not None and self._seen is not None:
            session, runs = self._seen
            report["incident"] = incident_of(session, runs, limits, source, self.now)
        for problem in report["problems"]:
            say(f"Error: {problem['message']}")
        return report


def _tenant(tenants: Iterable[dict[str, Any]], wanted: str) -> dict[str, Any]:
    """Return the tenant with a name, or with NAMESPACE/NAME."""
    found: dict[str, dict[str, Any]] = {}
    for tenant in tenants:
        meta = tenant.get("metadata")
        meta = meta if isinstance(meta, dict) else {}
        full = f"{meta.get('namespace')}/{meta.get('name')}"
        if wanted in {full, meta.get("name")}:
            found[full] = tenant
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        shown = ", ".join(printable(full) for full in list(found)[:NAMED_MOST])
        raise usage(
            f"--incident {printable(wanted)} could be each of {shown}; give NAMESPACE/NAME."
        )
    raise usage(
        f"--incident {printable(wanted)}: there is no BaileysTenant of that name; "
        "kubectl get baileystenants -A lists them."
    )

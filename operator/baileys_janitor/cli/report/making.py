"""Puts a report together: from directories or a cluster, of all sessions or of one that was lost."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from baileys_janitor import __version__
from baileys_janitor.cli.arguments.options import paths_or_environment
from baileys_janitor.cli.report.destination import require_replaceable
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.output import say
from baileys_janitor.cli.terminal.problems import Problem, usage
from baileys_janitor.report.checks import checks_of
from baileys_janitor.report.collect import Collector
from baileys_janitor.report.incident import incident_of
from baileys_janitor.report.model import (
    CLUSTER,
    DIRECTORIES,
    SourceKind,
    ThresholdsDocument,
    WatchDocument,
)
from baileys_janitor.report.words import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable

    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.kubectl.client import Kubectl
    from baileys_janitor.cli.report.watched import Watched
    from baileys_janitor.policy.settings import Settings, Thresholds
    from baileys_janitor.report.model import ReportDocument, RunDocument, SessionDocument
    from baileys_janitor.report.privacy import Names

_NAMED_MOST: Final = 10
_OF_DIRECTORIES: Final = (
    "It shows what directories and their journals hold. A journal keeps the cleanups of 30 days, also those of a cron "
    "line; a cleanup that found nothing to remove leaves no line."
)
_OF_CLUSTER: Final = (
    "It shows what the statuses of BaileysTenants hold. "
    "A status keeps the last ten cleanups of a tenant."
)


class Making:
    """A report in the making. `to`: the file that it will be written to, None for standard output."""

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
        self._now = now
        self._names = names
        self._collector = Collector(now, days, keep)
        self._incident = None if incident is None else incident.rstrip("/")
        self._to = to
        self._seen: tuple[SessionDocument, list[RunDocument]] | None = None

    def of_directories(
        self,
        paths: tuple[str, ...],
        companies: tuple[str, ...],
        pattern: str | None,
        settings: Settings,
        state: str | None,
    ) -> ReportDocument:
        """Return a report on session directories."""
        from baileys_janitor.cli.arguments.targets import find_targets, skipped_line
        from baileys_janitor.cli.report.directories import add_directories
        from baileys_janitor.cli.terminal.progress import with_progress

        lost = self._incident
        if lost is not None and not paths and os.path.isdir(lost):  # noqa: PTH112 - a path as typed
            paths = (lost,)
        found = find_targets(paths_or_environment(paths), companies, pattern)
        if not found.targets and found.problems:
            raise found.problems[0][1]
        targets = found.targets if lost is None else [_directory(found.targets, lost)]
        if self._to is not None:
            require_replaceable(self._to, [target.full_path for target in targets])
        for target in found.targets:  # before the first sentence that may name another one
            self._names.name(target.shown)
        for shown, problem in found.problems:
            self._fail(self._names.name(shown), problem)
        watched = self._watched(state)
        add_directories(
            with_progress(targets, "Looking at"),
            settings,
            self._names,
            self._collector,
            self._sees,
            watched,
            found.twice,
        )
        skipped = skipped_line(found.skipped)
        about = [_OF_DIRECTORIES, *([self._names.name(skipped)] if skipped else [])]
        watch: WatchDocument | None = None
        if watched is not None:
            watch = {"works": watched.works, "saved": rfc3339(watched.saved)}
        return self._finished(DIRECTORIES, about, _limits(settings.thresholds), watch)

    def of_cluster(self, namespace: str | None, kubectl: Kubectl) -> ReportDocument:
        """Return a report on the BaileysTenants of a cluster."""
        from baileys_janitor.cli.kubectl.resources import TENANTS
        from baileys_janitor.cli.report.cluster import add_tenants

        if self._to is not None:
            require_replaceable(self._to, ())
        listed: Iterable[dict[str, Any]] = kubectl.select(TENANTS, namespace)
        if self._incident is not None:
            listed = [_tenant(listed, self._incident)]
        add_tenants(listed, self._names, self._collector, self._sees)
        if not self._collector.sessions:
            where = f"namespace {printable(namespace)}" if namespace else "this cluster"
            raise Problem(f"There is no BaileysTenant in {where}.", code="NoTenants")
        return self._finished(CLUSTER, [_OF_CLUSTER], None)

    def _watched(self, state: str | None) -> Watched | None:
        """Return what a watch knows; one that was named must be there, any other may be missing."""
        from baileys_janitor.cli.report.watched import read_watched

        try:
            return read_watched(state, self._now)
        except Problem as problem:
            if state is not None:
                raise
            self._fail("watch", problem)
            return None

    def _sees(self, session: SessionDocument, runs: list[RunDocument]) -> None:
        self._seen = session, runs

    def _fail(self, name: str, problem: Problem) -> None:
        self._collector.add_problem(name, problem.code, self._names.sentence(problem.message))

    def _finished(
        self,
        source: SourceKind,
        about: list[str],
        limits: ThresholdsDocument | None,
        watch: WatchDocument | None = None,
    ) -> ReportDocument:
        report = self._collector.document(
            source,
            __version__,
            about=about,
            names_masked=self._names.any_masked,
            thresholds=limits,
            watch=watch,
        )
        report["checks"] = checks_of(report, self._collector.facts)
        if self._incident is not None and self._seen is not None:
            session, runs = self._seen
            report["incident"] = incident_of(session, runs, limits, source, self._now)
        for problem in report["problems"]:
            say(f"Error: {problem['message']}")
        return report


def _limits(limits: Thresholds) -> ThresholdsDocument:
    return {
        "warning": limits.warning,
        "critical": limits.critical,
        "trigger": limits.trigger,
        "emergency": limits.emergency,
        "danger": limits.danger,
    }


def _directory(targets: list[Target], wanted: str) -> Target:
    """Return the directory of a name or a path."""
    place = os.path.realpath(wanted)
    for target in targets:
        if os.path.realpath(target.full_path) == place:
            return target
    names = {
        target: {target.company, target.path, os.path.basename(target.full_path)}  # noqa: PTH119
        for target in targets
    }
    found = [target for target in targets if wanted in names[target]]
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(target.shown for target in found[:_NAMED_MOST])
        raise usage(f"--incident {printable(wanted)} could be each of {shown}; give its path.")
    present = ", ".join((target.company or target.shown) for target in targets[:_NAMED_MOST])
    more = ", ..." if len(targets) > _NAMED_MOST else ""
    raise usage(f"--incident {printable(wanted)}: no such session here; present: {present}{more}.")


def _tenant(tenants: Iterable[dict[str, Any]], wanted: str) -> dict[str, Any]:
    """Return the tenant of a name, or of NAMESPACE/NAME."""
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
        shown = ", ".join(printable(full) for full in list(found)[:_NAMED_MOST])
        raise usage(
            f"--incident {printable(wanted)} could be each of {shown}; give NAMESPACE/NAME."
        )
    raise usage(
        f"--incident {printable(wanted)}: there is no BaileysTenant of that name; "
        "kubectl get baileystenants -A lists them."
    )

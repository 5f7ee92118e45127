"""Adds session directories to a report: one scan of each, its journal, and the dry run of a cleanup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from baileys_janitor.cli.cleanup.planning import plan_for, planned_document
from baileys_janitor.cli.report.history import NONE, History, history_of
from baileys_janitor.cli.scanning.doctor import Looked, add_shared
from baileys_janitor.cli.scanning.look import look_at
from baileys_janitor.cli.terminal.problems import Problem
from baileys_janitor.policy.archives.credential_copies import newest
from baileys_janitor.report.collect import period_of
from baileys_janitor.report.findings import of_level, severity_of
from baileys_janitor.report.growth import forecast_of, growth_of
from baileys_janitor.report.model import NO_CLEANUPS
from baileys_janitor.report.tenant import forecast_of_status, run_of
from baileys_janitor.report.words import rfc3339
from baileys_janitor.volume.files.newest_copy import copies_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.report.watched import Watched
    from baileys_janitor.cli.scanning.look import Look
    from baileys_janitor.cli.terminal.json_output import CleanDocument
    from baileys_janitor.cli.terminal.json_output import FindingDocument as Found
    from baileys_janitor.policy.settings import Settings
    from baileys_janitor.report.collect import Collector
    from baileys_janitor.report.model import (
        CopiesDocument,
        FindingDocument,
        PlanDocument,
        RunDocument,
        SessionDocument,
    )
    from baileys_janitor.report.privacy import Names

    Sees = Callable[[SessionDocument, list[RunDocument]], None]


def add_directories(
    targets: Iterable[Target],
    settings: Settings,
    names: Names,
    collector: Collector,
    sees: Sees | None = None,
    watched: Watched | None = None,
    twice: Sequence[tuple[str, str]] = (),
) -> None:
    """Add each directory to the report; one that cannot be scanned becomes a problem, and the rest continues.

    `sees` is called with each session and all its recorded runs. `watched` is the state of a watch, `twice` the
    directories that were found under two names.
    """
    looked: list[tuple[int, str, Looked]] = []
    for target in targets:
        name = names.name(target.company or target.shown)
        try:
            look = look_at(target, settings)
        except Problem as problem:
            collector.add_problem(name, problem.code, names.sentence(problem.message))
            continue
        try:
            history = history_of(target, collector.facts.since, collector.facts.now)
        except Problem as problem:
            message = (
                f"Its journal cannot be read, so its cleanups are not known: {problem.message}"
            )
            collector.add_problem(name, problem.code, names.sentence(message))
            history = NONE
        session = _session(name, target, look, history, settings, names)
        if watched is not None:
            history = _overlay(session, history, watched, target.full_path)
        if sees is not None:
            sees(session, history.runs)
        number = collector.add(
            session,
            history.runs,
            critical=settings.thresholds.critical,
            removed_by_kind=history.removed_by_kind,
        )
        looked.append((number, name, _seen(target, look)))
    _add_shared(looked, twice, names, collector)


def _session(
    name: str, target: Target, look: Look, history: History, settings: Settings, names: Names
) -> SessionDocument:
    plan = plan_for(look, settings, emergency=False)
    found = planned_document(target, look, plan, settings, emergency=False)
    runs, limits = history.runs, settings.thresholds
    growth = growth_of(runs, found["counted"], look.now)
    trash = found["trash"]
    return {
        "name": name,
        "path": names.name(found["path"]),
        "namespace": None,
        "level": found["level"],
        "counted": found["counted"],
        "limit": found["limit"],
        "total": found["total"],
        "protected": found["protected"],
        "reclaimable": found["reclaimable"],
        "bytes": found["bytes"],
        "byKind": found["byKind"],
        "kept": found["reasons"]["kept"],
        "identity": found["identity"],
        "lastActivity": found["lastActivity"],
        "lastLook": rfc3339(look.now),
        "growthPerDay": None if growth is None else round(growth, 2),
        "forecast": forecast_of(
            found["counted"],
            growth,
            (limits.warning, limits.critical, limits.emergency),
            look.now,
        ),
        "lastCleanup": _last_cleanup(runs),
        "nextCleanup": None,
        "pairedAgain": _paired_again(history, look),
        "recordedSince": runs[-1]["time"] if runs else None,
        "trash": None if trash is None else {"runs": trash["runs"], "files": trash["files"]},
        "credentialsCopies": _copies(look),
        "monitored": None,
        "findings": _findings(found, names),
        "plan": _plan(found),
        "period": period_of(()),
        "runs": [],
    }


def _seen(target: Target, look: Look) -> Looked:
    """Return only the facts that are compared across directories: a large root is not held in memory."""
    document: Any = {"path": target.shown, "findings": [], "advice": []}
    return Looked(document, target, look.identity.fingerprint)


def _add_shared(
    looked: Sequence[tuple[int, str, Looked]],
    twice: Sequence[tuple[str, str]],
    names: Names,
    collector: Collector,
) -> None:
    add_shared([each for _, _, each in looked], twice)
    for number, name, each in looked:
        for found in each.document["findings"]:
            collector.add_finding(number, name, _finding(found, names))


def _finding(found: Found, names: Names) -> FindingDocument:
    code = found["code"]
    return {
        "type": code,
        "severity": severity_of(code),
        "message": names.sentence(found["message"]),
    }


def _overlay(session: SessionDocument, history: History, watched: Watched, path: str) -> History:
    """Add the watch's facts on a directory: it knows growth better, and cleanups that removed nothing."""
    status = watched.status_of(path)
    session["monitored"] = status is not None
    if status is None:
        return history
    if status.get("growthPerDay") is not None:
        session["growthPerDay"] = round(status["growthPerDay"], 2)
        session["forecast"] = forecast_of_status(status)
    session["nextCleanup"] = status.get("nextCleanupTime")
    known = {run["run"] for run in history.runs}
    more = [run_of(entry) for entry in status.get("history") or ()]
    runs = [*history.runs, *(run for run in more if run["run"] not in known)]
    runs.sort(key=lambda run: run["time"] or "", reverse=True)
    session["lastCleanup"] = _last_cleanup(runs)
    return history._replace(runs=runs)


def _last_cleanup(runs: Iterable[RunDocument]) -> str | None:
    """Return the start of the newest cleanup among these runs, which are sorted newest first."""
    return next((run["time"] for run in runs if run["reason"] not in NO_CLEANUPS), None)


def _copies(look: Look) -> CopiesDocument:
    copies = copies_in(look.own)
    last = newest(copies, look.now)
    return {"count": len(copies), "newest": None if last is None else rfc3339(last.time)}


def _paired_again(history: History, look: Look) -> bool | None:
    """Return whether the identity changed since the first run of the period; None if unknown."""
    prints = [*history.fingerprints, *filter(None, [look.identity.fingerprint])]
    return len(set(prints)) > 1 if history.fingerprints else None


def _findings(found: CleanDocument, names: Names) -> list[FindingDocument]:
    findings = [_finding(each, names) for each in found["findings"]]
    high = of_level(found["level"], found["counted"], found["limit"], found["removed"])
    return sorted([*filter(None, [high]), *findings], key=lambda one: -one["severity"])


def _plan(found: CleanDocument) -> PlanDocument:
    return {
        "removed": found["removed"],
        "freedBytes": found["freedBytes"],
        "byKind": {kind: count for kind, count in found["removedByKind"].items() if count},
        "byReason": found["reasons"]["removed"],
        "left": found["left"],
        "refused": found["code"],
    }

"""Sessions of a report, made by hand or at random."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.report.checks import checks_of
from baileys_janitor.report.collect import Collector, period_of
from baileys_janitor.report.growth import NO_FORECAST
from baileys_janitor.report.model import (
    CLUSTER,
    DIRECTORIES,
    WORST_FIRST,
    ReportDocument,
    RunDocument,
    SessionDocument,
    SourceKind,
    ThresholdsDocument,
)
from baileys_janitor.report.words import rfc3339

NOW = 1_795_000_000.0
DAY = 86_400.0
LIMITS: ThresholdsDocument = {
    "warning": 150,
    "critical": 170,
    "trigger": 175,
    "emergency": 180,
    "danger": 185,
}


def run(days_ago: float, before: int = 180, after: int = 160, **fields: Any) -> RunDocument:
    document: RunDocument = {
        "run": f"r{days_ago}",
        "time": rfc3339(NOW - days_ago * DAY),
        "reason": "Daily",
        "outcome": "Completed",
        "code": None,
        "removed": max(0, before - after),
        "before": before,
        "after": after,
        "freedBytes": 1000,
        "undone": False,
    }
    return {**document, **fields}  # type: ignore[typeddict-item]


def session(name: str = "acme", **fields: Any) -> SessionDocument:
    document: SessionDocument = {
        "name": name,
        "path": f"/srv/{name}",
        "namespace": None,
        "level": "Healthy",
        "counted": 100,
        "limit": 180,
        "total": 120,
        "protected": 40,
        "reclaimable": 3,
        "bytes": 100_000,
        "byKind": dict.fromkeys(KINDS, 2),
        "kept": {"InUse": 10},
        "identity": "Paired",
        "lastActivity": rfc3339(NOW - 60),
        "lastLook": rfc3339(NOW),
        "growthPerDay": None,
        "forecast": NO_FORECAST,
        "lastCleanup": None,
        "nextCleanup": None,
        "pairedAgain": None,
        "recordedSince": None,
        "trash": None,
        "credentialsCopies": None,
        "monitored": None,
        "findings": [],
        "plan": None,
        "period": period_of(()),
        "runs": [],
    }
    return {**document, **fields}  # type: ignore[typeddict-item]


def finished(
    collector: Collector, source: SourceKind = DIRECTORIES, *, about: str = "It is a test."
) -> ReportDocument:
    limits = None if source == CLUSTER else LIMITS
    report = collector.document(source, "0.1.0", about=[about], thresholds=limits)
    report["checks"] = checks_of(report, collector.facts)
    return report


def report_of(*sessions: SessionDocument, source: SourceKind = DIRECTORIES) -> ReportDocument:
    collector = Collector(NOW, 30)
    for each in sessions:
        collector.add(each, critical=170)
    return finished(collector, source)


WILD = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs",)),
        st.sampled_from("<>&\"'`|\\*_[](){}#\n\r\t\0\u202e\u2066\u200b"),
    ),
    max_size=40,
)
"""Text as a stranger would choose it for a name or a message."""
COUNTS = st.none() | st.integers(0, 10**9)
TIMES = st.none() | st.integers(-(10**11), 10**12).map(lambda seconds: rfc3339(float(seconds)))
RUNS = st.lists(
    st.builds(
        run,
        st.floats(-5, 60),
        before=COUNTS.map(lambda count: count or 0),
        reason=st.sampled_from(["Daily", "Trigger", "Requested", "CommandLine", "Unknown"]),
        outcome=st.sampled_from(["Completed", "Capped", "Failed", "Killed", "DryRun"]),
        undone=st.booleans(),
    ),
    max_size=12,
)
SESSIONS = st.builds(
    session,
    WILD,
    level=st.sampled_from(WORST_FIRST),
    counted=COUNTS,
    limit=COUNTS,
    total=COUNTS,
    reclaimable=COUNTS,
    bytes=COUNTS,
    identity=st.sampled_from([None, "Paired", "Unpaired", "Corrupt", "Absent", "TooLarge"]),
    lastActivity=TIMES,
    lastCleanup=TIMES,
    growthPerDay=st.none() | st.floats(-1e6, 1e6),
    forecast=st.builds(lambda time: {"warning": time, "critical": time, "emergency": time}, TIMES),
    pairedAgain=st.none() | st.booleans(),
    findings=st.lists(
        st.builds(
            lambda kind, message, severity: {
                "type": kind,
                "message": message,
                "severity": severity,
            },
            st.sampled_from(["DiskPressure", "ThresholdUnreachable", "CleanupsHeld"]),
            WILD,
            st.integers(1, 3),
        ),
        max_size=3,
    ),
)

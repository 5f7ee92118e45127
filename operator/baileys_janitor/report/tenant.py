"""Convert a BaileysTenant to a session of the report. Its status was already checked against the schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from baileys_janitor.report.collect import period_of
from baileys_janitor.report.findings import ADVICE, FAULT, of_level, severity_of
from baileys_janitor.report.model import (
    UNKNOWN_LEVEL,
    CopiesDocument,
    FindingDocument,
    ForecastDocument,
    RunDocument,
    SessionDocument,
    code_of,
)
from baileys_janitor.report.privacy import Names

Object = Mapping[str, Any]


def session_of_tenant(
    name: str, namespace: str, status: Object, names: Names, *, suspended: bool
) -> tuple[SessionDocument, list[RunDocument]]:
    """Return a tenant and its recorded cleanups, newest first."""
    files, volume = status.get("files") or {}, status.get("volume") or {}
    claim, path = volume.get("claimName"), volume.get("path")
    trash = status.get("trash")
    runs = [run_of(each) for each in status.get("history") or ()]
    session: SessionDocument = {
        "name": names.name(f"{namespace}/{name}"),
        "path": names.name(f"{claim}:{path}") if claim and path else None,
        "namespace": names.name(namespace),
        "level": status.get("level") or UNKNOWN_LEVEL,
        "counted": files.get("counted"),
        "limit": files.get("limit"),
        "total": files.get("total"),
        "protected": files.get("protected"),
        "reclaimable": files.get("reclaimable"),
        "bytes": files.get("bytes"),
        "byKind": dict(files.get("byKind") or {}),
        "kept": {code_of(reason): count for reason, count in (files.get("kept") or {}).items()},
        "identity": (status.get("identity") or {}).get("state"),
        "lastActivity": status.get("lastActivityTime"),
        "lastLook": status.get("lastScanTime"),
        "growthPerDay": status.get("growthPerDay"),
        "forecast": forecast_of_status(status),
        "lastCleanup": (status.get("lastCleanup") or {}).get("time"),
        "nextCleanup": status.get("nextCleanupTime"),
        "pairedAgain": _paired_again(status),
        "recordedSince": _recorded_since(runs),
        "trash": None
        if trash is None
        else {"runs": trash.get("runs") or 0, "files": trash.get("files") or 0},
        "credentialsCopies": _copies(status.get("credentialsCopies") or {}),
        "monitored": None,
        "findings": _findings(status, names, suspended=suspended),
        "plan": None,
        "period": period_of(()),
        "runs": [],
    }
    return session, runs


def removed_because(status: Object, since: str) -> dict[str, int]:
    """Return the number of files that the recorded cleanups since then removed, by reason."""
    sums: dict[str, int] = {}
    for each in status.get("history") or ():
        if (each.get("time") or "") >= since and each.get("outcome") != "DryRun":
            for reason, count in (each.get("removedByReason") or {}).items():
                code = code_of(reason)
                sums[code] = sums.get(code, 0) + count
    return sums


def forecast_of_status(status: Object) -> ForecastDocument:
    """Return when limits are reached, according to a status."""
    forecast = status.get("forecast") or {}
    return {
        "warning": forecast.get("warningTime"),
        "critical": forecast.get("criticalTime"),
        "emergency": forecast.get("emergencyTime"),
    }


def run_of(entry: Object) -> RunDocument:
    """Return one entry of a status's history."""
    return {
        "run": entry.get("run") or "",
        "time": entry.get("time"),
        "reason": code_of(entry.get("reason")),
        "outcome": code_of(entry.get("outcome")),
        "code": None,
        "removed": entry.get("removed") or 0,
        "before": entry.get("before"),
        "after": entry.get("after"),
        "freedBytes": entry.get("freedBytes") or 0,
        "undone": False,
    }


def _copies(stored: Object) -> CopiesDocument | None:
    """Return the kept copies of creds.json; None for a status from before they were counted."""
    count = stored.get("count")
    return None if count is None else {"count": count, "newest": stored.get("newestTime")}


def _paired_again(status: Object) -> bool | None:
    """Return whether the operator has seen another identity; None when it has not, or the status does not show it."""
    kinds = {each["type"]: each["status"] for each in status.get("conditions") or ()}
    return True if kinds.get("IdentityChanged") == "True" else None


def _recorded_since(runs: list[RunDocument]) -> str | None:
    """Return the oldest time of a history: earlier runs are unknown."""
    return min((run["time"] for run in runs if run["time"] is not None), default=None)


def _findings(status: Object, names: Names, *, suspended: bool) -> list[FindingDocument]:
    found: list[FindingDocument] = []
    for condition in status.get("conditions") or ():
        type_, holds = condition["type"], condition["status"]
        message = names.sentence(condition["message"])
        if type_ == "Ready" and holds == "False":
            found.append(
                {
                    "type": code_of(condition["reason"], "NotReady"),
                    "severity": FAULT,
                    "message": message,
                }
            )
        elif type_ in ADVICE and holds == "True":
            found.append({"type": type_, "severity": severity_of(type_), "message": message})
    if suspended:
        message = "No Job runs while spec.suspend is true; what is in the trash is still purged."
        found.append({"type": "Suspended", "severity": 1, "message": message})
    files = status.get("files") or {}
    high = of_level(
        status.get("level") or UNKNOWN_LEVEL,
        files.get("counted"),
        files.get("limit"),
        files.get("reclaimable"),
    )
    return sorted([*filter(None, [high]), *found], key=lambda one: -one["severity"])

"""Rewords a status of a cluster for one server: no spec, claim, Job or namespace. Pure."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

PHRASES = (
    ("No Job runs while spec.suspend is true; ", "Nothing runs while suspend is true; "),
    ("spec.suspend is true: no Job runs.", "suspend is true: nothing runs."),
    ("spec.suspend", "suspend"),
    ("spec.thresholds", "thresholds"),
    (" with growing pauses of half an hour at most, and at once when the spec is edited.",
     " with growing pauses of half an hour at most, and at once when the settings are read anew."),
    ("Three scans in a row brought no result and no reason; see the janitor's Jobs in this namespace.",
     "Three scans in a row were missed: the watch, or this machine, did not run."),
    ("See why the janitor's Jobs in this namespace bring no result.", "See why the watch did not run."),
    ("Cleanups in the only namespace removed", "Cleanups here removed"),
    ("Cleanups in this namespace removed", "Cleanups here removed"),
    ("The Job was killed in the middle of this cleanup. The next Job recorded",
     "The watch was killed in the middle of this cleanup. The next run recorded"),
    ("Stopped because the Job was asked to end", "Stopped because the watch was asked to end"),
    ("Stopped before the Job's deadline", "Stopped after a minute, for the others' sake"),
    ("The run had been carried out before, and its result was lost. The volume's journal",
     "The run had been carried out before, and its result was lost. The directory's journal"),
    ("Enlarge the claim or make room on the volume.", "Make room on the disk."),
    ("The operator met an unexpected error; see its log.",
     "The watch met an unexpected error; see its log."),
    ("counted before the operator started", "counted before the watch started"),
    ("The spec is not valid, so nothing is counted; see Ready.", "The settings are not valid."),
)  # fmt: skip


def of_server(status: Object) -> Object:
    """Return a status with its sentences reworded for a server."""
    fresh = dict(status)
    if "next" in fresh:
        fresh["next"] = said(fresh["next"])
    fresh["conditions"] = [
        {**each, "message": said(each["message"])} if each.get("message") else each
        for each in fresh.get("conditions") or ()
    ]
    last = fresh.get("lastCleanup")
    if last and last.get("message"):
        fresh["lastCleanup"] = {**last, "message": said(last["message"])}
    return fresh


def said(text: str) -> str:
    """Return a sentence reworded for a server."""
    for theirs, ours in PHRASES:
        if theirs in text:
            text = text.replace(theirs, ours)
    return text

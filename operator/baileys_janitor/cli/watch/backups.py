"""Backups in the output of `status`: the document, a table cell, and the full lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from baileys_janitor.cli.terminal import formatting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from baileys_janitor.cli.terminal.json_output import BackedUpDocument, WatchedBackupsDocument


def backups(status: Mapping[str, Any]) -> WatchedBackupsDocument | None:
    """Return the backups in a directory's status; None where none are made."""
    found = status.get("backup")
    if not found:
        return None
    reasons = {each["type"]: each["reason"] for each in status.get("conditions") or ()}
    return {
        "next": found.get("nextTime"),
        "nextDrill": found.get("nextDrillTime"),
        "lastSuccess": found.get("lastSuccessTime"),
        "backedUp": reasons.get("BackedUp"),
        "restorable": reasons.get("Restorable"),
        "repositories": [_repository(each) for each in found.get("repositories") or ()],
    }


def _repository(each: Mapping[str, Any]) -> BackedUpDocument:
    drill = each.get("drill") or {}
    return {
        "name": each["name"],
        "outcome": each.get("outcome"),
        "lastSuccess": each.get("time"),
        "reason": each.get("reason"),
        "message": each.get("message"),
        "archive": each.get("archive"),
        "archives": each.get("archives"),
        "oldest": each.get("oldestTime"),
        "retentionReason": each.get("retentionReason"),
        "files": each.get("files"),
        "bytes": each.get("bytes"),
        "lastDrill": drill.get("time"),
        "drillFailed": bool(drill.get("failures")) if drill else None,
        "drillMessage": drill.get("message"),
    }


def cell(found: WatchedBackupsDocument | None, now: float) -> str:
    """Return the age of the last successful backup, marked if a backup fails; "-" for none."""
    if found is None:
        return "-"
    fails = any(each["reason"] for each in found["repositories"])
    age = formatting.age_of(found["lastSuccess"], now) if found["lastSuccess"] else "-"
    return f"{age} !" if fails else age


def in_full(found: WatchedBackupsDocument, now: float) -> Iterator[str]:
    """Yield lines about each repository, then the next backup and drill."""
    for each in found["repositories"]:
        if each["lastSuccess"] is None:
            yield f"  Backup in {each['name']}: none yet"
        else:
            yield f"  Backup in {each['name']}: {_success(each, now)}"
        if each["reason"]:
            yield f"    failed ({each['reason']}): {each['message'] or 'no message'}"
        if each["retentionReason"]:
            yield f"    old archives there are not removed ({each['retentionReason']})"
        if each["lastDrill"] is not None:
            yield f"    restored in a drill {formatting.age_of(each['lastDrill'], now)} ago"
        if each["drillFailed"]:
            yield f"    the last drill failed: {each['drillMessage'] or 'no message'}"
    for what, when in (("backup", found["next"]), ("drill", found["nextDrill"])):
        if when is not None:
            ahead = formatting.age_of(when, now)
            yield f"  Next {what}: {ahead if ahead.startswith('in ') else 'now'}"


def _success(each: BackedUpDocument, now: float) -> str:
    parts = [f"{formatting.age_of(each['lastSuccess'], now)} ago"]
    if each["files"] is not None and each["bytes"] is not None:
        parts.append(f"{each['files']} files in {formatting.size(each['bytes'])}")
    if each["archives"] is not None:
        archives = "archive" if each["archives"] == 1 else "archives"
        oldest = formatting.age_of(each["oldest"], now) if each["oldest"] else "-"
        parts.append(f"{each['archives']} {archives}, the oldest {oldest} old")
    return "; ".join(parts)

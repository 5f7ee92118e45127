"""Changes the record of a key store by the result of its Job. Pure: record, result and time in, record changed."""

from __future__ import annotations

from typing import Any

from baileys_janitor.api.conditions.conditions import MESSAGE_LIMIT
from baileys_janitor.api.keystores.status import WORST_LENGTH
from baileys_janitor.api.values import decoding
from baileys_janitor.api.values.durations import elapsed_text
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.controller.keystores.record import KeyStoreRecord, StoreLook
from baileys_janitor.job.result import CAPPED, DRY_RUN, FAILED, OUTCOMES, REFUSED, REPEATED
from baileys_janitor.keystore.job.result import JobFailure, Scan
from baileys_janitor.keystore.results import CleanResult, TypeFigures
from baileys_janitor.schedule.cleanup_times import KILLED
from baileys_janitor.tenants.fault import CODE, RETRY, Fault
from baileys_janitor.tenants.figures import BYTES_MAX
from baileys_janitor.tenants.wording import counted, listed

Object = dict[str, Any]

RECORDED = (
    "The run had been carried out before, and its result was lost. The archive has its rows: see "
    "`baileys-janitor keystore undo --list`."
)
"""The message of a run whose result is known from the database alone."""
KILLED_RUN = (
    "The run ended early. The rows that it removed are in the archive, and the next run continues."
)
"""The message of a run that has not ended according to the database, and that no Job continues."""
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def scanned(record: KeyStoreRecord, scan: Scan, now: float, begun: float) -> None:
    """Record a scan of the database that began at `begun`."""
    record.jobs.want_scan(False)
    record.recover()
    record.scan.take(_look(scan), now, begun)


def _look(scan: Scan) -> StoreLook:
    """Return the part of a scan that the status holds."""
    fault = " ".join(sentence for _, sentence in scan.report.hindrances[:3]) or None
    return StoreLook(_found(scan), scan.report.keys, scan.expired or 0, fault)


def _found(scan: Scan) -> Object:
    report = scan.report
    keys: Object = {
        "total": report.keys,
        "bytes": _bounded(report.bytes),
        "expired": scan.expired,
        "oldest": _time(report.oldest),
        "newest": _time(report.newest),
        "byType": {_camel(kind): _figures(one) for kind, one in list(report.by_type.items())[:16]},
        "ages": None
        if report.ages is None
        else report.ages | ({"unknown": report.undated} if report.undated else {}),
        "kept": scan.kept or None,
    }
    table: Object = {
        "bytes": _bounded(report.table.bytes),
        "indexBytes": _bounded(report.table.index_bytes),
        "totalBytes": _bounded(report.table.total_bytes),
        "size": size_text(report.table.total_bytes),
        "deadTuples": report.table.dead_rows,
        "lastAutovacuum": _time(report.table.last_autovacuum),
    }
    sessions: Object = {
        "count": report.sessions,
        "byLevel": report.levels or None,
        "worst": [
            {"session": session, "level": level, "keys": keys}
            for session, level, keys in report.worst[:WORST_LENGTH]
        ]
        or None,
    }
    return {"keys": _set(keys), "table": _set(table), "sessions": _set(sessions)}


def _camel(kind: str) -> str:
    """Return `preKey` for `pre-key`, as in the statuses of tenants."""
    first, *rest = kind.split("-")
    return first + "".join(word.capitalize() for word in rest)


def _figures(one: TypeFigures) -> Object:
    return _set(
        {
            "count": one.count,
            "bytes": _bounded(one.bytes),
            "oldest": _time(one.oldest),
            "newest": _time(one.newest),
        }
    )


def size_text(size: int) -> str:
    """Return a size for people: `246 MiB`."""
    amount, unit = float(size), 0
    while amount >= 1024 and unit < len(UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f} {UNITS[unit]}" if unit and amount < 10 else f"{amount:.0f} {UNITS[unit]}"


def cleaned(record: KeyStoreRecord, result: CleanResult, now: float) -> Object:
    """Record a cleanup's result, end the claimed run, and return its entry for the history."""
    reason = str((record.run or {}).get("reason") or "Requested")
    outcome = result.outcome
    if outcome == REPEATED:
        outcome = result.code if result.code in OUTCOMES else KILLED
    entry: Object = {"run": result.run, "time": to_rfc3339(now), "reason": reason}
    entry["outcome"] = outcome
    detail: Object = {"message": KILLED_RUN if outcome == KILLED else RECORDED}
    if result.outcome == REPEATED:
        entry["removed"] = result.removed
    else:
        entry |= _set(
            {
                "removed": result.removed,
                "before": None if result.before is None else result.before.keys,
                "after": None if result.after is None else result.after.keys,
                "rowBytes": _bounded(result.row_bytes),
                "returnedBytes": None
                if result.returned_bytes is None
                else _bounded(max(0, result.returned_bytes)),
                "duration": elapsed_text(result.duration_ms),
            }
        )
        detail = _detail(record, result, outcome)
    hindered = outcome in {FAILED, REFUSED} and result.code is not None
    record.backoff.set_work_fault(_fault(result.code, result.message) if hindered else None)
    record.cleanup.end(entry, detail)
    record.recover()
    if result.after is not None:
        kept = {} if outcome == DRY_RUN else result.kept
        record.scan.take(_look(Scan(report=result.after, expired=result.left, kept=kept)), now, now)
    else:
        record.jobs.want_scan()
    return entry


def _detail(record: KeyStoreRecord, result: CleanResult, outcome: str) -> Object:
    return _set(
        {
            "message": _message(result, outcome),
            "byType": {_camel(kind): n for kind, n in list(result.by_type.items())[:16]} or None,
            "sessions": result.sessions,
            "warnings": _warnings(record, result) or None,
            "kept": result.kept or None,
            "left": result.left or None,
        }
    )


def _message(result: CleanResult, outcome: str) -> str:
    verb = "Would remove" if outcome == DRY_RUN else "Removed"
    said = f"{verb} {counted(result.removed, 'key')} of {counted(result.cleaned, 'session')}"
    if result.before is not None and result.after is not None:
        said += f", {result.before.keys} before and {result.after.keys} after"
    if result.code and outcome in {REFUSED, FAILED, CAPPED}:
        said = f"{outcome} ({result.code}): {said[0].lower()}{said[1:]}"
    if result.row_bytes:
        said += f". {size_text(result.row_bytes)} of the table can be used again"
    why = listed(result.by_reason)
    if why:
        said += f". {'To go' if outcome == DRY_RUN else 'Gone'}: {why}"
    kept = listed(result.kept)
    if kept:
        said += f". Kept: {kept}"
    if result.changed:
        said += f". Written again meanwhile: {counted(result.changed, 'key')}"
    if result.removed and outcome != DRY_RUN and not result.archived:
        said += ". Nothing is left to put back: spec.undo is None, or undoWindow is 0s"
    if result.left:
        said += f". {result.left} more wait for the next run"
    return (said + ".")[:MESSAGE_LIMIT]


def _warnings(record: KeyStoreRecord, result: CleanResult) -> list[str]:
    found = []
    settings = record.effective
    if settings is not None and result.removed > settings.warn_above:
        found.append(
            f"{counted(result.removed, 'key')} at once, more than spec.warnAbove ({settings.warn_above})."
        )
    if result.busy:
        found.append(
            f"{counted(result.busy, 'session')} held by another run; the next one looks at them."
        )
    refused = listed(result.refused)
    if refused:
        found.append(f"Nothing was removed from some sessions: {refused}.")
    return found


def unanswered(
    record: KeyStoreRecord, reason: str, outcome: str, message: str, now: float
) -> Object:
    """Record a cleanup that has no result: refused, idle, or given up; end the claimed run, if any."""
    entry: Object = {
        "time": to_rfc3339(now),
        "reason": reason,
        "outcome": outcome,
        "removed": 0,
    }
    if record.run is not None:
        entry["run"] = record.run.get("id")
    record.cleanup.end(entry, {"message": message[:MESSAGE_LIMIT]})
    return entry


def fault_of(failure: JobFailure) -> Fault:
    """Return the fault that a Job reports."""
    return _fault(failure.code, failure.message)


def _fault(code: str | None, message: str | None) -> Fault:
    reason = code if code is not None and CODE.fullmatch(code) else "DatabaseError"
    said = decoding.said(message) or "The database could not be used."
    return Fault(reason, f"{said} {RETRY}")


def _bounded(number: int) -> int:
    return max(0, min(number, BYTES_MAX))


def _time(when: float | None) -> str | None:
    return None if when is None else to_rfc3339(when)


def _set(values: Object) -> Object:
    return {key: value for key, value in values.items() if value is not None}

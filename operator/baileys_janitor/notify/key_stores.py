"""The report of one cleanup of a key store: all its figures in one message. Pure.

Its delivery is recorded as for tenants' cleanups: a run is sent once to each target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from baileys_janitor.api.conditions.condition_kinds import WARNING
from baileys_janitor.notify import document, words
from baileys_janitor.notify.cleanups import Done
from baileys_janitor.notify.delivery_state import DeliveryState
from baileys_janitor.notify.incidents import Place, moment
from baileys_janitor.notify.words import Reader

Object = dict[str, Any]
Status = Mapping[str, Any]

AGES = {
    "under1d": "under 1 day",
    "from1dTo7d": "1 to 7 days",
    "from7dTo14d": "7 to 14 days",
    "from14dTo30d": "14 to 30 days",
    "over30d": "over 30 days",
}
"""The age buckets of a store's status, for readers."""


def untold(place: Place, status: Status, delivery: DeliveryState) -> Done | None:
    """Return the store's last cleanup if it was not sent to a target yet."""
    done = Done.of(place, status.get("lastRun") or {})
    if done is None or delivery.mark is None or done.time <= delivery.mark:
        return None
    return None if done.run in delivery.runs else done


def settle(delivery: DeliveryState, done: Done, now: float) -> None:
    """Record that the cleanup was sent; tenants' cleanups that ended meanwhile stay owed."""
    delivery.runs[done.run] = done.time
    delivery.sent.append(now)


def message(target: str, done: Done, status: Status, reader: Reader, now: float) -> Object:
    """Return the report of the store's last cleanup: a warning where it removed more than `warnAbove`, or failed."""
    last, name = status.get("lastRun") or {}, words.name(done.place)
    warnings = [words.clean(str(each)) for each in last.get("warnings") or ()]
    failed = done.outcome in {"Failed", "Killed"}
    title = f"Key store {name}: {_outcome(done)}"
    if warnings:
        title = f"Warning: {title[0].lower()}{title[1:]}"
    return document.message(
        "keyStore",
        target,
        str(done.run),
        title,
        now,
        WARNING if warnings or failed else document.INFO,
        keyStore=_data(done, status),
        lines=list(_lines(done, status, warnings, reader, now)),
    )


def _outcome(done: Done) -> str:
    keys = words.several(done.removed, "key")
    if done.outcome == "DryRun":
        return f"{keys} would be removed (DryRun)"
    told = f"{keys} removed" if done.removed else "nothing removed"
    return told if done.outcome in {"Completed", "Repeated"} else f"{done.outcome}, {told}"


def _data(done: Done, status: Status) -> Object:
    last = status.get("lastRun") or {}
    told: Object = {
        "namespace": done.place.namespace,
        "name": done.place.name,
        "time": document.rfc3339(done.time),
        "reason": done.reason,
        "outcome": done.outcome,
        "removed": done.removed,
        "before": done.before,
        "after": done.after,
    }
    for name in ("byType", "sessions", "rowBytes", "returnedBytes", "duration", "left", "warnings"):
        told[name] = last.get(name)
    keys = status.get("keys") or {}
    told["ages"], told["oldest"], told["newest"] = (
        keys.get(name) for name in ("ages", "oldest", "newest")
    )
    table = status.get("table") or {}
    told["table"] = {
        name: table.get(name) for name in ("bytes", "indexBytes", "totalBytes") if name in table
    }
    return {key: value for key, value in told.items() if value is not None}


def _lines(
    done: Done, status: Status, warnings: list[str], reader: Reader, now: float
) -> Iterator[str]:
    last = status.get("lastRun") or {}
    took = f", in {words.clean(str(last['duration']), 32)}" if last.get("duration") else ""
    yield f"{done.reason} cleanup, {reader.time(done.time, now)}: {done.outcome}{took}"
    if done.before is not None and done.after is not None:
        looked = last.get("sessions")
        of = f"; {words.several(looked, 'session')} looked at" if looked is not None else ""
        yield f"Keys: {words.number(done.before)} before and {words.number(done.after)} after{of}"
    yield from _removed(last)
    yield from _store(status, reader, now)
    yield from warnings
    if done.outcome in {"Failed", "Killed", "Refused"}:
        yield words.clean(str(last.get("message") or ""))
        yield "To do: see why:"
    elif warnings:
        yield "To do: see whether that was meant. Within the undo window the rows can be put back:"
    else:
        return
    yield f"kubectl describe {done.place.kind} {done.place.name} -n {done.place.namespace}"
    if reader.runbooks:
        page = "key-store-large-cleanup" if warnings else "key-store-stalled"
        yield f"Runbook: {reader.runbook(page)}"


def _removed(last: Mapping[str, Any]) -> Iterator[str]:
    by_type = last.get("byType") or {}
    if by_type:
        ranked = sorted(by_type.items(), key=lambda pair: (-pair[1], pair[0]))
        told = ", ".join(f"{words.number(n)} {words.clean(kind, 64)}" for kind, n in ranked)
        yield f"By type: {told}"
    if last.get("rowBytes"):
        returned = words.size(last.get("returnedBytes") or 0)
        yield f"Space: {words.size(last['rowBytes'])} of rows to use again, {returned} returned to the disk"


def _store(status: Status, reader: Reader, now: float) -> Iterator[str]:
    keys, table = status.get("keys") or {}, status.get("table") or {}
    ages, total = keys.get("ages") or {}, keys.get("total") or 0
    if ages and total:
        shares = ((word, ages.get(name) or 0) for name, word in AGES.items())
        yield "Ages: " + ", ".join(f"{100 * n / total:.0f} % {word}" for word, n in shares)
    oldest, newest = moment(keys.get("oldest")), moment(keys.get("newest"))
    if oldest is not None and newest is not None:
        yield f"Oldest key: {reader.time(oldest, now)}; newest: {reader.time(newest, now)}"
    if table.get("totalBytes"):
        own, indexes, both = (
            words.size(table.get(name) or 0) for name in ("bytes", "indexBytes", "totalBytes")
        )
        yield f"Table: {own}, indexes {indexes}, all {both}"

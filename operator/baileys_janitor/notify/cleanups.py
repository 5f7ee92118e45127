"""Finished cleanups since a target's last message about them: many in one message. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.conditions.condition_kinds import WARNING
from baileys_janitor.notify import document, wording, words
from baileys_janitor.notify.delivery_state import DeliveryState
from baileys_janitor.notify.incidents import DIRECTORY, Place, identify, moment
from baileys_janitor.notify.words import Reader

Object = dict[str, Any]
Entry = Mapping[str, Any]
"""An entry of a status's `history`."""

LATE_SECONDS = 180.0
"""Seconds by which the result of a cleanup may arrive after that of a later one."""
TOLD = frozenset({"Completed", "Capped", "DryRun", "Failed", "Killed", "Refused", "Repeated"})
"""Outcomes that are reported; cleanups with nothing to do are not."""
NAMED, LISTED = 20, 5
"""The most runs in the data and in the text."""


@dataclass(frozen=True, slots=True)
class Done:
    """One finished cleanup."""

    place: Place
    run: int
    """Its number in a delivery state."""
    time: float
    reason: str
    outcome: str
    removed: int
    freed: int
    before: int | None
    after: int | None

    @classmethod
    def of(cls, place: Place, entry: Entry) -> Done | None:
        """Read an entry; None for one that is not reported."""
        when, outcome = moment(entry.get("time")), str(entry.get("outcome"))
        if when is None or outcome not in TOLD:
            return None
        id_ = entry.get("run") or f"{entry.get('time')}{entry.get('reason')}"
        return cls(
            place,
            identify(place.namespace, place.name, str(id_)),
            when,
            str(entry.get("reason") or ""),
            outcome,
            int(entry.get("removed") or 0),
            int(entry.get("freedBytes") or 0),
            entry.get("before"),
            entry.get("after"),
        )


def untold(place: Place, history: Iterable[Entry], delivery: DeliveryState) -> Iterator[Done]:
    """Yield a tenant's cleanups that were not sent to a target, the newest first."""
    assert delivery.mark is not None
    for entry in history:
        done = Done.of(place, entry)
        if done is None:
            continue
        if done.time <= delivery.mark:
            break
        if done.run not in delivery.runs:
            yield done


def settle(delivery: DeliveryState, told: Iterable[Done], now: float) -> None:
    """Record the cleanups that were sent; a result that arrives a little late will still be sent."""
    assert delivery.mark is not None
    times = delivery.runs | {done.run: done.time for done in told}
    delivery.mark = max(delivery.mark, now - LATE_SECONDS)
    delivery.runs = {run: when for run, when in times.items() if when > delivery.mark}


def message(target: str, told: list[Done], large: int, reader: Reader, now: float) -> Object:
    """Return the message about these cleanups; `large`: runs that removed more are listed as a warning."""
    too_large = [done for done in told if done.removed > large and done.outcome != "DryRun"]
    applied = [done for done in told if done.outcome != "DryRun"]
    removed, freed = sum(d.removed for d in applied), sum(d.freed for d in applied)
    failed = sum(d.outcome == "Failed" for d in told)
    title = f"{words.several(len(told), 'cleanup')}: {_sum(removed, freed)}"
    if len(told) == 1:
        title = f"Cleanup of {words.name(told[0].place)}: {_outcome(told[0])}"
    elif failed:
        title += f"; {words.number(failed)} failed"
    if len(too_large) == 1:
        worst = too_large[0]
        title = f"Warning: a cleanup of {words.name(worst.place)} removed {words.several(worst.removed, 'file')}"
    elif too_large:
        runs = words.several(len(too_large), "cleanup")
        title = f"Warning: {runs} removed more than {words.number(large)} files each"
    severity = WARNING if too_large else document.INFO
    ranked = sorted(told, key=lambda d: (d.outcome != "Failed", -d.removed, words.name(d.place)))
    mark = " ".join(sorted(str(done.run) for done in told))
    return document.message(
        "cleanups",
        target,
        mark,
        title,
        now,
        severity,
        cleanups={
            "count": len(told),
            "removed": removed,
            "freedBytes": freed,
            "failed": failed,
            "runs": [_run(done) for done in ranked[:NAMED]],
        },
        lines=_lines(ranked, too_large, reader, now),
    )


def _sum(removed: int, freed: int) -> str:
    if not removed:
        return "nothing removed"
    return f"{words.several(removed, 'file')} removed, {words.size(freed)} freed"


def _outcome(done: Done) -> str:
    if done.outcome == "DryRun":
        return f"{words.several(done.removed, 'file')} would be removed (DryRun)"
    if done.outcome == "Killed":
        return "Killed while running; it resumes automatically"
    told = _sum(done.removed, done.freed)
    return told if done.outcome in {"Completed", "Repeated"} else f"{done.outcome}, {told}"


def _counts(done: Done) -> str:
    if done.outcome == "Killed" and done.before is not None and done.after is None:
        return f"{words.number(done.before)} counted before"
    if done.before is None or done.after is None or done.outcome == "DryRun":
        return ""
    return f"{words.number(done.before)} counted before and {words.number(done.after)} after"


def _run(done: Done) -> Object:
    told = {
        "namespace": done.place.namespace,
        "name": done.place.name,
        "companyId": done.place.company,
        "time": document.rfc3339(done.time),
        "reason": done.reason,
        "outcome": done.outcome,
        "removed": done.removed,
        "freedBytes": done.freed,
        "before": done.before,
        "after": done.after,
    }
    return {key: value for key, value in told.items() if value is not None}


def _lines(ranked: list[Done], too_large: list[Done], reader: Reader, now: float) -> list[str]:
    lines = [_line(done, len(ranked) == 1, reader, now) for done in ranked[:LISTED]]
    if len(ranked) > LISTED:
        lines.append(f"and {words.number(len(ranked) - LISTED)} more")
    if too_large:
        lines.append(
            "To do: see whether that was meant. Within the undo window the files can be put back:"
        )
        largest = sorted(too_large, key=lambda d: (-d.removed, words.name(d.place)))
        lines += _help(largest, "undo-cleanup", reader)
    elif ranked[0].outcome == "Failed":
        failed = [done for done in ranked if done.outcome == "Failed"]
        lines.append(f"To do: see why {'it' if len(failed) == 1 else 'each'} failed:")
        lines += _help(failed, "cleanup-failing", reader)
    return lines


def _line(done: Done, alone: bool, reader: Reader, now: float) -> str:
    when, counts = reader.time(done.time, now), _counts(done)
    if alone:
        return f"{done.reason} cleanup, {when}{': ' if counts else ''}{counts}"
    told = f"{words.name(done.place)}, {when}, {done.reason}: {_outcome(done)}"
    return f"{told}, {counts}" if counts else told


def _help(about: list[Done], runbook: str, reader: Reader) -> list[str]:
    """Return the command for each affected tenant, and the runbook."""
    places = list(dict.fromkeys((done.place.namespace, done.place.name) for done in about))
    lines = [f"kubectl describe baileystenant {name} -n {space}" for space, name in places[:LISTED]]
    if about[0].place.kind == DIRECTORY:
        lines = [f"{wording.OF_SERVER} {name}" for _, name in places[:LISTED]]
    if len(places) > LISTED:
        lines.append(f"and so for {words.several(len(places) - LISTED, 'more tenant')}")
    return [*lines, f"Runbook: {reader.runbook(runbook)}"] if reader.runbooks else lines

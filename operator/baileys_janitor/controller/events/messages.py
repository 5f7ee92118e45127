"""Turns changes into Kubernetes Events on a tenant: a typed reason, and a note for `kubectl describe`. Pure.

An Event is about a moment; the current state is in the status. docs/events.md lists when each reason is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from baileys_janitor.api.conditions.condition_kinds import (
    CLEAN,
    CONDITIONS,
    NORMAL,
    OBSERVE,
    WARNING,
    EventKind,
    event_kinds,
)
from baileys_janitor.api.keystores.conditions import STORE_CONDITIONS
from baileys_janitor.api.names import KIND
from baileys_janitor.api.tenant_sets.conditions import SET_CONDITIONS
from baileys_janitor.schedule.cleanup_times import KILLED
from baileys_janitor.status import changes
from baileys_janitor.status.changes import Change
from baileys_janitor.tenants.record import AnyRecord
from baileys_janitor.tenants.wording import counted

NOTE_BYTES = 1024
"""The API server's limit for a note."""


class Reason(StrEnum):
    """Reasons of the Events that report no condition; those of conditions are in the registry."""

    LEVEL_CHANGED = "LevelChanged"
    CLEANUP_STARTED = "CleanupStarted"
    CLEANUP_FINISHED = "CleanupFinished"
    CLEANUP_FAILED = "CleanupFailed"
    CLEANUP_KILLED = "CleanupKilled"
    CLEANUP_REFUSED = "CleanupRefused"
    REQUEST_REFUSED = "RequestRefused"
    NOTHING_TO_DO = "NothingToDo"
    COPY_NOT_KEPT = "CopyNotKept"
    OPERATION_STARTED = "OperationStarted"
    OPERATION_COMPLETED = "OperationCompleted"
    OPERATION_FAILED = "OperationFailed"
    RECOVERED = "Recovered"


REASONS = frozenset({*Reason, *event_kinds()})
"""Every reason that an Event can have."""
ROUTINE = frozenset({Reason.CLEANUP_STARTED, Reason.CLEANUP_FINISHED})
"""Reasons of normal work, as many as there are Jobs; all others can occur for all tenants at once."""

_WEIGHTS = {
    Reason.CLEANUP_FAILED: 8,
    Reason.CLEANUP_KILLED: 7,
    Reason.CLEANUP_REFUSED: 6,
    Reason.REQUEST_REFUSED: 6,
    Reason.CLEANUP_FINISHED: 6,
    Reason.COPY_NOT_KEPT: 6,
    Reason.OPERATION_FAILED: 7,
    Reason.OPERATION_COMPLETED: 6,
    Reason.OPERATION_STARTED: 2,
    Reason.RECOVERED: 4,
    Reason.NOTHING_TO_DO: 4,
    Reason.CLEANUP_STARTED: 2,
}
_LEVEL_WEIGHTS = {"Unknown": 3, "Healthy": 3, "Warning": 5, "Critical": 7, "Emergency": 9}
STALLED = CONDITIONS["Stalled"]


@dataclass(frozen=True, slots=True)
class Draft:
    """An Event to be written; the larger `weight` is, the more important it is.

    `topic` distinguishes Events with the same reason: an Event with the same topic is a repetition.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    reason: str
    action: str
    type: str
    note: str
    topic: str
    weight: int
    kind: str = KIND
    """The kind of its resource."""

    @property
    def key(self) -> tuple[str, ...]:
        """The key of a series: Events with the same key are repetitions."""
        return self.uid, self.type, self.reason, self.action, self.topic


def events_of(heard: Change) -> list[Draft]:
    """Return the Events for a change: one at most, except that an operation's is on the operation and on its tenant."""
    if isinstance(heard, changes.OperationChanged):
        return [_operation(heard, each) for each in heard.regarding]
    draft = told(heard)
    return [] if draft is None else [draft]


def told(heard: Change) -> Draft | None:
    """Return the Event on a tenant or a key store for a change, or None without one."""
    if isinstance(heard, changes.LevelChanged):
        return _level(heard)
    if isinstance(heard, changes.ConditionChanged):
        return _condition(heard)
    if isinstance(heard, changes.FaultMet):
        return _stalled(heard.tenant, heard.reason, heard.message)
    if isinstance(heard, changes.CleanupStarted):
        return _started(heard)
    if isinstance(heard, changes.CleanupFinished):
        return _finished(heard)
    if isinstance(heard, changes.CopyNotKept):
        return _draft(
            heard.tenant,
            Reason.COPY_NOT_KEPT,
            OBSERVE,
            heard.message,
            heard.reason,
            warning=True,
        )
    return None


_OF_PHASE = {
    "Working": Reason.OPERATION_STARTED,
    "Completed": Reason.OPERATION_COMPLETED,
    "Failed": Reason.OPERATION_FAILED,
    "RolledBack": Reason.OPERATION_COMPLETED,
}


def _operation(heard: changes.OperationChanged, regarding: changes.Regarding) -> Draft:
    reason = _OF_PHASE[heard.phase]
    said = f"{heard.reason}: {heard.message}" if heard.phase == "Failed" else heard.message
    begun = f" of {heard.tenant} begins." if heard.phase == "Working" else f": {said}"
    return Draft(
        heard.namespace,
        regarding.name,
        regarding.uid,
        regarding.version,
        reason,
        heard.action,
        WARNING if reason == Reason.OPERATION_FAILED else NORMAL,
        bounded(f"{heard.action} ({heard.name}){begun}"),
        heard.name,
        _WEIGHTS[reason],
        regarding.kind,
    )


def _level(heard: changes.LevelChanged) -> Draft | None:
    if heard.before == changes.UNKNOWN and heard.after in {"Healthy", "Warning"}:
        # The first scan of a healthy tenant, and a count that is known again, are in the status.
        return None
    weights = _LEVEL_WEIGHTS
    worse = weights.get(heard.after, 0) > max(weights.get(heard.before, 0), weights["Healthy"])
    said = heard.message or "there is no count that still holds; see Ready."
    # An unknown level has many causes: another cause is not a repetition.
    why = f" {said}" if heard.after == changes.UNKNOWN else ""
    return _draft(
        heard.tenant,
        Reason.LEVEL_CHANGED,
        OBSERVE,
        f"{heard.before} -> {heard.after}: {said}",
        f"{heard.before} {heard.after}{why}",
        warning=worse,
        weight=weights.get(heard.after, 0) if worse else weights["Healthy"],
    )


def _condition(heard: changes.ConditionChanged) -> Draft | None:
    tenant, said = heard.tenant, heard.message
    kind = (
        CONDITIONS.get(heard.type)
        or STORE_CONDITIONS.get(heard.type)
        or SET_CONDITIONS.get(heard.type)
    )
    if kind is None:
        return None
    if heard.reason in kind.reason_events and heard.status != "False":
        return _of_kind(tenant, heard.reason, kind.reason_events[heard.reason], said, "")
    if kind.false_event is not None:
        return _false(heard, kind.type, kind.false_event)
    if kind.event is None:
        return None
    if heard.status == "True":
        if kind is STALLED:
            return _stalled(tenant, heard.reason, said)
        return _of_kind(tenant, kind.type, kind.event, said, kind.type)
    if heard.before == "True" and kind.event.over:
        note = kind.event.over.format(type=kind.type, message=said).strip()
        return _draft(tenant, Reason.RECOVERED, OBSERVE, note, kind.type)
    return None


def _false(heard: changes.ConditionChanged, type_: str, event: EventKind) -> Draft | None:
    """Return the Event for a condition that should be True."""
    if heard.status == "False":
        # Another reason is another topic.
        topic = f"{type_} {heard.reason}" if event.reason else type_
        reason = event.reason or heard.reason
        return _of_kind(heard.tenant, reason, event, heard.message, topic)
    if heard.status == "True" and heard.before == "False" and event.over:
        note = event.over.format(message=heard.message)
        return _draft(heard.tenant, Reason.RECOVERED, OBSERVE, note, type_)
    return None


def _stalled(tenant: AnyRecord, reason: str, said: str) -> Draft:
    assert STALLED.event is not None
    return _of_kind(tenant, STALLED.type, STALLED.event, f"{reason}: {said}", reason)


def _of_kind(tenant: AnyRecord, reason: str, kind: EventKind, note: str, topic: str) -> Draft:
    warning = kind.type == WARNING
    return _draft(tenant, reason, kind.action, note, topic, warning=warning, weight=kind.weight)


def _started(heard: changes.CleanupStarted) -> Draft:
    tenant, found, unit = heard.tenant, heard.tenant.found, heard.tenant.unit
    said = f"the {unit}s are counted by the cleanup itself"
    if found is not None:
        said = f"{counted(found[0], unit)} counted, {found[1]} can be removed"
    dry = " It is a dry run." if tenant.effective and tenant.effective.mode == "DryRun" else ""
    note = f"{_named(heard.reason)} {heard.run} begins: {said}.{dry}"
    return _draft(tenant, Reason.CLEANUP_STARTED, CLEAN, note, heard.run)


def _finished(heard: changes.CleanupFinished) -> Draft | None:
    entry = heard.entry
    outcome, why = str(entry.get("outcome")), str(entry.get("reason"))
    run = str(entry.get("run") or "")
    reason = {
        "Failed": Reason.CLEANUP_FAILED,
        KILLED: Reason.CLEANUP_KILLED,
        "Refused": Reason.CLEANUP_REFUSED,
        "NothingToDo": Reason.NOTHING_TO_DO,
    }.get(outcome, Reason.CLEANUP_FINISHED)
    if reason == Reason.NOTHING_TO_DO and why != "Requested":
        # Each night's idle cleanup has no Event; a requested one has, because somebody waits for the answer.
        return None
    if reason == Reason.CLEANUP_REFUSED and why == "Requested" and not run:
        reason = Reason.REQUEST_REFUSED
    warning = reason in _WARNINGS
    topic = run if not warning else why
    note = f"{_named(why)}{f' {run}' if run else ''}: {entry.get('message') or outcome}"
    if outcome == KILLED and entry.get("before") is not None:
        note += f" {counted(int(entry['before']), heard.tenant.unit)} counted before it."
    if entry.get("duration"):
        note += f" It took {entry['duration']}."
    return _draft(heard.tenant, reason, CLEAN, note, topic, warning=warning)


_WARNINGS = frozenset(
    {
        *(Reason.CLEANUP_FAILED, Reason.CLEANUP_KILLED),
        *(Reason.CLEANUP_REFUSED, Reason.REQUEST_REFUSED),
    }
)


def _named(reason: str) -> str:
    return f"{reason} cleanup"


def _draft(
    tenant: AnyRecord,
    reason: str,
    action: str,
    note: str,
    topic: str,
    *,
    warning: bool = False,
    weight: int = 0,
) -> Draft:
    return Draft(
        tenant.namespace,
        tenant.name,
        tenant.uid,
        tenant.resource.version,
        reason,
        action,
        WARNING if warning else NORMAL,
        bounded(note),
        topic,
        weight or _WEIGHTS[Reason(reason)],
        tenant.kind,
    )


def bounded(note: str) -> str:
    """Return a note within the API server's limit, cut at a whole character."""
    if len(note.encode()) <= NOTE_BYTES:
        return note
    return note.encode()[: NOTE_BYTES - 3].decode("utf-8", "ignore") + "..."

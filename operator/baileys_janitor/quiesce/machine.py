"""Decides the next step of stopping a workload and starting it again. Pure: a situation in, one step out.

Every step is safe to be taken twice, and to be lost. The workload is recorded, then the operation is held by a
finalizer, then the workload is scaled to 0 on the very version that was read; only a record that nobody can remove
unseen lets it be stopped, so that somebody will always start it. A step whose answer was lost is not repeated
blindly: the workload itself shows what has come of it. See `docs/quiesce.md`.
"""

from __future__ import annotations

from dataclasses import dataclass

from baileys_janitor.quiesce.record import (
    FOUGHT,
    GONE,
    NEVER_STOPPED,
    RESUMED,
    STOPPED_BY_OTHERS,
    QuiesceRecord,
)
from baileys_janitor.quiesce.workload import Workload

LATE_SECONDS = 60.0
"""For how long a scale whose answer was lost may still be carried out. Requests end after half of that."""


@dataclass(frozen=True, slots=True)
class Record:
    """Write the workload, its uid and its replicas into the operation's status, in place of what stands there."""

    workload: Workload


@dataclass(frozen=True, slots=True)
class Hold:
    """Put the finalizer on the operation."""


@dataclass(frozen=True, slots=True)
class Scale:
    """PUT so many replicas, with the uid and the version of this workload."""

    workload: Workload
    replicas: int


@dataclass(frozen=True, slots=True)
class Confirm:
    """Write into the record that the workload was seen at 0."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing uses the claim. `first`: write into the record that it is so, unless there is none."""

    first: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again later, at `until` (Unix seconds) at the latest; `pods` use the claim."""

    pods: tuple[str, ...] = ()
    until: float | None = None


@dataclass(frozen=True, slots=True)
class End:
    """Write into the record how it ended; `managers` own the replicas now."""

    outcome: str
    managers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """Take the finalizer off the operation."""


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing is to be done any more."""


Step = Record | Hold | Scale | Confirm | Quiet | Wait | End | Release | Over


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a step is decided by.

    Attributes:
        record: what stands in the operation's status; None before anything does.
        held: whether the operation has the finalizer.
        workload: as just read; None when there is none of that name.
        pods: those that use the claim and may write to it.
        resume: whether the workload is to be started again.
        unsure: until when a scale of ours may still be carried out whose answer is not known, in Unix seconds; 0 when
            there is none. After a start nothing is known of what was begun before.
        now: Unix seconds.
    """

    record: QuiesceRecord | None
    held: bool
    workload: Workload | None
    pods: tuple[str, ...]
    resume: bool
    unsure: float
    now: float


def next_step(at: Situation) -> Step:
    """Return what is to be done now. `Scale` only ever asks for 0, or for what was recorded."""
    record = at.record
    if record is None:
        return _begin(at)
    if record.outcome:
        return Release() if at.held else _afterwards(at, record)
    workload = at.workload
    if workload is None or workload.uid != record.uid or workload.deleting:
        return End(GONE)
    if record.stopped is None:
        return _stop(at, record, workload)
    return _stopped(at, record, workload)


def _begin(at: Situation) -> Step:
    if at.held:
        # Somebody took the record out of the status, or a write of it was lost: nothing was scaled without one.
        return Release()
    if at.resume:
        return Over()
    if at.workload is None or not at.workload.replicas or at.workload.deleting:
        return _wait_for_pods(at, None)
    return Record(at.workload)


def _stop(at: Situation, record: QuiesceRecord, workload: Workload) -> Step:
    """Go on with a workload that is not known to have been scaled."""
    if not workload.replicas:
        if not at.unsure or workload.others:
            return End(STOPPED_BY_OTHERS, workload.others)
        return Confirm()
    if at.resume:
        return Wait(until=at.unsure) if at.now < at.unsure else End(NEVER_STOPPED)
    if workload.replicas != record.replicas:
        return Record(workload)
    if not at.held:
        return Hold()
    return Scale(workload, 0)


def _stopped(at: Situation, record: QuiesceRecord, workload: Workload) -> Step:
    if workload.replicas:
        # Where nobody owns the replicas, as after a scale of 0, a scale leaves no name: neither ours nor another's.
        nameless = not workload.managers and workload.replicas == record.replicas
        ours = workload.scaled_by_us or (at.resume and nameless)
        return End(RESUMED if ours else FOUGHT, workload.others)
    if workload.others:
        return End(STOPPED_BY_OTHERS, workload.others)
    if at.resume:
        return Scale(workload, record.replicas)
    return _wait_for_pods(at, record)


def _afterwards(at: Situation, record: QuiesceRecord) -> Step:
    """Where the workload is gone, or is stopped by others, what remains is to wait for its pods."""
    if at.resume or record.outcome not in (GONE, STOPPED_BY_OTHERS):
        return Over()
    return _wait_for_pods(at, record)


def _wait_for_pods(at: Situation, record: QuiesceRecord | None) -> Step:
    if at.pods:
        return Wait(at.pods)
    if record is not None and record.stopped is not None and at.now < at.unsure:
        # A scale of an operator that is gone may still start it.
        return Wait(until=at.unsure)
    return Quiet(first=record is not None and record.quiet is None)

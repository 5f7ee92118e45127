"""Decides the next step of stopping a workload and starting it again. Pure: a situation in, one step out.

Every step can be repeated, and can be lost, without harm. The workload is recorded, then a finalizer holds the
operation, then the workload is scaled to 0 at exactly the version that was read. It is stopped only while nobody can
remove the record unseen, so it will always be started again. A step whose answer was lost is not repeated blindly: the
workload itself shows the result. See `docs/quiesce.md`.
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
"""How long a scale without an answer may still be carried out. Requests end after half of that."""


@dataclass(frozen=True, slots=True)
class Record:
    """Write the workload, its uid and its replicas into the operation's status, replacing the record there."""

    workload: Workload


@dataclass(frozen=True, slots=True)
class Hold:
    """Put the finalizer on the operation."""


@dataclass(frozen=True, slots=True)
class Scale:
    """PUT this number of replicas, with the uid and the version of this workload."""

    workload: Workload
    replicas: int


@dataclass(frozen=True, slots=True)
class Confirm:
    """Write into the record that the workload was seen with 0 replicas."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing uses the claim. `first`: write that into the record, if there is one."""

    first: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Check again at `until` (Unix seconds) at the latest; `pods` use the claim."""

    pods: tuple[str, ...] = ()
    until: float | None = None


@dataclass(frozen=True, slots=True)
class End:
    """Write the outcome into the record; `managers` own the replicas now."""

    outcome: str
    managers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """Remove the finalizer from the operation."""


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing remains to be done."""


Step = Record | Hold | Scale | Confirm | Quiet | Wait | End | Release | Over


@dataclass(frozen=True, slots=True)
class Situation:
    """The inputs of the decision on a step.

    Attributes:
        record: the record in the operation's status; None if there is none yet.
        held: whether the operation has the finalizer.
        workload: as just read; None if none has that name.
        pods: those that use the claim and may write to it.
        resume: whether the workload is to be started again.
        unsure: until when an unanswered scale of ours may still be carried out, in Unix seconds; 0 if there is none.
            After a start, requests sent before are unknown.
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
    """Return the next step. `Scale` only ever asks for 0, or for the recorded number."""
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
        # Somebody removed the record from the status, or a write of it was lost: nothing was scaled without a record.
        return Release()
    if at.resume:
        return Over()
    if at.workload is None or not at.workload.replicas or at.workload.deleting:
        return _wait_for_pods(at, None)
    return Record(at.workload)


def _stop(at: Situation, record: QuiesceRecord, workload: Workload) -> Step:
    """Continue with a workload that is not known to have been scaled."""
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
        # If nobody owns the replicas, as after a scale to 0, a scale leaves no manager: neither ours nor another's.
        nameless = not workload.managers and workload.replicas == record.replicas
        ours = workload.scaled_by_us or (at.resume and nameless)
        return End(RESUMED if ours else FOUGHT, workload.others)
    if workload.others:
        return End(STOPPED_BY_OTHERS, workload.others)
    if at.resume:
        return Scale(workload, record.replicas)
    return _wait_for_pods(at, record)


def _afterwards(at: Situation, record: QuiesceRecord) -> Step:
    """If the workload is gone, or others have stopped it, only wait for its pods."""
    if at.resume or record.outcome not in (GONE, STOPPED_BY_OTHERS):
        return Over()
    return _wait_for_pods(at, record)


def _wait_for_pods(at: Situation, record: QuiesceRecord | None) -> Step:
    if at.pods:
        return Wait(at.pods)
    if record is not None and record.stopped is not None and at.now < at.unsure:
        # A scale by an operator that is gone may still start it.
        return Wait(until=at.unsure)
    return Quiet(first=record is not None and record.quiet is None)

"""Changes of tenants and Jobs, published to listeners: Events, metrics, logs, notifications.

A tenant's changes are the difference of two statuses, published once the newer one is stored. So each change is
published once, by the operator that acted, and a restart repeats none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.conditions.conditions import find
from baileys_janitor.policy.levels import LEVELS
from baileys_janitor.tenants.cleanup_state import mark
from baileys_janitor.tenants.copies_state import PASSING
from baileys_janitor.tenants.record import AnyRecord, TenantRecord

Object = dict[str, Any]
logger = logging.getLogger("janitor.events")

UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class LevelChanged:
    """A change of a tenant's level; `before` is Unknown for the first one. `message` is the level condition's."""

    tenant: TenantRecord
    before: str
    after: str
    message: str


@dataclass(frozen=True, slots=True)
class ConditionChanged:
    """A change of status or reason of a condition other than the levels; `before` is its status (Unknown at first)."""

    tenant: AnyRecord
    type: str
    before: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class CleanupStarted:
    """A cleanup was claimed and its Job is about to be created."""

    tenant: AnyRecord
    run: str
    reason: str


@dataclass(frozen=True, slots=True)
class CleanupFinished:
    """A cleanup has ended, or was answered without a Job; `entry` is the status's `lastCleanup`."""

    tenant: AnyRecord
    entry: Object


@dataclass(frozen=True, slots=True)
class CopyNotKept:
    """No copy of creds.json could be kept, for a reason that does not pass by itself."""

    tenant: TenantRecord
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Regarding:
    """The object of an Event."""

    kind: str
    name: str
    uid: str
    version: str


@dataclass(frozen=True, slots=True)
class OperationChanged:
    """An operation has begun (`phase` Working) or ended (Completed, Failed or RolledBack), and that is stored.

    `tenant` is the name of its tenant, `regarding` are both objects as far as they are known.
    """

    namespace: str
    name: str
    tenant: str
    action: str
    phase: str
    reason: str
    message: str
    regarding: tuple[Regarding, ...]


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A Job has ended: `seconds` since its creation; `outcome` is Completed or the reason of its fault."""

    namespace: str
    action: str
    members: int
    seconds: float
    outcome: str


@dataclass(frozen=True, slots=True)
class FaultMet:
    """A fault that the status already reports occurred again."""

    tenant: AnyRecord
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Crashed:
    """An unexpected exception; `where` is one of CRASH_SITES."""

    where: str


CRASH_SITES = ("event", "job", "loop", "step", "tenant")
"""An event of the API server, a Job's result, the main loop, a reconcile of a tenant, a decision about a tenant."""

Change = (
    Crashed
    | FaultMet
    | LevelChanged
    | ConditionChanged
    | CleanupStarted
    | CleanupFinished
    | CopyNotKept
    | OperationChanged
    | JobEnded
)


def between(tenant: TenantRecord, before: Object, after: Object) -> Iterator[Change]:
    """Yield the changes between the statuses `before` and `after`, in a readable order. Pure.

    A finished cleanup comes before the level that it caused, and a new one after the level that caused it.
    """
    entry = after.get("lastCleanup") or {}
    if mark(entry) != mark(before.get("lastCleanup")) and entry:
        yield CleanupFinished(tenant, entry)
    was, now = before.get("level") or UNKNOWN, after.get("level") or UNKNOWN
    conditions = after.get("conditions") or ()
    if was != now:
        # While the level is unknown, every level's condition has the reason.
        said = find(list(conditions), LEVELS[0] if now == UNKNOWN else now) or {}
        yield LevelChanged(tenant, was, now, str(said.get("message") or ""))
    yield from of_conditions(tenant, before, after)
    yield from _of_copies(tenant, before, after)
    run = after.get("run") or {}
    if run.get("id") and run.get("id") != (before.get("run") or {}).get("id"):
        yield CleanupStarted(tenant, str(run["id"]), str(run.get("reason")))


def _of_copies(tenant: TenantRecord, before: Object, after: Object) -> Iterator[CopyNotKept]:
    was, now = (status.get("credentialsCopies") or {} for status in (before, after))
    reason = now.get("reason")
    if reason is not None and reason != was.get("reason") and reason not in PASSING:
        yield CopyNotKept(tenant, str(reason), str(now.get("message") or ""))


def of_conditions(record: AnyRecord, before: Object, after: Object) -> Iterator[ConditionChanged]:
    """Yield the changes of conditions other than the levels between two statuses. Pure."""
    for fresh in after.get("conditions") or ():
        kind = fresh["type"]
        known = find(before.get("conditions"), kind) or {}
        same = (known.get("status"), known.get("reason")) == (fresh["status"], fresh["reason"])
        if kind in LEVELS or same:
            continue
        earlier = str(known.get("status") or UNKNOWN)
        yield ConditionChanged(
            record, kind, earlier, fresh["status"], fresh["reason"], str(fresh.get("message") or "")
        )


class ChangeBus:
    """Passes changes on, at once and in order; a failing listener does not affect the others."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Change], None]] = []

    def subscribe(self, listener: Callable[[Change], None]) -> None:
        """Call `listener` with every change from now on; it must return at once."""
        self._listeners.append(listener)

    def publish(self, change: Change) -> None:
        """Pass a change to every listener."""
        for listener in self._listeners:
            try:
                listener(change)
            except Exception:
                # Publishing must never stop the work itself.
                logger.exception("A listener failed")

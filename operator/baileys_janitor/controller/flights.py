"""The Jobs under way, each with what is known of its pod."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from baileys_janitor.controller.faults import Fault, Finished
from baileys_janitor.controller.manifests import (
    ACTION_LABEL,
    RUN_LABEL,
    Member,
    claims_of,
    members_of,
)

Object = dict[str, Any]
JOB_NAME_LABEL = "batch.kubernetes.io/job-name"
LINGER = 60.0
"""Seconds that the name of a deleted Job is remembered: its pod tells of itself once more, when the Job controller
takes its finalizer off and the garbage collector comes by."""


@dataclass(slots=True)
class Flight:
    """One Job of the janitor, from its creation until it is deleted."""

    namespace: str
    name: str
    action: str
    members: list[Member]
    run: str | None = None
    created: float = 0.0
    used: frozenset[str] = frozenset()
    """Names of the members whose claim a running pod used when the Job was made."""
    claims: tuple[str, ...] = ()
    """Its claims in the order of the mounts; empty when it was adopted by its pod."""
    pod: str | None = None
    placed_at: float | None = None
    """Since when its pod has a node."""
    started: float | None = None
    trouble: Fault | None = None
    failed_at: float | None = None
    """Since when the Job is known to have failed while no pod of it tells why."""
    asked: bool = False
    ask_at: float = 0.0
    sought: bool = False
    ended: Finished | None = None
    """How its pod ended, while its members are not all known yet."""
    settled: bool = False
    """Whether its result, or its failure, has been taken in; what is left to do is deleting it."""
    deleting: bool = False
    deleted_at: float | None = None

    @property
    def key(self) -> tuple[str, str]:
        """(namespace, name)."""
        return self.namespace, self.name

    @property
    def shared(self) -> bool:
        """Whether several tenants depend on it."""
        return len(self.members) > 1

    @property
    def pending(self) -> bool:
        """Whether its pod has not begun to run."""
        return not self.settled and self.started is None


class Flights:
    """The Jobs under way by (namespace, name)."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str], Flight] = {}
        self._by_member: dict[tuple[str, str], list[Flight]] = {}
        self._gone: dict[tuple[str, str], float] = {}

    def __iter__(self) -> Iterator[Flight]:
        return iter(list(self._all.values()))

    def __len__(self) -> int:
        return sum(not flight.settled for flight in self._all.values())

    @property
    def pending(self) -> int:
        """How many have a pod that has not begun to run."""
        return sum(flight.pending for flight in self._all.values())

    def add(self, flight: Flight) -> Flight:
        """Take note of a Job."""
        self._gone.pop(flight.key, None)
        self._all[flight.key] = flight
        for member in flight.members:
            self._by_member.setdefault((flight.namespace, member.name), []).append(flight)
        return flight

    def of(self, namespace: str, tenant: str) -> list[Flight]:
        """Return the Jobs in which a tenant of that name has a part."""
        return list(self._by_member.get((namespace, tenant), ()))

    def get(self, namespace: str, name: str | None) -> Flight | None:
        """Return the Job under way of that name."""
        return self._all.get((namespace, name)) if name else None

    def bury(self, flight: Flight, now: float) -> None:
        """Forget a Job that is deleted; its pod, which goes after it, is not taken for one that nobody knows."""
        self.drop(flight)
        self._gone.pop(flight.key, None)
        self._gone[flight.key] = now
        while now - self._gone[first := next(iter(self._gone))] > LINGER:
            del self._gone[first]

    def drop(self, flight: Flight) -> None:
        """Forget a Job that never came to be."""
        if self._all.pop(flight.key, None) is None:
            return
        for member in flight.members:
            key = flight.namespace, member.name
            left = [other for other in self._by_member.pop(key, ()) if other is not flight]
            if left:
                self._by_member[key] = left

    def adopt(self, found: Object, name: str, now: float) -> Flight | None:
        """Return the flight of a Job or pod, begun from its labels when it is not known yet.

        None when it carries no members (then it is not one of ours), is being deleted, or belongs to a Job that
        was: what it brought was taken in before.
        """
        meta = found["metadata"]
        flight = self.get(meta["namespace"], name)
        members = members_of(found)
        if flight is not None or not members or meta.get("deletionTimestamp"):
            return flight
        if (meta["namespace"], name) in self._gone:
            return None
        labels = meta.get("labels") or {}
        return self.add(
            Flight(
                namespace=meta["namespace"],
                name=name,
                action=labels.get(ACTION_LABEL, ""),
                members=members,
                run=labels.get(RUN_LABEL),
                created=now,
                claims=claims_of(found),
                used=frozenset(member.name for member in members),
            )
        )


def job_of(pod: Object) -> str | None:
    """Return the name of the Job that a pod belongs to."""
    labels = pod["metadata"].get("labels") or {}
    return labels.get(JOB_NAME_LABEL) or labels.get("job-name")

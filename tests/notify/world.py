"""A fleet whose tenants are in this state or that, and one target that is told of it, in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from baileys_janitor.api.conditions.condition_kinds import Family, IncidentKind
from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.notify import delivery_state, delivery_state_codec
from baileys_janitor.notify.delivery_state import Change, DeliveryState, Fate, Over, Pace
from baileys_janitor.notify.incidents import Incident, Place

Object = dict[str, Any]

NOW = 1_795_000_000.0
"""A moment of November 2026, in Unix seconds."""
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
PACE = Pace(
    group_wait=30,
    group_interval=300,
    repeat=4 * HOUR,
    repeat_warnings=DAY,
    resolve_after=600,
    per_hour=20,
)
WARNING = INCIDENT_KINDS["TenantWarning"]
CRITICAL = INCIDENT_KINDS["TenantCritical"]
EMERGENCY = INCIDENT_KINDS["TenantEmergency"]


@dataclass
class Message:
    """A message that went out."""

    at: float
    changes: list[Change]

    def said(self) -> dict[str, str]:
        """What it says of each tenant: the change, and the state."""
        return {
            change.place.name if change.place else "?": f"{change.change} {change.kind.name}"
            for change in self.changes
        }


@dataclass
class Fleet:
    """Tenants by number: what holds (None: nothing), and since when."""

    states: dict[int, tuple[IncidentKind | None, float]] = field(default_factory=dict)

    def put(self, number: int, kind: IncidentKind | None, now: float) -> None:
        if kind is not self.states.get(number, (None, 0.0))[0] or number not in self.states:
            self.states[number] = kind, now

    def place(self, number: int) -> Place:
        return Place("shop", f"t{number}", f"c{number}")

    def incidents(self) -> dict[int, Incident]:
        return {
            number << 4 | Family.LEVEL: Incident(
                number << 4 | Family.LEVEL, kind, self.place(number), since, since
            )
            for number, (kind, since) in self.states.items()
            if kind is not None
        }

    def fate(self, id_: int) -> Fate:
        kind, since = self.states[id_ >> 4]
        assert kind is None
        return Over(since, self.place(id_ >> 4))


class Listener:
    """One target as its teller serves it: the same plan, in virtual time."""

    def __init__(self, fleet: Fleet, pace: Pace = PACE, now: float = NOW) -> None:
        self.fleet = fleet
        self.pace = pace
        self.now = now
        self.book = DeliveryState()
        self.messages: list[Message] = []
        self.up = True
        self.resolved = True
        self._started = now
        self._failures = 0
        self._retry_at = 0.0

    def advance(self, seconds: float) -> None:
        """Let time pass; whenever there is something to tell by then, it is told."""
        end = self.now + seconds
        while True:
            again = self.tell()
            if again > end:
                break
            self.now = max(again, self.now)
        self.now = end
        self.tell()

    def tell(self) -> float:
        """Tell what is to be told right now; return when to look again."""
        while True:
            plan = delivery_state.plan(
                self.fleet.incidents(),
                self.fleet.fate,
                self.book,
                self.pace,
                self.now,
                self._started,
                self._retry_at,
                self.resolved,
            )
            if not plan.changes:
                assert plan.again > self.now
                return plan.again
            if self.up:
                self.messages.append(Message(self.now, plan.changes))
                delivery_state.settle(self.book, plan.changes, self.now)
                self._failures, self._retry_at = 0, 0.0
            else:
                self._failures += 1
                self._retry_at = self.now + min(900.0, 15.0 * 2.0 ** min(self._failures, 10))

    def restart(self) -> None:
        """End, and begin again with what was kept."""
        self.book = delivery_state_codec.decode(
            delivery_state_codec.encode({"all/hook": self.book})
        )["all/hook"]
        self._started = self.now
        self._failures, self._retry_at = 0, 0.0

    @property
    def last(self) -> Message:
        return self.messages[-1]

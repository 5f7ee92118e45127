"""The incidents sent to a target, and the difference to those it must be sent now. Pure; times are Unix seconds.

This is not a queue of messages. An incident that could not be sent stays owed, whatever the reason: a failed endpoint,
a limit, a restart. It is sent later, together with everything else due by then, or as over if it has ended.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from baileys_janitor.api.conditions.condition_kinds import RANKS, IncidentKind
from baileys_janitor.notify.incidents import FAMILIES, Incident, Place
from baileys_janitor.schedule.backoff import backoff_seconds

NEW, WORSE, LASTING, BETTER, ENDED, PASSED = (
    "new",
    "worse",
    "lasting",
    "better",
    "ended",
    "passed",
)
"""How a change differs from the last message. `passed`: it ended before it could be sent."""

HOUR, DAY = 3600.0, 86_400.0
CALMEST = 16.0
"""The longest quiet time before the end of a recurring incident is reported, in multiples of `resolve_after`."""
TOGETHER = 0.9
"""The share of the repeat interval after which an incident is repeated along with others that are due."""
URGENT = RANKS["Critical"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A target's knowledge of one incident. `at` is when it was last sent; 0: owed, not sent yet."""

    kind: IncidentKind
    since: float
    at: float


@dataclass(slots=True)
class DeliveryState:
    """Everything that was sent to a target."""

    entries: dict[int, Entry] = field(default_factory=dict)
    sent: list[float] = field(default_factory=list)
    """The times of the messages of the last hour."""
    calmed: dict[int, tuple[int, float]] = field(default_factory=dict)
    """By incident: how often it ended or improved within a day, as far as sent, and when last."""
    mark: float | None = None
    """Cleanups that ended before this are sent; None before the first evaluation."""
    runs: dict[int, float] = field(default_factory=dict)
    """The sent cleanups that ended later, with their times."""
    day: float | None = None
    """The schedule slot of the last summary."""

    def copy(self) -> DeliveryState:
        """Return an independent copy."""
        return DeliveryState(
            dict(self.entries),
            list(self.sent),
            dict(self.calmed),
            self.mark,
            dict(self.runs),
            self.day,
        )

    def take_in(self, other: DeliveryState, own: Collection[int]) -> None:
        """Merge the part of another state about some tenants: `own` has the number of each, without its family."""
        self.entries |= {i: entry for i, entry in other.entries.items() if i & ~FAMILIES in own}
        self.calmed |= {i: calm for i, calm in other.calmed.items() if i & ~FAMILIES in own}
        self.runs |= other.runs
        self.mark = _latest(self.mark, other.mark)
        self.day = _latest(self.day, other.day)


def _latest(one: float | None, other: float | None) -> float | None:
    return max((when for when in (one, other) if when is not None), default=None)


@dataclass(frozen=True, slots=True)
class Pace:
    """The rate of messages, in seconds; see `api.notifications`."""

    group_wait: float
    group_interval: float
    repeat: float
    repeat_warnings: float
    resolve_after: float
    per_hour: int


@dataclass(frozen=True, slots=True)
class Over:
    """An incident that has ended: since when, and where."""

    since: float
    place: Place | None
    """None when the tenant is gone and its name with it."""


Fate = Over | bool
"""True: unknown, so the incident stands. False: the target no longer wants it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a message."""

    id: int
    change: str
    kind: IncidentKind
    """The current state; for an incident that has ended, the last one."""
    since: float
    """The beginning of the incident."""
    place: Place | None
    was: IncidentKind | None = None
    """The state in the last message, where it differs; for a new one, a worse state before it could be sent."""
    ended: float | None = None
    weight: float = 0.0
    told_at: float = 0.0
    """The time of the last message about it; 0 for never."""
    times: int = 1
    """The number of occurrences within a day: it ended or improved in between."""

    @property
    def over(self) -> bool:
        """Whether nobody needs to act on it any more."""
        return self.change in {ENDED, PASSED}


@dataclass(slots=True)
class Plan:
    """The changes to send now (possibly none), and when to plan again if nothing happens meanwhile."""

    changes: list[Change]
    again: float = math.inf
    owes: bool = False
    """Whether an incident is owed that was not owed before."""


def plan(
    incidents: Mapping[int, Incident],
    fate: Callable[[int], Fate],
    delivery: DeliveryState,
    pace: Pace,
    now: float,
    started: float,
    retry_at: float = 0.0,
    resolved: bool = True,
) -> Plan:
    """Compare the active incidents (`incidents`: those that the target wants) with those sent.

    `fate` is called for incidents that were sent and are not active. `started` is the operator's start: before
    `group_wait` has passed, some tenants may be unknown. `resolved` False: ends are not sent.
    """
    gates = _Gates(delivery, pace, now, retry_at)
    for id_ in [i for i, (_, when) in delivery.calmed.items() if when <= now - DAY]:
        del delivery.calmed[id_]
    for incident in incidents.values():
        _holds(incident, delivery, pace, now, started, gates)
    for id_ in [id_ for id_ in delivery.entries if id_ not in incidents]:
        _gone(id_, fate(id_), delivery, pace, now, resolved, gates)
    return gates.plan()


def _holds(
    incident: Incident,
    delivery: DeliveryState,
    pace: Pace,
    now: float,
    started: float,
    gates: _Gates,
) -> None:
    entry, kind = delivery.entries.get(incident.id), incident.kind
    ready = max(incident.begins, started) + pace.group_wait
    if entry is None or not entry.at:
        if ready <= now:
            gates.owe(incident, entry)
        # Report the whole episode: it may have been worse, or begun earlier, than the current state.
        since = incident.since if entry is None else min(entry.since, incident.since)
        was = entry.kind if entry is not None and entry.kind.rank > kind.rank else None
        change = _change(incident, NEW, since, was, times=_times(delivery, incident.id))
        gates.add(change, ready, incident.begins, urgent=kind.rank >= URGENT)
        return
    told, since = entry.at, min(entry.since, incident.since)
    if kind.rank > entry.kind.rank:
        times = _times(delivery, incident.id)
        change = _change(incident, WORSE, since, entry.kind, told, times)
        gates.add(change, ready, incident.begins, urgent=kind.rank >= URGENT)
    elif kind is not entry.kind:
        when = incident.begins + _calm(delivery, pace, incident.id)
        gates.add(_change(incident, BETTER, since, entry.kind, told), when, when)
    else:
        repeat = pace.repeat if kind.rank >= URGENT else pace.repeat_warnings
        if kind.ends:
            change = _change(incident, LASTING, since, None, told)
            gates.add(change, entry.at + repeat, entry.at + repeat * TOGETHER)


def _times(delivery: DeliveryState, id_: int) -> int:
    return delivery.calmed.get(id_, (0, 0.0))[0] + 1


def _calm(delivery: DeliveryState, pace: Pace, id_: int) -> float:
    """Return the seconds for which it must have ended: doubled with each recurrence within a day."""
    longest = pace.resolve_after * CALMEST
    return backoff_seconds(_times(delivery, id_) - 1, pace.resolve_after, longest)


def _change(
    incident: Incident,
    change: str,
    since: float,
    was: IncidentKind | None = None,
    told: float = 0.0,
    times: int = 1,
) -> Change:
    return Change(
        incident.id,
        change,
        incident.kind,
        since,
        incident.place,
        was,
        weight=incident.weight,
        told_at=told,
        times=times,
    )


def _gone(
    id_: int,
    fate: Fate,
    delivery: DeliveryState,
    pace: Pace,
    now: float,
    resolved: bool,
    gates: _Gates,
) -> None:
    if fate is True:
        return
    entry = delivery.entries[id_]
    owed = not entry.at
    if fate is False or (not owed and not (resolved and entry.kind.ends)):
        until = -math.inf if fate is False else fate.since + _calm(delivery, pace, id_)
        if now >= until:
            del delivery.entries[id_]
            if fate is not False:
                delivery.calmed[id_] = _times(delivery, id_), now
        else:
            gates.look_again(until)
        return
    when = now if owed else fate.since + _calm(delivery, pace, id_)
    change = Change(
        id_,
        PASSED if owed else ENDED,
        entry.kind,
        entry.since,
        fate.place,
        ended=max(fate.since, entry.since),
        told_at=entry.at,
    )
    gates.add(change, when, when)


class _Gates:
    """When a message may go out, and which changes it includes."""

    def __init__(self, delivery: DeliveryState, pace: Pace, now: float, retry_at: float) -> None:
        self._delivery = delivery
        self._now = now
        self._owes = False
        delivery.sent = [when for when in delivery.sent if when > now - HOUR]
        sent = delivery.sent
        last = sent[-1] if sent else -math.inf
        # While there are few messages, an urgent one is sent soon; in a storm the gaps double.
        gap = backoff_seconds(len(sent), pace.group_wait, pace.group_interval)
        full = sent[-pace.per_hour] + HOUR if len(sent) >= pace.per_hour else -math.inf
        floor = max(retry_at, full)
        self._urgent, self._calm = max(floor, last + gap), max(floor, last + pace.group_interval)
        self._first = self._again = math.inf
        self._changes: list[tuple[float, Change]] = []

    def add(self, change: Change, when: float, joins: float, *, urgent: bool = False) -> None:
        """Add a change: it justifies a message from `when` on, and is included in any message from `joins` on."""
        gate = self._urgent if urgent else self._calm
        self._first = min(self._first, max(when, gate))
        self._changes.append((joins, change))

    def owe(self, incident: Incident, entry: Entry | None) -> None:
        """Record that this must be sent, even if it ends before."""
        if entry is None:
            self._delivery.entries[incident.id] = Entry(incident.kind, incident.since, 0.0)
            self._owes = True
        elif incident.kind.rank > entry.kind.rank:
            since = min(entry.since, incident.since)
            self._delivery.entries[incident.id] = Entry(incident.kind, since, 0.0)
            self._owes = True

    def look_again(self, when: float) -> None:
        """Plan again at `when`, without a message."""
        self._again = min(self._again, when)

    def plan(self) -> Plan:
        """Return the changes to send now, or when to plan again."""
        if self._first > self._now:
            return Plan([], min(self._first, self._again), self._owes)
        going = [change for joins, change in self._changes if joins <= self._now]
        return Plan(going, self._now, self._owes)


def settle(delivery: DeliveryState, changes: list[Change], now: float) -> None:
    """Record the delivery of a message with these changes."""
    for change in changes:
        if change.over:
            delivery.entries.pop(change.id, None)
        else:
            delivery.entries[change.id] = Entry(change.kind, change.since, now)
        if change.change in {ENDED, BETTER, PASSED}:
            delivery.calmed[change.id] = _times(delivery, change.id), now
    delivery.sent.append(now)

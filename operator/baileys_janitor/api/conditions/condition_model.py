"""Everything published about a condition: its Event, its message to the channels, its alert. The kinds themselves are
in `condition_kinds`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final

NORMAL, WARNING = "Normal", "Warning"
"""Types of Events; `WARNING` is also the least severity of a message."""
CRITICAL, EMERGENCY = "Critical", "Emergency"
RANKS: Final = {WARNING: 1, CRITICAL: 2, EMERGENCY: 3}
"""Severities of messages, the most severe last."""
CLEAN, OBSERVE = "Clean", "Observe"
"""Actions of Events: what the janitor was doing."""


class Group(StrEnum):
    """The part of the status that a condition belongs to."""

    LEVEL = "Level"
    READINESS = "Readiness"
    ADVICE = "Advice"
    BACKUP = "Backup"


class Family(IntEnum):
    """Groups of incidents that exclude each other: a tenant has one of each family at most.

    The numbers are part of stored ids: never change one, and add new ones at the end (15 is the last that fits).
    """

    LEVEL = 0
    CREDENTIALS = 1
    CLEANUP = 2
    DISK = 3
    SCAN = 4
    INACTIVE = 5
    IDENTITY = 6
    BREAKER = 7
    BACKUP = 8
    DRILL = 9
    PAIRING = 10


@dataclass(frozen=True, slots=True)
class EventKind:
    """The Kubernetes Event that reports a condition. Its reason is the condition's type, or a reason of Ready."""

    weight: int
    """Importance: if there are too many Events, those with the least weight are dropped."""
    type: str = WARNING
    action: str = OBSERVE
    over: str = "{type} does not hold any more. {message}"
    """Note of the Event `Recovered` that reports the end, with the condition's message; empty: it is not reported."""
    when: str = ""
    """When it is published, for docs/events.md; empty: when the condition becomes True."""
    reason: str = ""
    """The Event's reason, if it is none of those."""


@dataclass(frozen=True, slots=True)
class IncidentKind:
    """A message to the channels of the configuration, about one tenant or about the fleet."""

    name: str
    family: Family
    severity: str
    label: str
    """Its name when it is over."""
    one: str
    """Title for one tenant: {name}, {files}."""
    many: str
    """Title for {n} tenants."""
    means: str
    """Why it matters, in a sentence or two."""
    itself: str
    """What the janitor does without help."""
    to_do: str
    """What to do now, for one tenant."""
    to_do_many: str = ""
    """What to do for several tenants; empty: the same."""
    ends: bool = True
    """False: nobody waits for the end, so neither the end nor a repetition is sent."""
    said_by: str = ""
    """The condition with the most informative message; empty: the one with the incident's name."""
    explained: bool = False
    """True: that message already explains the incident."""
    when: str = ""
    """When it is sent, for docs/notifications.md; empty: when the condition becomes True."""
    page: str = ""
    """Name of its page in docs/runbooks; empty: derived from its own name."""

    @property
    def rank(self) -> int:
        """Return the severity as a number from 1 to 3."""
        return RANKS[self.severity]

    @property
    def runbook(self) -> str:
        """Return the name of its page in docs/runbooks."""
        return self.page or page_name(self.name)


@dataclass(frozen=True, slots=True)
class AlertKind:
    """The alert rule BaileysTenant<type>: it fires while the metric baileys_session_condition has the condition."""

    severity: str
    summary: str
    """The text after the tenant's name."""
    description: str
    """The meaning and what to do, with Prometheus's templates."""
    wait: str = ""
    """How long the condition must hold first; empty: not at all."""


@dataclass(frozen=True, slots=True)
class ConditionKind:
    """One condition, and everything published about it."""

    type: str
    group: Group
    when: str
    """When it is True, in a sentence or two for the docs."""
    to_do: str = ""
    """What to do, for the docs; empty: the incident's text."""
    reason: str = ""
    """The reason while it is True; empty: the type."""
    calm: str = "NoAdvice"
    """The reason while it is False."""
    calm_message: str = ""
    """The message while it is False: a sentence that is true without context."""
    first: str = ""
    """The first thing that somebody must do about it, for the beginning of `status.next` ({message}: the condition's);
    empty: nothing."""
    event: EventKind | None = None
    """Published when it becomes True."""
    false_event: EventKind | None = None
    """Published when it becomes False, for a condition that should be True; its reason is the condition's."""
    reason_events: Mapping[str, EventKind] = field(default_factory=dict, hash=False)
    """Published when the reason becomes this one and the status is not False."""
    fleet_wide: bool = False
    """True: many tenants have it at once, and the log reports the cause in one line instead."""
    fleet_wide_reasons: frozenset[str] = frozenset()
    """Reasons with the same effect."""
    incident: IncidentKind | None = None
    alert: AlertKind | None = None
    page: str = ""
    """Name of its page in docs/runbooks; empty: the incident's, or the type's if there is an alert."""

    @property
    def runbook(self) -> str:
        """Return the name of its page in docs/runbooks, or an empty text."""
        if self.page:
            return self.page
        if self.incident is not None:
            return self.incident.runbook
        return page_name(self.type) if self.alert is not None else ""


def page_name(name: str) -> str:
    """Return "disk-pressure" for "DiskPressure"."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")

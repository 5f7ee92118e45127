"""Messages as they leave for channels, of tenants in all kinds of trouble."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.notify import document, render
from baileys_janitor.notify.delivery_state import ENDED, NEW, Change
from baileys_janitor.notify.incidents import Place, identify
from baileys_janitor.notify.words import Reader
from tests.notify.world import HOUR, MINUTE, NOW

Object = dict[str, Any]

READER = Reader(ZoneInfo("UTC"), "https://docs.example/runbooks/")


def status(level: str = "Emergency", counted: int = 190, **more: Any) -> Object:
    """What the API server shows of a tenant."""
    said = f"{counted} files counted, 180 is the limit; 12 can be removed now."
    return {
        "level": level,
        "files": {"counted": counted, "limit": 180, "total": counted + 20, "bytes": 250_000},
        "volume": {"freeBytes": 10**9},
        "growthPerDay": 21.0,
        "conditions": [{"type": level, "status": "True", "reason": "AtLevel", "message": said}],
        **more,
    }


def change(
    name: str = "acme", reason: str = "TenantEmergency", what: str = NEW, **more: Any
) -> Change:
    """One line of a message."""
    place = Place("shop", name, f"c-{name}")
    kind = INCIDENT_KINDS[reason]
    known = {"since": NOW - 12 * MINUTE, "place": place, "weight": 1.0}
    return Change(identify("shop", name) | kind.family, what, kind, **(known | more))


def incidents(*changes: Change, **statuses: Object) -> Object:
    """A finished message about these changes; `statuses` by the tenant's name, else an emergency's."""
    told = document.incidents(
        "all/chat",
        list(changes),
        lambda place: statuses.get(place.name, status()),
        READER,
        NOW,
    )
    return render.finished(told, READER)


def storm(count: int) -> Object:
    """A finished message about so many emergencies."""
    return incidents(*(change(f"tenant-{number:04}") for number in range(count)))


def resolved() -> Object:
    """A finished message about an emergency that is over."""
    over = change(what=ENDED, since=NOW - HOUR, ended=NOW - 11 * MINUTE, told_at=NOW - HOUR)
    return incidents(over, acme=status("Healthy", 110))

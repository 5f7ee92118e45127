"""Format times, sizes and names for readers. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from baileys_janitor.notify.incidents import Place

MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True, slots=True)
class Reader:
    """The readers' time zone, and the location of their runbooks."""

    zone: ZoneInfo
    runbooks: str = ""

    def time(self, when: float, now: float) -> str:
        """Return a time of day such as 14:03 UTC, with the date unless it is today."""
        local = datetime.fromtimestamp(when, self.zone)
        today = datetime.fromtimestamp(now, self.zone).date()
        form = "%H:%M %Z" if local.date() == today else "%-d %b %H:%M %Z"
        return local.strftime(form)

    def day(self, when: float) -> str:
        """Return a day such as 25 November 2026."""
        return datetime.fromtimestamp(when, self.zone).strftime("%-d %B %Y")

    def begins_month(self, when: float) -> bool:
        """Return whether a time lies on the first day of a month."""
        return datetime.fromtimestamp(when, self.zone).day == 1

    def runbook(self, name: str) -> str:
        """Return the URL of a runbook; empty when there are no runbooks."""
        return f"{self.runbooks.rstrip('/')}/{name}.md" if self.runbooks else ""


def span(seconds: float) -> str:
    """Return a length of time: 45 s, 12 min, 3 h 20 min, 2 d 4 h."""
    whole = max(0, int(seconds))
    if whole < 2 * MINUTE:
        return f"{whole} s"
    if whole < 2 * HOUR:
        return f"{whole // MINUTE} min"
    if whole < 2 * DAY:
        return _two(whole // HOUR, "h", whole % HOUR // MINUTE, "min")
    return _two(whole // DAY, "d", whole % DAY // HOUR, "h")


def _two(large: int, unit: str, small: int, lesser: str) -> str:
    return f"{large} {unit} {small} {lesser}" if small else f"{large} {unit}"


def size(count: float) -> str:
    """Return a number of bytes with a binary unit."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def number(count: int) -> str:
    """Return a number such as 1,204."""
    return f"{count:,}"


def several(count: int, one: str, many: str = "") -> str:
    """Return "1 file", "2 files"."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def name(place: Place | None) -> str:
    """Return namespace/name, as kubectl's -A shows it."""
    if place is None:
        return "a tenant that was deleted"
    return "the fleet" if place.fleet else f"{place.namespace}/{place.name}"


_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def clean(text: str, most: int = 1024) -> str:
    """Return external text on one line, without control characters, truncated to `most` characters."""
    told = " ".join(_UNPRINTABLE.sub(" ", text).split())
    return told if len(told) <= most else told[: most - 1] + "…"

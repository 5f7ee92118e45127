"""When each timer of a tenant is due: computed from spec, status and a time, so a restart changes nothing."""

from __future__ import annotations

import math
import zlib
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim

AROUND_SECONDS = 3 * 3600
"""Within this many seconds of a change of the zone's offset, cronsim is asked from a time further away."""


def spread(key: str, salt: str, span: float) -> float:
    """Return a number of seconds in [0, span) that is the same for this tenant after every start."""
    return zlib.crc32(f"{salt}/{key}".encode()) / 2**32 * span


def trigger_slot(interval: float, offset: float, now: float) -> float:
    """Return the latest slot (Unix seconds) of an interval timer at or before `now`.

    Slots are whole seconds, as the status keeps them: a slot read back after a restart is the same one.
    """
    whole = math.floor(offset)
    return (now - whole) // interval * interval + whole


def daily_slot(cron: str, zone: str, jitter: float, now: float) -> float | None:
    """Return the latest cron time (Unix seconds, without the jitter) whose `jitter` seconds have passed too.

    None for an expression that was never true. Cronsim handles daylight-saving gaps and repeats: a skipped time runs
    right after the gap, a repeated one runs once.
    """
    return _days(cron, zone).around(now - jitter)[0]


def next_daily(cron: str, zone: str, jitter: float, now: float) -> float | None:
    """Return when (Unix seconds, jitter included) the next daily cleanup after `now` is due."""
    coming = _days(cron, zone).around(now - jitter)[1]
    return None if coming is None else coming + jitter


@lru_cache(1024)
def _days(cron: str, zone: str) -> _Slots:
    return _Slots(cron, zone)


class _Slots:
    """The slots of one cron expression. A fleet asks for the same two slots thousands of times a minute."""

    KEPT = 4
    """Number of remembered spans between two slots: because of jitter, tenants are on both sides of a slot."""

    def __init__(self, cron: str, zone: str) -> None:
        self._cron = cron
        self._zone = zone
        self._spans: list[tuple[float | None, float | None]] = []

    def around(self, when: float) -> tuple[float | None, float | None]:
        """Return the latest slot at or before `when` and the first one after it; None if there is none."""
        for span in self._spans:
            if (span[0] is None or span[0] <= when) and (span[1] is None or when < span[1]):
                return span
        found = (
            _cron(self._cron, self._zone, when, reverse=True),
            _cron(self._cron, self._zone, when, reverse=False),
        )
        self._spans = [found, *self._spans][: self.KEPT]
        return found


def _cron(cron: str, zone: str, when: float, *, reverse: bool) -> float | None:
    """Return the latest cron time at or before `when`, or with `reverse` False the first one after it."""
    place = ZoneInfo(zone)
    second = math.floor(when)
    # cronsim does not distinguish two equal wall-clock times: asked within a repeated hour, it returns past times, or
    # none of that hour. Asked from outside of it, it returns them in order.
    around = (
        AROUND_SECONDS
        if _offset(place, second - AROUND_SECONDS) != _offset(place, second + AROUND_SECONDS)
        else 0
    )
    start = second + around + 1 if reverse else second - around
    for found in CronSim(cron, datetime.fromtimestamp(start, place), reverse=reverse):
        slot = float(found.timestamp())
        if slot <= when if reverse else slot > when:
            return slot
    return None


def _offset(place: ZoneInfo, when: int) -> object:
    return datetime.fromtimestamp(when, place).utcoffset()

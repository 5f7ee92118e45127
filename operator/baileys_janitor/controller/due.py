"""When each timer of a tenant is due: computed from spec, status and a time, so a restart changes nothing."""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim


def spread(key: str, salt: str, span: float) -> float:
    """Return a number of seconds in [0, span) that is the same for this tenant at every start."""
    return zlib.crc32(f"{salt}/{key}".encode()) / 2**32 * span


def trigger_slot(interval: float, offset: float, now: float) -> float:
    """Return the latest slot (Unix seconds) of an interval timer at or before `now`."""
    return (now - offset) // interval * interval + offset


def daily_slot(cron: str, zone: str, jitter: float, now: float) -> float | None:
    """Return the latest cron time (Unix seconds, without the jitter) whose `jitter` seconds have passed too.

    None for an expression that never came true. Daylight-saving gaps and repeats are cronsim's: a time that
    the clock skips runs right after the gap, one that it repeats runs once.
    """
    return _cron(cron, zone, now - jitter, reverse=True)


def next_daily(cron: str, zone: str, jitter: float, now: float) -> float | None:
    """Return when (Unix seconds, jitter included) the daily cleanup is due next after `now`."""
    coming = _cron(cron, zone, now - jitter, reverse=False)
    return None if coming is None else coming + jitter


def _cron(cron: str, zone: str, when: float, *, reverse: bool) -> float | None:
    local = datetime.fromtimestamp(when, ZoneInfo(zone))
    # Both directions of cronsim exclude the moment itself; a slot that is due this very second counts as passed.
    start = local + timedelta(seconds=1) if reverse else local
    try:
        return float(next(CronSim(cron, start, reverse=reverse)).timestamp())
    except StopIteration:
        return None

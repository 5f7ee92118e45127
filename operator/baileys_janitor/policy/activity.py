"""Whether a tenant runs, and since when: ages of a tenant that slept must not count its sleep.

While a tenant is stopped all its files grow old together; plain age rules would then remove every
session it has. So while nothing was written to a session or sender key for 24 hours the tenant
counts as stopped, and once it wakes its files' ages count from that moment.
"""

from __future__ import annotations

from itertools import pairwise

from .census import CLOCK_TOLERANCE_NS
from .kinds import ACTIVITY_KINDS
from .times import nanoseconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .listing import Entry

_HOUR_NS = 3600 * 10**9

#: Without a session or sender key written for this long, the tenant counts as stopped.
STOPPED_AFTER_NS = 24 * _HOUR_NS
STOPPED_AFTER = 24 * 3600
# Nothing at all written for this long is a sleep, even if the tenant has just woken from it.
_SLEEP_NS = 72 * _HOUR_NS


def newest_activity_ns(entries: Iterable[Entry], now_ns: int) -> int | None:
    """The latest write to a session or sender key, at most ``now_ns``; None without such files.

    Times further in the future than a server's clock may be ahead say nothing.
    """
    horizon = now_ns + CLOCK_TOLERANCE_NS
    newest = max(
        (
            entry.mtime_ns
            for entry in entries
            if entry.kind in ACTIVITY_KINDS and entry.mtime_ns <= horizon
        ),
        default=None,
    )
    return None if newest is None else min(newest, now_ns)


def is_stopped(entries: Iterable[Entry], now_ns: int) -> bool:
    """Whether there are sessions or sender keys, and none of them was written within 24 hours."""
    listing = list(entries)
    newest = newest_activity_ns(listing, now_ns)
    if newest is None:
        return any(entry.kind in ACTIVITY_KINDS for entry in listing)
    return now_ns - newest > STOPPED_AFTER_NS


def infer_active_since(entries: Iterable[Entry], now: float) -> float | None:
    """Since when a tenant seen for the first time has been running (Unix seconds); None: stopped.

    A gap of more than 72 hours in all modification times, with only the last 24 hours after it and
    less than a quarter of the sessions and sender keys among that, is a tenant that has just woken:
    the end of the gap. Otherwise the oldest modification time, so that every file's age is its own.
    """
    now_ns = nanoseconds(now)
    listing = list(entries)
    if is_stopped(listing, now_ns):
        return None
    times = sorted(min(entry.mtime_ns, now_ns) for entry in listing)
    if not times:
        return now
    woke_ns = _end_of_sleep(times, now_ns)
    if woke_ns is not None:
        used = [entry.mtime_ns for entry in listing if entry.kind in ACTIVITY_KINDS]
        if 4 * sum(mtime_ns >= woke_ns for mtime_ns in used) < len(used):
            return woke_ns / 1e9
    return times[0] / 1e9


def _end_of_sleep(times: list[int], now_ns: int) -> int | None:
    """The first of ``times`` (sorted) after a sleep, if it lies within the last 24 hours."""
    for before, after in pairwise(times):
        if after - before > _SLEEP_NS and after >= now_ns - STOPPED_AFTER_NS:
            return after
    return None


def next_active_since(
    previous: float | None,
    known: bool,
    newest_activity: float | None,
    inferred: float | None,
    now: float,
) -> float | None:
    """Since when the tenant has been running, after a further look; None: it is stopped.

    ``previous`` is what the last look said, ``known`` whether there was one (None is then a stopped
    tenant, not an unknown one), ``newest_activity`` the time of the latest traffic (None without
    sessions and sender keys), ``inferred`` what :func:`infer_active_since` says. Unix seconds.
    """
    if newest_activity is not None and now - newest_activity > STOPPED_AFTER:
        return None
    if not known:
        return inferred
    if previous is None:
        # It woke between the two looks. The later moment only keeps more.
        return None if newest_activity is None else now
    return previous

"""The sums behind every age: how long a tenant ran since some time, and when a file becomes old.

A tenant that was stopped must not lose its sessions, and a quiet one must not keep them for ever; their files look the
same. The known input is the times of traffic: stretches `(start, end)` in whole Unix seconds, in order of time and more
than a day apart. For a file last written at `t`

    credit(t) = time inside stretches after t
    capped(t) = credit(t) + each silence after t, at most a day of each

A file is old when `credit(t)` exceeds the limit, or when `capped(t)` exceeds one and a half times the limit (at least
the limit and two days). The second bound lets quiet tenants be cleaned. Its distance from the limit is the number of
one-day stops that may lie in between before a file is removed too early.

Both sums only fall as `t` rises, so each limit has one cutoff: the latest time that is old.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Stretch = tuple[int, int]

DAY_SECONDS = 86_400
#: Two writes further apart than this have a silence between them, which may be a stop.
SILENCE_SECONDS = 24 * 3600

# One and a half, as a fraction. The number of stretches that are kept follows from it.
_CAPPED_NUMERATOR, _CAPPED_DENOMINATOR = 3, 2
_CAPPED_LEAST_SECONDS = 2 * DAY_SECONDS

# Longer than any limit that can be set.
_FOREVER_SECONDS = 2**40


def limit_seconds(limit: float) -> int:
    """Return a limit in whole seconds, rounded up; a limit that is not a number is never reached."""
    if limit <= 0:
        return 0
    return int(-(-limit // 1)) if limit < _FOREVER_SECONDS else _FOREVER_SECONDS


def capped_limit(limit: int) -> int:
    """Return the value that `capped` must exceed for a file of a quiet tenant to be old."""
    return max(limit * _CAPPED_NUMERATOR // _CAPPED_DENOMINATOR, limit + _CAPPED_LEAST_SECONDS)


def stretches_kept(limit: float, grown: int = 0) -> int:
    """Return how many of the newest stretches decide every age up to `limit`; 23 for 14 days.

    Each silence between them counts as a day, so earlier stretches cannot move a cutoff. `grown` is the number of
    seconds that clock steps add to all limits, at most a day, and requires one stretch more.
    """
    days = -(-capped_limit(limit_seconds(limit)) // DAY_SECONDS)
    return days + (3 if grown else 2)


def merge(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Return stretches in order of time, with those at most a day apart merged."""
    merged: list[Stretch] = []
    for start, end in sorted(stretches):
        if merged and start - merged[-1][1] <= SILENCE_SECONDS:
            first, last = merged[-1]
            merged[-1] = (first, max(last, end))
        else:
            merged.append((start, end))
    return tuple(merged)


def stretches_of(times: Iterable[int]) -> tuple[Stretch, ...]:
    """Return the stretches formed by single times."""
    found: list[Stretch] = []
    start = last = None
    for time in sorted(times):
        if last is None or start is None:
            start = time
        elif time - last > SILENCE_SECONDS:
            found.append((start, last))
            start = time
        last = time
    if start is not None and last is not None:
        found.append((start, last))
    return tuple(found)


def cut(stretches: Iterable[Stretch], end: int) -> tuple[Stretch, ...]:
    """Return the parts of the stretches that lie at `end` or before."""
    return tuple([(start, min(last, end)) for start, last in stretches if start <= end])


def credit(stretches: Iterable[Stretch], time: int) -> int:
    """Return the seconds inside stretches after `time`."""
    return sum([end - max(start, time) for start, end in stretches if end > time])


def capped(stretches: Iterable[Stretch], time: int, now: int) -> int:
    """Return `credit` plus, for each silence between `time` and `now`, at most a day."""
    total = 0
    last = time
    for start, end in stretches:
        if end > time:
            total += min(max(0, start - last), SILENCE_SECONDS) + end - max(start, time)
            last = end
    return total + min(max(0, now - last), SILENCE_SECONDS)


def cutoff(stretches: Sequence[Stretch], limit: int, now: int, grown: int = 0) -> int | None:
    """Return the latest time that is old at `now`, None while no time is.

    All stretches lie at `now` or before. `grown` seconds lengthen both bounds.
    """
    by_credit = _latest_by_credit(stretches, limit + grown + 1)
    by_cap = _latest_by_cap(stretches, capped_limit(limit) + grown + 1, now)
    if by_credit is None or by_cap is None:
        return by_cap if by_credit is None else by_credit
    return max(by_credit, by_cap)


def _latest_by_credit(stretches: Sequence[Stretch], needed: int) -> int | None:
    for start, end in reversed(stretches):
        if end - start >= needed:
            return end - needed
        needed -= end - start
    return None


def _latest_by_cap(stretches: Sequence[Stretch], needed: int, now: int) -> int | None:
    following = now
    for start, end in reversed(stretches):
        silence = min(following - end, SILENCE_SECONDS)
        if silence >= needed:
            return following - needed
        needed -= silence
        if end - start >= needed:
            return end - needed
        needed -= end - start
        following = start
    return following - needed if needed <= SILENCE_SECONDS else None

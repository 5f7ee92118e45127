"""Kept copies of creds.json: when one is due, and which ones are removed.

A copy is identified by the digits in its name: fourteen for the UTC time at which it was kept, and six that identify
its pairing. So a listing of names is enough to decide, and no file need be opened. Anybody who can write to the volume
can create such names: the content of a copy is checked when it is read.
"""

from __future__ import annotations

from dataclasses import dataclass

from baileys_janitor.policy.clocks import is_ahead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: How often a changing file is copied, and how many copies are kept.
EVERY_SECONDS = 86_400.0
KEEP = 10
KEEP_MOST = 100
#: The newest copy of each earlier pairing stays, for this many pairings.
EARLIER_PAIRINGS = 5

_TIME_DIGITS = 14
DIGITS = 20
_FIRST_YEAR = 1970
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365)


@dataclass(frozen=True, slots=True, order=True)
class Copy:
    """One kept copy: when it was kept (Unix seconds), and the tag of its pairing."""

    time: int
    tag: int

    @property
    def digits(self) -> str:
        """The digits in its name."""
        days, second = divmod(self.time, 86_400)
        hour, second = divmod(second, 3600)
        year, month, day = _date(days)
        return f"{year:04}{month:02}{day:02}{hour:02}{second // 60:02}{second % 60:02}{self.tag:06}"


def copy_of(digits: str) -> Copy | None:
    """Return the copy with these digits; None for anything that is not a copy's name."""
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    year = int(digits[:4])
    month, day, hour, minute, second = (
        int(digits[at : at + 2]) for at in range(4, _TIME_DIGITS, 2)
    )
    days = _days(year, month, day)
    if days is None or hour > 23 or minute > 59 or second > 59:
        return None
    moment = days * 86_400 + hour * 3600 + minute * 60 + second
    return Copy(moment, int(digits[_TIME_DIGITS:]))


# `datetime` takes longer to import than all of this module, and every scan of a directory with copies runs it.


def _days(year: int, month: int, day: int) -> int | None:
    """Return the days from 1970 to a date; None for a date that does not exist."""
    if year < _FIRST_YEAR or not 1 <= month <= 12:
        return None
    february = month == 2 and _is_leap(year)
    if not 1 <= day <= _DAYS_BEFORE[month] - _DAYS_BEFORE[month - 1] + february:
        return None
    return _new_year(year) + _DAYS_BEFORE[month - 1] + (month > 2 and _is_leap(year)) + day - 1


def _date(days: int) -> tuple[int, int, int]:
    """Return the year, month and day of a number of days since 1970 began."""
    year = _FIRST_YEAR + days * 400 // 146_097 + 1
    while _new_year(year) > days:
        year -= 1
    for month in range(12, 0, -1):
        first = _days(year, month, 1)
        if first is not None and first <= days:
            return year, month, days - first + 1
    raise ValueError("a time before 1970")


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _new_year(year: int) -> int:
    """Return the days from 1970 to a year's beginning."""
    last = year - 1
    return (year - _FIRST_YEAR) * 365 + last // 4 - last // 100 + last // 400 - 477


def newest(copies: Iterable[Copy], now: float) -> Copy | None:
    """Return the newest copy that was kept in the past."""
    return max((each for each in copies if not is_ahead(each.time, now)), default=None)


def is_due(copies: Iterable[Copy], tag: int, now: float, every: float) -> bool:
    """Return whether to keep a copy of a changed creds.json; the first one of a pairing is kept at once."""
    last = newest((each for each in copies if each.tag == tag), now)
    return last is None or now - last.time >= every


def surplus(copies: Iterable[Copy], tag: int, keep: int, now: float) -> list[Copy]:
    """Return the copies to remove while the current pairing is `tag`, oldest first.

    The newest `keep` copies of that pairing stay, and the newest one of each of the latest earlier pairings, so that no
    pairing displaces another. A copy with a time in the future counts as the oldest of its pairing.
    """
    by_tag: dict[int, list[Copy]] = {}
    for each in sorted(set(copies), key=lambda copy: _order(copy, now), reverse=True):
        by_tag.setdefault(each.tag, []).append(each)
    mine = by_tag.pop(tag, [])
    going = mine[max(1, keep) :]
    for place, others in enumerate(by_tag.values()):
        going += others[1:] if place < EARLIER_PAIRINGS else others
    return sorted(going, key=lambda copy: _order(copy, now))


def _order(copy: Copy, now: float) -> tuple[bool, Copy]:
    return not is_ahead(copy.time, now), copy

"""Kept copies of creds.json: when one is due, and which ones go.

A copy is known by the digits in its name: fourteen of the UTC time at which it was kept, and six that name
the pairing it belongs to. So a listing of names is enough to decide, and no file need be opened. Anybody who
can write to the volume can make such names: what a copy really holds is checked when it is read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: How often a copy is kept of a file that changes, and how many of them.
EVERY_SECONDS = 86_400.0
KEEP = 10
KEEP_MOST = 100
#: Of each earlier pairing the newest copy stays, of so many pairings.
EARLIER_PAIRINGS = 5

_TIME_DIGITS = 14
DIGITS = 20
_FORMAT = "%Y%m%d%H%M%S"
_FIRST_YEAR = 1970
_HOUR_SECONDS = 3600.0


class Copy(NamedTuple):
    """One kept copy: when it was kept (Unix seconds), and the tag of its pairing."""

    time: int
    tag: int

    @property
    def digits(self) -> str:
        """The digits in its name."""
        return f"{datetime.fromtimestamp(self.time, UTC):{_FORMAT}}{self.tag:06}"


def copy_of(digits: str) -> Copy | None:
    """Return the copy that bears these digits; None for anything that is no copy's name."""
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    year = int(digits[:4])
    month, day, hour, minute, second = (
        int(digits[at : at + 2]) for at in range(4, _TIME_DIGITS, 2)
    )
    if year < _FIRST_YEAR:
        return None
    try:  # not by strptime, which takes longer to import than all of this
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return Copy(int(moment.timestamp()), int(digits[_TIME_DIGITS:]))


def newest(copies: Iterable[Copy], now: float) -> Copy | None:
    """Return the newest copy that was kept in the past."""
    return max((each for each in copies if not is_ahead(each.time, now)), default=None)


def is_ahead(time: float, now: float) -> bool:
    """Return whether a time lies so far in the future that no clock that was right wrote it."""
    return time - now > _HOUR_SECONDS


def is_due(copies: Iterable[Copy], tag: int, now: float, every: float) -> bool:
    """Return whether a changed creds.json of a pairing is to be kept: its first copy at once."""
    last = newest((each for each in copies if each.tag == tag), now)
    return last is None or now - last.time >= every


def surplus(copies: Iterable[Copy], tag: int, keep: int, now: float) -> list[Copy]:
    """Return the copies that go when the current pairing is `tag`, oldest first.

    The newest `keep` copies of that pairing stay, and the newest one of each of the latest earlier pairings, so
    that no pairing pushes out another. A copy with a time in the future counts as the oldest of its pairing.
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

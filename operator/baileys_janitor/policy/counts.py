"""Count a listing by kind and by age, and find the times that levels and advice are based on."""

from __future__ import annotations

from _bisect import bisect_right
from itertools import pairwise

from baileys_janitor.policy.ages.ages import CLOCK_TOLERANCE_SECONDS, nanoseconds
from baileys_janitor.policy.files.file_entry import listed
from baileys_janitor.policy.files.file_kinds import ACTIVITY_KINDS, KINDS, PRE_KEY, PROTECTED_KINDS
from baileys_janitor.policy.files.pre_keys import upload_span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from baileys_janitor.policy.files.file_entry import Entries, Entry

_DAY_NS = 86_400 * 10**9

#: Upper bounds of the first four age buckets, in days; the fifth holds the rest.
AGE_BOUNDS_DAYS = (1, 7, 14, 30)

# Later times are not evidence of traffic.
_CLOCK_TOLERANCE_NS = CLOCK_TOLERANCE_SECONDS * 10**9

_POSITION = {kind: position for position, kind in enumerate(KINDS)}


class Census:
    """The contents of a directory in numbers.

    `by_kind` is in the order of KINDS; `bytes` are apparent sizes; `protected` counts the protected
    kinds (not `other`); `ages` has five buckets: under 1 day, 1 to 7, 7 to 14, 14 to 30, over 30.
    `oldest_ns`, `newest_ns` and `newest_activity_ns` (sessions and sender keys) are modification
    times in ns, None where there is no such file. `upload_span`: the number of ids that the
    pre-keys cover, 0 without pre-keys. `new_pre_keys`: the number of pre-keys written within seven
    days; None when that is unknown, or when none is older.
    """

    __slots__ = (
        "ages",
        "by_kind",
        "bytes",
        "new_pre_keys",
        "newest_activity_ns",
        "newest_ns",
        "oldest_ns",
        "protected",
        "total",
        "upload_span",
    )

    def __init__(self) -> None:
        self.total = 0
        self.by_kind = [0] * len(KINDS)
        self.bytes = 0
        self.protected = 0
        self.ages = [0] * (len(AGE_BOUNDS_DAYS) + 1)
        self.oldest_ns: int | None = None
        self.newest_ns: int | None = None
        self.newest_activity_ns: int | None = None
        self.upload_span = 0
        self.new_pre_keys: int | None = None

    def count(self, kind: str) -> int:
        """Return the number of files of a kind."""
        return self.by_kind[_POSITION[kind]]

    @property
    def pre_keys(self) -> int:
        """The number of pre-keys."""
        return self.count(PRE_KEY)


def take_census(entries: Iterable[Entry], now: float) -> Census:
    """Return the census of a listing at `now` (Unix seconds)."""
    census = Census()
    listing = listed(entries)
    now_ns = nanoseconds(now)
    census.total = len(listing)
    census.by_kind = [len(listing.of(kind)) for kind in KINDS]
    census.bytes = sum([entry.size for entry in listing])
    times = sorted([entry.mtime_ns for entry in listing])
    if times:
        census.oldest_ns, census.newest_ns = times[0], times[-1]
        census.ages = _age_buckets(times, now_ns)
    census.protected = sum([census.count(kind) for kind in PROTECTED_KINDS])
    census.newest_activity_ns = _newest_activity(listing, now_ns)
    census.upload_span = upload_span(listing)
    week_ago = now_ns - 7 * _DAY_NS
    new = sum([entry.mtime_ns > week_ago for entry in listing.of(PRE_KEY)])
    census.new_pre_keys = new if new < census.pre_keys else None
    return census


def _age_buckets(times: list[int], now_ns: int) -> list[int]:
    """Return the number of the sorted times in each age bucket."""
    older = [bisect_right(times, now_ns - days * _DAY_NS) for days in AGE_BOUNDS_DAYS]
    return [upper - lower for upper, lower in pairwise([len(times), *older, 0])]


def _newest_activity(listing: Entries, now_ns: int) -> int | None:
    latest = now_ns + _CLOCK_TOLERANCE_NS
    times = [
        entry.mtime_ns
        for kind in ACTIVITY_KINDS
        for entry in listing.of(kind)
        if entry.mtime_ns <= latest
    ]
    return min(max(times), now_ns) if times else None

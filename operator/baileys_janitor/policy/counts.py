"""Counting a listing: by kind, by age, and the times that levels and advice are built on."""

from __future__ import annotations

from baileys_janitor.policy.ages import CLOCK_TOLERANCE_SECONDS, nanoseconds
from baileys_janitor.policy.file_kinds import ACTIVITY_KINDS, KINDS, PRE_KEY, PROTECTED_KINDS
from baileys_janitor.policy.pre_keys import upload_span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from baileys_janitor.policy.file_entry import Entry

_DAY_NS = 86_400 * 10**9

#: Upper bounds of the first four age buckets, in days; the fifth holds the rest.
AGE_BOUNDS_DAYS = (1, 7, 14, 30)
_AGE_BOUNDS = tuple(days * _DAY_NS for days in AGE_BOUNDS_DAYS)

# Later times say nothing about traffic.
_CLOCK_TOLERANCE_NS = CLOCK_TOLERANCE_SECONDS * 10**9

_POSITION = {kind: position for position, kind in enumerate(KINDS)}


class Census:
    """What a directory holds.

    `by_kind` is in the order of KINDS; `bytes` are apparent sizes; `protected` counts the
    protected kinds (not `other`); `ages` has five buckets: under 1 day, 1 to 7, 7 to 14, 14 to
    30, over 30. `oldest_ns`, `newest_ns` and `newest_activity_ns` (sessions and sender keys)
    are modification times in ns, None where there is no such file. `upload_span`: how
    many ids the pre-keys cover, 0 without pre-keys. `new_pre_keys`: how many of them were written
    within seven days; None when that is unknown, or when none is older.
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
        self.ages = [0] * (len(_AGE_BOUNDS) + 1)
        self.oldest_ns: int | None = None
        self.newest_ns: int | None = None
        self.newest_activity_ns: int | None = None
        self.upload_span = 0
        self.new_pre_keys: int | None = None

    def add(self, kind: str, size: int, mtime_ns: int, now_ns: int) -> None:
        """Count one file; for directories too large to be held as a listing."""
        self.total += 1
        self.by_kind[_POSITION[kind]] += 1
        self.bytes += size
        if kind in PROTECTED_KINDS:
            self.protected += 1
        age = now_ns - mtime_ns
        bucket = 0
        for bound in _AGE_BOUNDS:
            if age < bound:
                break
            bucket += 1
        self.ages[bucket] += 1
        if self.oldest_ns is None or mtime_ns < self.oldest_ns:
            self.oldest_ns = mtime_ns
        if self.newest_ns is None or mtime_ns > self.newest_ns:
            self.newest_ns = mtime_ns
        if kind in ACTIVITY_KINDS and age >= -_CLOCK_TOLERANCE_NS:
            seen = min(mtime_ns, now_ns)
            if self.newest_activity_ns is None or seen > self.newest_activity_ns:
                self.newest_activity_ns = seen

    def count(self, kind: str) -> int:
        """Return how many files of a kind there are."""
        return self.by_kind[_POSITION[kind]]

    @property
    def pre_keys(self) -> int:
        """How many pre-keys there are."""
        return self.count(PRE_KEY)


def take_census(entries: Iterable[Entry], now: float) -> Census:
    """Return the census of a listing at `now` (Unix seconds)."""
    census = Census()
    now_ns = nanoseconds(now)
    listing = list(entries)
    for entry in listing:
        census.add(entry.kind, entry.size, entry.mtime_ns, now_ns)
    census.upload_span = upload_span(listing)
    week_ago = now_ns - 7 * _DAY_NS
    new = sum([entry.kind == PRE_KEY and entry.mtime_ns > week_ago for entry in listing])
    census.new_pre_keys = new if new < census.pre_keys else None
    return census

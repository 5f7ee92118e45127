"""Which files of a directory are old, given the memory of its tenant's running time."""

from __future__ import annotations

from baileys_janitor.policy.ages.stretches import (
    DAY_SECONDS,
    SILENCE_SECONDS,
    capped,
    capped_limit,
    credit,
    cut,
    cutoff,
)
from baileys_janitor.policy.ages.stretches import limit_seconds as whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.policy.ages.running import Memory
    from baileys_janitor.policy.files.file_entry import Entry

#: While the newest traffic is older than this, the tenant is stopped and no age rule applies.
STOPPED_SECONDS = 72 * 3600
#: A server's clock may run ahead of the node's by this much.
CLOCK_TOLERANCE_SECONDS = 600
#: An earlier time (before 2015) is not trusted: a restore has set it.
EARLIEST_SECONDS = 1_420_070_400
#: Later clocks are not trusted (the year 2242), which also bounds every number of a memory.
LATEST_SECONDS = 2**33

_NS = 10**9
# Far beyond any file's time, and far below a float overflow.
_FAR_SECONDS = 1e18


def nanoseconds(seconds: float) -> int:
    """Return whole nanoseconds; infinities become the far past or the far future."""
    return int(max(-_FAR_SECONDS, min(_FAR_SECONDS, seconds)) * 1e9)


def usable_clock(now: float) -> bool:
    """Return whether a clock shows a time that files can be compared with."""
    return EARLIEST_SECONDS <= now < LATEST_SECONDS


def file_time(entry: Entry, now: int) -> int | None:
    """Return when a file was last written in Unix seconds, None when its times cannot be trusted.

    If the modification time lies before 2015, the change time is used, which no restore can set.
    """
    latest = now + CLOCK_TOLERANCE_SECONDS
    modified = entry.mtime_ns // _NS
    if modified >= EARLIEST_SECONDS:
        return modified if modified <= latest else None
    changed = entry.ctime_ns // _NS
    return changed if EARLIEST_SECONDS <= changed <= latest else None


class Ages:
    """The cutoffs at one moment.

    `now` in Unix seconds; `memory` as updated by the scan of that moment (None: nothing is known, and nothing is old).
    `as_of` is the moment at which ages are measured: now, or the newest traffic while that is more than a day ago, or
    None while the tenant is stopped. `since` is the start of the latest stretch.
    """

    __slots__ = ("_cutoffs", "_memory", "_stretches", "as_of", "now", "since")

    def __init__(self, memory: Memory | None, now: int) -> None:
        self.now = now
        self.as_of: int | None = None
        self.since: int | None = None
        self._memory = memory
        self._stretches: tuple[tuple[int, int], ...] = ()
        self._cutoffs: dict[float, int | None] = {}
        newest = None if memory is None else memory.newest
        if memory is None or newest is None or now - newest > STOPPED_SECONDS:
            return
        self.as_of = now if now - newest <= SILENCE_SECONDS else newest
        self._stretches = cut(memory.running, self.as_of)
        if self._stretches:
            self.since = self._stretches[-1][0]

    @property
    def stopped(self) -> bool:
        """Whether there was no traffic for so long that no age rule applies."""
        return self.as_of is None

    @property
    def silent(self) -> bool:
        """Whether there was no traffic for a day."""
        return self.as_of != self.now

    @property
    def grown(self) -> int:
        """The seconds added to all limits because the clock was set forward."""
        return 0 if self._memory is None else self._memory.grown

    def cutoff(self, limit: float) -> int | None:
        """Return the latest time that is old under a limit in seconds, None while no time is."""
        if limit not in self._cutoffs:
            found = None
            if self._memory is not None and self.as_of is not None:
                grown = self._memory.grown
                found = cutoff(self._stretches, whole(limit), self.as_of, grown)
            self._cutoffs[limit] = found
        return self._cutoffs[limit]

    def counts_from(self, time: int) -> int:
        """Return the time from which the age of a file with that time counts: later than it where files were put in."""
        memory = self._memory
        start = time
        if memory is not None and memory.floor is not None:
            start = max(start, memory.floor)
        if memory is not None and memory.put_in is not None and time <= memory.put_in[0]:
            start = max(start, memory.put_in[1])
        return start

    def is_calendar(self, limit: float) -> bool:
        """Return whether a file is old under a limit exactly if its calendar age exceeds it."""
        memory = self._memory
        plain = memory is not None and memory.floor is None and memory.put_in is None
        return plain and self.cutoff(limit) == self.now - whole(limit) - 1

    def by_calendar(self) -> Ages:
        """Return the ages of the same moment, with every silence and every copy counted as running time."""
        from baileys_janitor.policy.ages.running import Memory

        return Ages(Memory(self.now, ((0, self.now),), self.now), self.now)

    def old(self, time: int | None, limit: float) -> bool:
        """Return whether a file of that time is old; a file without a time never is."""
        if time is None:
            return False
        latest = self.cutoff(limit)
        # A file that counts anew counts from a later time. If its own time is already too late, the rest need not be
        # computed.
        return latest is not None and time <= latest and self.counts_from(time) <= latest

    def old_by_calendar(self, time: int, limit: float) -> bool:
        """Return whether it would be old if silences and copies counted as ordinary time."""
        return self.now - time > whole(limit) + self.grown

    def held_by_silence(self, time: int, limit: float) -> bool:
        """Return whether a file that is old by the calendar stays for silences, not because it counts anew."""
        return self.old_by_calendar(self.counts_from(time), limit)

    def days_to_go(self, time: int, limit: float) -> int:
        """Return the number of further days with traffic before a file of that time is old."""
        memory = self._memory
        if memory is None or self.as_of is None or self.old(time, limit):
            return 0
        seconds = whole(limit)
        start = self.counts_from(time)
        missing = min(
            seconds - credit(self._stretches, start),
            capped_limit(seconds) - capped(self._stretches, start, self.as_of),
        )
        return (missing + memory.grown) // DAY_SECONDS + 1

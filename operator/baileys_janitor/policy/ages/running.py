"""A tenant's running time: the stored memory, and how a new scan updates it.

Traffic is a write to a session (except with the tenant's own devices: the phone writes to those by itself) or to a
sender key. A listing keeps only the last write of each file, so the listing of a tenant with a few busy contacts does
not show its past; the results of earlier scans must be stored. Every function here depends on its arguments alone:

    look = observe(entries, identity, memory, now, boot)    the facts of one listing
    memory = advance(memory, look, kept)                    the memory after it

Missing information makes files younger, never older. Two things would make them older: a clock that was set, and files
that come from elsewhere (a restore, an undo, a copy laid over the files). Both are checked for, and the affected files
count from the scan that noticed.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace

from baileys_janitor.policy.ages.ages import (
    CLOCK_TOLERANCE_SECONDS,
    EARLIEST_SECONDS,
    file_time,
    usable_clock,
)
from baileys_janitor.policy.ages.put_in import (
    NO_BINS,
    OVERLAP_SECONDS,
    bins_of,
    grown_bin,
    latest_unseen,
    seen_of,
)
from baileys_janitor.policy.ages.stretches import (
    DAY_SECONDS,
    SILENCE_SECONDS,
    cut,
    merge,
    stretches_kept,
    stretches_of,
)
from baileys_janitor.policy.files.file_entry import listed
from baileys_janitor.policy.files.file_kinds import (
    ACTIVITY_KINDS,
    IDENTITY_KEY,
    LID_MAPPING,
    SENDER_KEY,
    SENDER_KEY_MEMORY,
    may_be_lid,
)
from baileys_janitor.policy.files.identity import PAIRED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from baileys_janitor.policy.ages.put_in import Bins, Seen
    from baileys_janitor.policy.ages.stretches import Stretch
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.policy.files.identity import Identity

    Boot = tuple[str, int]

_HOUR_SECONDS = 3600
_NS = 10**9

#: The wall clock was set when it moved by more than this against the clock of the machine.
CLOCK_STEP_SECONDS = _HOUR_SECONDS
#: Limits grow by at most this, however far a clock was set forward.
GROWTH_MAX_SECONDS = DAY_SECONDS

# Enough of a fingerprint to distinguish it from another.
_IDENTITY_DIGITS = 8
# Written once, so they show days that later traffic has overwritten. A login writes them too, so they lengthen
# stretches, but never count as the newest traffic.
_WRITTEN_ONCE = frozenset((LID_MAPPING, IDENTITY_KEY, SENDER_KEY_MEMORY))
_TELLING = ACTIVITY_KINDS | _WRITTEN_ONCE


@dataclass(slots=True)
class Memory:
    """The facts known of a tenant after a scan. Times are whole Unix seconds.

    `running`: the newest stretches of traffic. `looked`: the time of that scan. `newest`: the newest traffic it saw,
    None when there was none. `floor`: no file counts from before it. `put_in`: files up to the first time count from
    the second. `grown`: all limits are this much longer, because the clock was set forward. `ahead`: the latest time
    that the clock showed before it was set back, as long as it shows less; None otherwise. `boot`: the machine's boot
    and its own clock at the scan, None when unknown. `identity`: the start of the fingerprint of the tenant's identity.
    `bins` and `seen`: traces of the sessions and sender keys that were there, see `put_in`; `seen` can be of an earlier
    scan, or None.
    """

    looked: int
    running: tuple[Stretch, ...] = ()
    newest: int | None = None
    _: KW_ONLY
    floor: int | None = None
    put_in: tuple[int, int] | None = None
    grown: int = 0
    ahead: int | None = None
    boot: Boot | None = None
    identity: str = ""
    bins: Bins = NO_BINS
    seen: Seen | None = None


class Look:
    """The result of one scan of a directory, to update a memory with. Times are whole Unix seconds.

    `stretches`: traffic since the last scan, or all that the listing shows without a memory. `put_in`: files up to this
    time may have come from elsewhere since the last scan, None when none has. `seen` is None in a scan's result. The
    rest is as in `Memory`.
    """

    __slots__ = ("bins", "boot", "identity", "newest", "now", "put_in", "seen", "stretches")

    def __init__(
        self,
        now: int,
        stretches: tuple[Stretch, ...],
        newest: int | None,
        *,
        bins: Bins = NO_BINS,
        seen: Seen | None = None,
        put_in: int | None = None,
        boot: Boot | None = None,
        identity: str = "",
    ) -> None:
        self.now = now
        self.stretches = stretches
        self.newest = newest
        self.bins = bins
        self.seen = seen
        self.put_in = put_in
        self.boot = boot
        self.identity = identity


def observe(
    entries: Iterable[Entry],
    identity: Identity,
    memory: Memory | None,
    now: float,
    boot: Boot | None = None,
    *,
    with_seen: bool = True,
) -> Look | None:
    """Return the facts of a listing; None while it cannot be evaluated. `with_seen=False` leaves `seen` out.

    It cannot be evaluated without a paired identity, which distinguishes own devices from contacts, nor while the clock
    shows no usable time. The memory then stays as it is.
    """
    if identity.state != PAIRED or not usable_clock(now):
        return None
    at = int(now)
    latest = at + CLOCK_TOLERANCE_SECONDS
    since = None if memory is None else min(memory.looked, at) - OVERLAP_SECONDS
    present: list[int] = []
    seen: set[int] = set()
    newest: int | None = None
    listing = listed(entries)
    doubt, may_own = identity.lid_in_doubt, identity.may_own
    for kind in _TELLING:
        traffic = kind in ACTIVITY_KINDS
        of_users = kind not in (SENDER_KEY, SENDER_KEY_MEMORY)
        for entry in listing.of(kind):
            found = entry.mtime_ns // _NS
            if not EARLIEST_SECONDS <= found <= latest:
                shown = file_time(entry, at)
                if shown is None:
                    continue
                found = shown
            if traffic:
                present.append(found)
            time = found if found < at else at
            # Ownership is the slowest check, so it runs last.
            new = (since is None or time > since) and time not in seen
            newer = traffic and (newest is None or time > newest)
            if not (new or newer):
                continue
            if of_users and (doubt or may_own(entry.ident)) and _perhaps_own(entry, identity):
                continue
            if new:
                seen.add(time)
            if newer:
                newest = time
    present.sort()
    return Look(
        at,
        stretches_of(seen),
        newest,
        bins=bins_of(present, at),
        seen=seen_of(present, at) if with_seen else None,
        put_in=_latest_put_in(present, memory, at),
        boot=boot,
        identity=identity_mark(identity.fingerprint),
    )


def identity_mark(fingerprint: str) -> str:
    """Return the stored prefix of an identity's fingerprint."""
    return fingerprint[:_IDENTITY_DIGITS]


def advance(memory: Memory | None, look: Look, limit: float) -> Memory:
    """Return the memory after a scan. `limit`: the longest age limit in use, in seconds."""
    now = look.now
    running: tuple[Stretch, ...] = ()
    floor = put_in = ahead = None
    seen = look.seen
    grown = 0
    if memory is not None:
        step = _clock_step(memory, look)
        ahead = _ahead(memory, now)
        caught_up = ahead is not None and ahead <= now
        if caught_up:
            ahead = None
        if caught_up or step < -CLOCK_STEP_SECONDS or _came_from_elsewhere(memory, look):
            floor = now
        else:
            # Stretches after now were seen under a clock that was ahead.
            running = cut(memory.running, now)
            floor = None if memory.floor is None else min(memory.floor, now)
            put_in = _put_in(memory, look)
            seen = look.seen or memory.seen
            grown = memory.grown
            if step > CLOCK_STEP_SECONDS:
                grown = max(grown, min(step, GROWTH_MAX_SECONDS))
    stretches = merge(running + cut(look.stretches, now))
    return Memory(
        now,
        stretches[-stretches_kept(limit, grown) :],
        look.newest,
        floor=floor,
        put_in=put_in,
        grown=grown,
        ahead=ahead,
        boot=look.boot,
        identity=look.identity or ("" if memory is None else memory.identity),
        bins=look.bins,
        seen=seen,
    )


def recount(memory: Memory, entries: Iterable[Entry]) -> Memory:
    """Return the memory for the files left by a cleanup, so that an undo of it is noticed."""
    listing = listed(entries)
    found = [file_time(each, memory.looked) for kind in ACTIVITY_KINDS for each in listing.of(kind)]
    times = [time for time in found if time is not None]
    return replace(memory, bins=bins_of(times, memory.looked), seen=seen_of(times, memory.looked))


def counted_anew(memory: Memory, now: float) -> Memory:
    """Return a memory after which no file counts from before `now`.

    For a memory that itself came from elsewhere: a copy of a directory contains one.
    """
    return Memory(int(now), floor=int(now), identity=memory.identity)


def clocks_differ(told: float, shown: float, wait: float) -> bool:
    """Return whether a Job's clock cannot be that of the operator that created its task.

    `told`: the task's time; `shown`: the node's; `wait`: how long a Job may wait to be started, in seconds.
    """
    return not told - CLOCK_TOLERANCE_SECONDS <= shown <= told + wait + CLOCK_TOLERANCE_SECONDS


def _perhaps_own(entry: Entry, identity: Identity) -> bool:
    """Return whether a session, mapping or identity key may belong to the tenant's own user.

    While its own LID is unknown, every LID may be its own.
    """
    user = entry.ident if entry.kind == LID_MAPPING else entry.ident.rpartition(".")[0]
    if identity.owns(user):
        return True
    return identity.lid_in_doubt and entry.kind != LID_MAPPING and may_be_lid(user)


def _latest_put_in(times: list[int], memory: Memory | None, now: int) -> int | None:
    """Return the latest time of files that were absent at the last scan and are older than it."""
    if memory is None or memory.looked > now:
        return None
    found = [grown_bin(times, memory.bins, memory.looked)]
    if memory.seen is not None:
        # The filter lacks the files that were already noticed, until the next scan that renews it.
        known = 0 if memory.put_in is None else memory.put_in[0]
        found.append(latest_unseen(times, memory.seen, known))
    return max([time for time in found if time is not None], default=None)


def _put_in(memory: Memory, look: Look) -> tuple[int, int] | None:
    now = look.now
    earlier = memory.put_in
    if look.put_in is None:
        return None if earlier is None else (min(earlier[0], now), min(earlier[1], now))
    edge = look.put_in if earlier is None else max(look.put_in, earlier[0])
    return min(edge, now), now


def _ahead(memory: Memory, now: int) -> int | None:
    """Return the latest time that the clock showed before it was set back, None once it has passed that time again.

    Between two boots of a machine nothing else shows that a clock was set. If it was wrong only after it went back,
    files were written with times long past. So once the clock reaches that time again, all files count from then.
    """
    if memory.looked <= now + CLOCK_STEP_SECONDS:
        return memory.ahead
    return memory.looked if memory.ahead is None else max(memory.looked, memory.ahead)


def _clock_step(memory: Memory, look: Look) -> int:
    """Return the seconds by which the wall clock was set forward since the last scan; 0 when unknown."""
    before, after = memory.boot, look.boot
    if before is None or after is None or before[0] != after[0]:
        return 0
    return (look.now - memory.looked) - (after[1] - before[1])


def _came_from_elsewhere(memory: Memory, look: Look) -> bool:
    """Return whether the files belong to another identity, or their newest traffic is older than before."""
    if memory.identity and look.identity and memory.identity != look.identity:
        return True
    newest = memory.newest
    if newest is None or newest > look.now:
        return False
    return look.newest is None or look.newest < newest - SILENCE_SECONDS

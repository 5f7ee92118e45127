"""The memory of a tenant's running time: a scan updates it, and a line on the volume stores it.

The operator sends its memory in the task. The command line has none, and neither has an operator at its first scan:
then the line in the session directory is used, which cleanups write under their lock. A restored copy of a directory
includes the line, so the tenant seems to have run as recorded. The file's change time, which nobody can set, shows
that it was restored.
"""

from __future__ import annotations

import os
import time
from functools import cache
from hashlib import blake2s

from baileys_janitor.policy.ages.ages import Ages
from baileys_janitor.policy.ages.running import advance, clocks_differ, counted_anew, observe
from baileys_janitor.policy.files.file_entry import listed
from baileys_janitor.policy.files.file_kinds import ACTIVITY_KINDS
from baileys_janitor.volume.files.state_names import ACTIVITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.policy.ages.running import Look, Memory
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.policy.files.identity import Identity
    from baileys_janitor.policy.settings import Settings
    from baileys_janitor.volume.files.read import Listing
    from baileys_janitor.volume.files.state_files import Owners

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_BOOT_DIGITS_BYTES = 4
# A line is written within this time after its scan.
_WRITTEN_WITHIN_SECONDS = 3600
_NS = 10**9


class Known:
    """The knowledge before a scan.

    `memory` is the operator's (None: it has none). `told` is the operator's time when it made the task, in
    Unix seconds, and `wait` how long its Job may wait for a node; without `told` no clocks are compared.
    """

    __slots__ = ("memory", "told", "wait")

    def __init__(
        self, memory: Memory | None = None, told: float | None = None, wait: float = 0.0
    ) -> None:
        self.memory = memory
        self.told = told
        self.wait = wait


class Activity:
    """The tenant's running time after one scan.

    `ages` judges files. `memory` is the memory after the scan, unchanged if the scan had nothing to
    add. `look` is the new observation, None without one. `skewed`: the clocks of the node and
    of the operator differ.
    """

    __slots__ = ("ages", "look", "memory", "skewed")

    def __init__(self, ages: Ages, memory: Memory | None, look: Look | None, skewed: bool) -> None:
        self.ages = ages
        self.memory = memory
        self.look = look
        self.skewed = skewed


def activity_of(
    directory: int,
    listing: Listing,
    identity: Identity,
    settings: Settings,
    now: float,
    known: Known,
    *,
    to_write: bool = True,
) -> Activity:
    """Return the tenant's running time from a listing and the earlier memory. Writes nothing.

    `to_write=False`: the memory is for this scan alone, and lacks the parts that only a memory on the volume needs.
    """
    if known.told is not None and clocks_differ(known.told, now, known.wait):
        return Activity(Ages(None, 0), known.memory, None, skewed=True)
    entries = listing.entries
    before = known.memory
    if before is None and listing.own.has_activity:
        before = read_memory(directory, entries or [], now)
    look = None
    if entries is not None:
        look = observe(entries, identity, before, now, boot(), with_seen=to_write)
    if look is None:
        return Activity(Ages(None, 0), before, None, skewed=False)
    after = advance(before, look, settings.longest_age)
    return Activity(Ages(after, look.now), after, look, skewed=False)


def read_memory(directory: int, entries: list[Entry], now: float) -> Memory | None:
    """Return the memory on the volume, None if it is missing or unreadable."""
    from baileys_janitor.policy.ages.running_text import TEXT_BYTES_MAX, decode
    from baileys_janitor.volume.errors import VolumeProblem
    from baileys_janitor.volume.files.state_files import open_state, owners_of, read_bounded

    try:
        file = open_state(directory, ACTIVITY, owners_of(directory))
        if file is None:
            return None
        try:
            changed = os.fstat(file).st_ctime_ns // _NS
            data = read_bounded(file, TEXT_BYTES_MAX + 2)
        finally:
            os.close(file)
    except (VolumeProblem, OSError):
        return None
    memory = decode(data.decode("ascii", "replace").removesuffix("\n"))
    if memory is not None and _was_put_back(memory, changed, entries):
        return counted_anew(memory, now)
    return memory


def write_memory(directory: int, text: str, owners: Owners) -> None:
    """Write a memory to the volume, in the format of `policy.ages.running_text`.

    The directory is not synced. Raises OSError.
    """
    from baileys_janitor.volume.files.state_files import replace_state

    replace_state(directory, ACTIVITY, f"{text}\n".encode("ascii"), owners)


def _was_put_back(memory: Memory, changed: int, entries: list[Entry]) -> bool:
    """Return whether a line came with a restored copy of the directory.

    Its file was changed long after its scan, and no traffic of the time in between is left. (A
    change of owner or mode changes a file too, but removes no traffic.)
    """
    first, last = memory.looked, changed - _WRITTEN_WITHIN_SECONDS
    listing = listed(entries)
    return first < last and not any(
        first < entry.mtime_ns // _NS < last
        for kind in ACTIVITY_KINDS
        for entry in listing.of(kind)
    )


def boot() -> tuple[str, int] | None:
    """Return the boot id of this machine, and the seconds since boot; None if unknown."""
    try:
        return _boot_mark(_BOOT_ID), int(time.clock_gettime(time.CLOCK_BOOTTIME))
    except (OSError, AttributeError):
        return None


@cache  # a process does not outlive a boot of its machine
def _boot_mark(path: str) -> str:
    with open(path, "rb") as file:
        started = file.read(64).strip()
    return blake2s(started, digest_size=_BOOT_DIGITS_BYTES).hexdigest()

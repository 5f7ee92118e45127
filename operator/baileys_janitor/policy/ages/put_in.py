"""Detect files that were put in from elsewhere: an unpacked copy, an undo, a clock that was in the past.

Every file that the tenant writes gets the time of its writing. So the number of files last written in a given span of
the past can only fall, and no file can appear with an older time that was not there before. Two traces of a listing are
kept to detect this:

- `Bins`: the number of files by age. Small enough for every scan, and exact when scans follow each other closely. Over
  a day, files that leave a bin can hide others that enter it.
- `Seen`: a Bloom filter of all times, for scans that are days apart. Its false positive rate is one in two hundred, and
  higher above 128 files, because its size is bounded.
"""

from __future__ import annotations

from _bisect import bisect_right

from baileys_janitor.policy.ages.stretches import DAY_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Bins = tuple[int, ...]
    #: When the times were read, the number of bits, and the bits of the filter.
    Seen = tuple[int, int, int]

#: A scan may have missed files that were written this shortly before it.
OVERLAP_SECONDS = 2 * 3600

_BIN_AGES_SECONDS = (
    14 * DAY_SECONDS,
    7 * DAY_SECONDS,
    3 * DAY_SECONDS,
    DAY_SECONDS,
    OVERLAP_SECONDS,
)
BINS = len(_BIN_AGES_SECONDS)
NO_BINS: Bins = (0,) * BINS

BITS_LEAST = 64
BITS_MOST = 2048
_BITS_A_FILE = 16
# Some file systems keep times to two seconds.
_GRANULARITY_SECONDS = 2
# Each time sets three bits, taken from its product with the golden ratio in 64 bits.
_MULTIPLIER = 0x9E3779B97F4A7C15
_SHIFTS = (52, 40, 28)


def bins_of(times: Iterable[int], at: int) -> Bins:
    """Return the number of times in each bin of a scan; the upper edge belongs to the bin."""
    ordered = sorted(times)
    up_to = [bisect_right(ordered, at - age) for age in _BIN_AGES_SECONDS]
    return tuple([upper - lower for lower, upper in zip([0, *up_to], up_to, strict=False)])


def seen_of(times: list[int], at: int) -> Seen:
    """Return the filter of the times at a scan."""
    bits = BITS_LEAST
    while bits < min(BITS_MOST, len(times) * _BITS_A_FILE):
        bits *= 2
    filled = bytearray(bits // 8)
    for word in {time // _GRANULARITY_SECONDS for time in times}:
        for bit in _bits(word, bits):
            filled[bit >> 3] |= 1 << (bit & 7)
    return at, bits, int.from_bytes(filled, "little")


def grown_bin(times: list[int], bins: Bins, at: int) -> int | None:
    """Return the upper edge of the latest bin of a scan that holds more times now."""
    counts = bins_of(times, at)
    for place in range(BINS - 1, -1, -1):
        if counts[place] > bins[place]:
            return at - _BIN_AGES_SECONDS[place]
    return None


def latest_unseen(times: Iterable[int], seen: Seen, after: int) -> int | None:
    """Return the latest time after `after` that the filter should contain and does not."""
    at, bits, bitmap = seen
    before = at - OVERLAP_SECONDS
    for time in sorted(set(times), reverse=True):
        if time <= after:
            break
        if time <= before and not _is_in(time, bits, bitmap):
            return time
    return None


def _is_in(time: int, bits: int, bitmap: int) -> bool:
    first, second, third = _bits(time // _GRANULARITY_SECONDS, bits)
    return bool(bitmap >> first & bitmap >> second & bitmap >> third & 1)


def _bits(word: int, bits: int) -> list[int]:
    """Return the bits that represent a time."""
    product = word * _MULTIPLIER
    return [product >> shift & bits - 1 for shift in _SHIFTS]

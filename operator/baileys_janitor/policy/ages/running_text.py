"""A tenant's memory of running time as one line of text: for the status, a Job's task and the volume.

    1;<looked>;<newest>;<floor>;<put in>;<grown>;<ahead>;<boot>;<identity>;<bins>;<seen>;<stretches>;<checksum>

Numbers are whole seconds in base 36, times are written as seconds before the scan, and unknown values are empty. 23
stretches and the times of 40 files take about 600 bytes. A line can be cut short or forged, so only lines that this
module could have written are read; all others yield no memory.
"""

from __future__ import annotations

from hashlib import blake2s

from baileys_janitor.policy.ages.ages import EARLIEST_SECONDS, LATEST_SECONDS
from baileys_janitor.policy.ages.put_in import BINS, BITS_LEAST, BITS_MOST
from baileys_janitor.policy.ages.running import GROWTH_MAX_SECONDS, Memory
from baileys_janitor.policy.ages.stretches import SILENCE_SECONDS, stretches_kept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from baileys_janitor.policy.ages.stretches import Stretch

_VERSION = "1"
_FIELDS = 13
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_CHARACTERS = frozenset(_DIGITS + ";,.")
_NUMBER_LENGTH_MAX = 11
_NAME_LENGTH_MAX = 16

#: The longest age limit that can be set is ten years; nobody needs more stretches than this.
STRETCHES_MAX = stretches_kept(3_650 * 86_400, grown=1)
#: No line is longer, and a longer one is not read.
TEXT_BYTES_MAX = 1024 + 16 * STRETCHES_MAX


def encode(memory: Memory) -> str:
    """Return a memory as one line of ASCII without a line end."""
    looked = memory.looked
    put_in = memory.put_in
    fields = (
        _VERSION,
        _base36(looked),
        _before(looked, memory.newest),
        _before(looked, memory.floor),
        "" if put_in is None else f"{_base36(looked - put_in[1])},{_base36(put_in[1] - put_in[0])}",
        _base36(memory.grown),
        "" if memory.ahead is None else _base36(memory.ahead - looked),
        "" if memory.boot is None else f"{memory.boot[0]},{_base36(memory.boot[1])}",
        memory.identity,
        ",".join([_base36(count) for count in memory.bins]),
        _seen_text(looked, memory.seen),
        ",".join(_stretches_text(looked, memory.running)),
    )
    text = ";".join(fields)
    return f"{text};{_checksum(text)}"


def decode(text: object) -> Memory | None:
    """Return the memory in a line, None for everything that `encode` would not have written.

    A scan time later than now is accepted: without it, a clock that was set back could not be noticed.
    """
    if not isinstance(text, str) or len(text) > TEXT_BYTES_MAX or not _CHARACTERS.issuperset(text):
        return None
    body, _, digest = text.rpartition(";")
    if digest != _checksum(body):
        return None
    try:
        memory = _memory(body.split(";"))
    except ValueError:
        return None
    # A number can be spelled in several ways, but `encode` writes only one.
    return memory if encode(memory) == text else None


def _memory(fields: list[str]) -> Memory:
    if len(fields) != _FIELDS - 1 or fields[0] != _VERSION:
        raise ValueError("not a line of this version")
    looked = _number(fields[1])
    grown = _number(fields[5])
    bins = tuple([_number(each) for each in fields[9].split(",")])
    if not EARLIEST_SECONDS <= looked < LATEST_SECONDS or grown > GROWTH_MAX_SECONDS:
        raise ValueError("out of bounds")
    if len(bins) != BINS:
        raise ValueError("bins missing")
    return Memory(
        looked,
        _stretches(looked, fields[11]),
        _time(looked, fields[2]),
        floor=_time(looked, fields[3]),
        put_in=_put_in(looked, fields[4]),
        grown=grown,
        ahead=looked + _number(fields[6]) if fields[6] else None,
        boot=_boot(fields[7]),
        identity=_name(fields[8]) if fields[8] else "",
        bins=bins,
        seen=_seen(looked, fields[10]) if fields[10] else None,
    )


def _put_in(looked: int, text: str) -> tuple[int, int] | None:
    if not text:
        return None
    since, edge = text.split(",")
    counted = looked - _number(since)
    return counted - _number(edge), counted


def _boot(text: str) -> tuple[str, int] | None:
    if not text:
        return None
    name, clock = text.split(",")
    return _name(name), _number(clock)


def _seen_text(looked: int, seen: tuple[int, int, int] | None) -> str:
    if seen is None:
        return ""
    at, bits, bitmap = seen
    return f"{_base36(looked - at)},{bitmap:0{bits // 4}x}"


def _seen(looked: int, text: str) -> tuple[int, int, int]:
    ago, bitmap = text.split(",")
    bits = 4 * len(bitmap)
    if not BITS_LEAST <= bits <= BITS_MOST or bits & (bits - 1):
        raise ValueError("not a size of bitmaps")
    return looked - _number(ago), bits, int(bitmap, 16)


def _stretches_text(looked: int, running: tuple[Stretch, ...]) -> Iterator[str]:
    """Yield the silence after each stretch and its length, from the newest to the oldest."""
    following = looked
    for start, end in reversed(running):
        yield f"{_base36(following - end)}.{_base36(end - start)}"
        following = start


def _stretches(looked: int, text: str) -> tuple[Stretch, ...]:
    found: list[Stretch] = []
    following = looked
    for each in text.split(",") if text else ():
        silence, length = [_number(part) for part in each.split(".")]
        if found and silence <= SILENCE_SECONDS:
            raise ValueError("two stretches that are one")
        end = following - silence
        following = end - length
        found.append((following, end))
    if len(found) > STRETCHES_MAX:
        raise ValueError("too many stretches")
    return tuple(reversed(found))


def _before(looked: int, time: int | None) -> str:
    return "" if time is None else _base36(looked - time)


def _time(looked: int, text: str) -> int | None:
    return looked - _number(text) if text else None


def _number(text: str) -> int:
    if len(text) > _NUMBER_LENGTH_MAX:
        raise ValueError("too long")
    return int(text, 36)


def _name(text: str) -> str:
    if len(text) > _NAME_LENGTH_MAX or not text.isalnum():
        raise ValueError("not a name")
    return text


def _base36(number: int) -> str:
    if number < 36:
        return _DIGITS[number]
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits


def _checksum(text: str) -> str:
    return blake2s(text.encode("ascii", "replace"), digest_size=4).hexdigest()

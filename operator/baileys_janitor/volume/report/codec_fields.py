"""The fields of a report's positional text form: how each type of value is written, and read with its bounds.

Numbers are written in base 36 and times as seconds before the document's own time, because many tenants
share 4,096 bytes. Nothing read is trusted: a value of another type or out of bounds is a ValueError.
"""

from __future__ import annotations

from hashlib import blake2s

from baileys_janitor.policy.ages.put_in import BINS
from baileys_janitor.policy.files.file_kinds import KINDS as KIND_NAMES
from baileys_janitor.policy.reasons import KEPT
from baileys_janitor.volume.report.results import FAILED, OUTCOMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

    Codec: TypeAlias = tuple[Callable[[Any], str], Callable[[str], Any]]
    Fields: TypeAlias = tuple[tuple[str, Codec], ...]

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
COUNT_MAX = 36**5 - 1  # counts beyond 60 million are written as this
PAST_MAX = 36**6 - 1  # 69 years back,
FUTURE_MAX = 36**5 - 1  # and nearly two ahead
NUMBER_MAX = 36**12 - 1  # 4.7e18, beyond any file system
ELAPSED_MAX = 36**7 - 1  # milliseconds: two and a half years
CODE_MAX = 40  # characters
REASONS_MAX = 32
MEMORY_MAX = 2048  # characters; a longer memory of running time stays on the volume
AGES_COUNTED = 5
_DIGITS_MAX = 12
_DIGIT_SET = frozenset(DIGITS)
_LENGTHS = "  BCDE"
_KEEPINGS = ("Kept", "NotDue", "NotKept")  # of run_results; a scan does not need that module
STATES = ("", "Paired", "Unpaired", "Corrupt", "Absent", "TooLarge")


_APART = str.maketrans(";,", "!:")
_TOGETHER = str.maketrans("!:", ";,")


class BadResult(ValueError):  # noqa: N818  # named like zipfile.BadZipFile
    """The text is not a result of this program, or it was cut."""


def checksum(text: str) -> str:
    """Return eight hexadecimal digits over the text. They detect accidents, not attacks."""
    return blake2s(text.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()


def base36(number: int) -> str:
    """Write a whole number in base 36."""
    if number < 0:
        return "-" + base36(-number)
    if number < 36:
        return DIGITS[number]
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    return text


def word(value: str | None, limit: int = 63) -> str:
    """Return a code or an id; separators and other characters become "_"."""
    if not value:
        return ""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "_" for c in value[:limit])


def number(text: str, least: int, most: int) -> int:
    """Read a base 36 number as `base36` writes it; raise ValueError for other text or a number out of bounds."""
    digits = text[1:] if text[:1] == "-" else text
    if not 0 < len(digits) <= _DIGITS_MAX or not _DIGIT_SET.issuperset(digits):
        raise ValueError("no number")
    value = int(text, 36)
    if not least <= value <= most:
        raise ValueError("a number out of its bounds")
    return value


def _writes(limit: int) -> Callable[[int | None], str]:
    # Some file systems report -1 for unknown values.
    def write(value: int | None) -> str:
        return "" if value is None or value < 0 else base36(min(limit, value))

    return write


def _writes_set(limit: int) -> Callable[[int], str]:
    def write(value: int) -> str:
        return base36(max(0, min(limit, value)))

    return write


def _reads(limit: int) -> Callable[[str], int | None]:
    def read(text: str) -> int | None:
        return number(text, 0, limit) if text else None

    return read


def _reads_set(limit: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        return number(text, 0, limit)

    return read


def _write_past(seconds: int | None) -> str:
    return "" if seconds is None else base36(max(-FUTURE_MAX, min(PAST_MAX, seconds)))


def _read_past(text: str) -> int | None:
    return number(text, -FUTURE_MAX, PAST_MAX) if text else None


def _writes_word(limit: int) -> Callable[[str | None], str]:
    def write(value: str | None) -> str:
        return word(value, limit)

    return write


def _reads_word(limit: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if len(text) > limit or word(text, limit) != text:
            raise ValueError("no word")
        return text

    return read


def _write_outcome(value: str) -> str:
    return value if value in OUTCOMES else FAILED


def _read_outcome(text: str) -> str:
    if text not in OUTCOMES:
        raise ValueError("no outcome")
    return text


def _write_keeping(value: str) -> str:
    return value if value in _KEEPINGS else _KEEPINGS[-1]


def _read_keeping(text: str) -> str:
    if text not in _KEEPINGS:
        raise ValueError("no outcome of a copy")
    return text


def is_code(text: str) -> bool:
    """Return whether a text has the form of a reason code: up to 40 letters and digits, a capital letter first."""
    return len(text) <= CODE_MAX and text.isascii() and text.isalnum() and text[:1].isupper()


def _write_code(value: str | None) -> str:
    code = word(value, CODE_MAX)
    return code if not code or is_code(code) else "Other"


def _read_code(text: str) -> str | None:
    if text and not is_code(text):
        raise ValueError("no code")
    return text or None


def _write_state(value: str | None) -> str:
    return str(STATES.index(value)) if value in STATES[1:] else ""


def _read_state(text: str) -> str | None:
    return STATES[number(text, 1, len(STATES) - 1)] if text else None


def _write_memory(value: str | None) -> str:
    # It uses the characters of this document, except those that separate its groups and fields.
    return "" if value is None or len(value) > MEMORY_MAX else value.translate(_APART)


def _read_memory(text: str) -> str | None:
    if len(text) > MEMORY_MAX:
        raise ValueError("a memory that is too long")
    return text.translate(_TOGETHER) or None


def _write_flag(value: bool) -> str:
    return "1" if value else ""


def _read_flag(text: str) -> bool:
    if text not in ("", "1"):
        raise ValueError("no flag")
    return text == "1"


def _writes_list(length: int) -> Callable[[list[int] | None], str]:
    def write(values: list[int] | None) -> str:
        return "" if values is None else "/".join([_set_count(value) for value in values[:length]])

    return write


def _reads_list(length: int) -> Callable[[str], list[int] | None]:
    def read(text: str) -> list[int] | None:
        parts = text.split("/", length) if text else ()
        if text and len(parts) != length:
            raise ValueError("a list of another length")
        return [number(part, 0, COUNT_MAX) for part in parts] if text else None

    return read


def _write_kept(kept: dict[str, int] | None) -> str:
    if kept is None:
        return ""
    listed = sorted(kept.items())[:REASONS_MAX]
    return "/".join(f"{code[:32]}={_set_count(n)}" for code, n in listed if is_code(code)) or "-"


def _read_kept(text: str) -> dict[str, int] | None:
    if not text or text == "-":
        return {} if text else None
    parts = text.split("/", REASONS_MAX)
    if len(parts) > REASONS_MAX:
        raise ValueError("too many reasons")
    found: dict[str, int] = {}
    for part in parts:
        code, _, count = part.partition("=")
        if len(code) > 32 or not is_code(code) or code in found:
            raise ValueError("no reason")
        found[code] = number(count, 0, COUNT_MAX)
    return found


def _pack(values: Iterable[int]) -> str:
    """Write numbers without separators: one digit each, or a capital for the number of digits that follow."""
    texts = [_set_count(value) for value in values]
    return "".join([text if len(text) == 1 else _LENGTHS[len(text)] + text for text in texts])


def _unpack(text: str) -> list[int]:
    found = []
    place = 0
    while place < len(text):
        length = _LENGTHS.find(text[place])
        place += length > 1
        digits = text[place : place + max(1, length)]
        if len(digits) < length:
            raise ValueError("a number that was cut")
        found.append(number(digits, 0, COUNT_MAX))
        place += len(digits)
    return found


def _write_packed(values: list[int] | None) -> str:
    return "" if values is None else _pack(values)


def _reads_packed(length: int) -> Callable[[str], list[int] | None]:
    def read(text: str) -> list[int] | None:
        values = _unpack(text)
        if text and len(values) != length:
            raise ValueError("a list of another length")
        return values if text else None

    return read


def _write_reasons(kept: dict[str, int] | None) -> str:
    # A reason's index in KEPT, then the count: names would take most of the room.
    if kept is None:
        return ""
    counts = [(place, kept.get(code, 0)) for place, code in enumerate(KEPT)]
    return _pack([number for pair in counts if pair[1] for number in pair]) or "-"


def _read_reasons(text: str) -> dict[str, int] | None:
    if not text or text == "-":
        return {} if text else None
    values, codes = _unpack(text), tuple(KEPT)
    places, counts = values[::2], values[1::2]
    if len(places) != len(counts) or len(set(places)) != len(places) or max(places) >= len(codes):
        raise ValueError("no reasons")
    return {codes[place]: count for place, count in zip(places, counts, strict=True)}


def _write_kib(value: int | None) -> str:
    return "" if value is None or value < 0 else base36(min(NUMBER_MAX, value) // 1024)


def _read_kib(text: str) -> int | None:
    return number(text, 0, NUMBER_MAX // 1024) * 1024 if text else None


_set_count = _writes_set(COUNT_MAX)
COUNT = (_writes(COUNT_MAX), _reads(COUNT_MAX))
SET_COUNT = (_set_count, _reads_set(COUNT_MAX))
NUMBER = (_writes(NUMBER_MAX), _reads(NUMBER_MAX))
SET_NUMBER = (_writes_set(NUMBER_MAX), _reads_set(NUMBER_MAX))
KIB = (_write_kib, _read_kib)  # file systems count in whole KiB
MILLISECONDS = (_writes_set(ELAPSED_MAX), _reads_set(ELAPSED_MAX))
TIME = (_write_past, _read_past)  # seconds before the document's time
RUN_ID = (_writes_word(63), _reads_word(63))
OUTCOME = (_write_outcome, _read_outcome)
KEEPING = (_write_keeping, _read_keeping)
FINGERPRINT = (_writes_word(16), _reads_word(16))
TOKEN = (_writes_word(8), _reads_word(8))
CODE = (_write_code, _read_code)
STATE = (_write_state, _read_state)
MEMORY = (_write_memory, _read_memory)
FLAG = (_write_flag, _read_flag)
LISTED_KINDS = (_writes_list(len(KIND_NAMES)), _reads_list(len(KIND_NAMES)))
PACKED_KINDS = (_write_packed, _reads_packed(len(KIND_NAMES)))
AGES = (_write_packed, _reads_packed(AGES_COUNTED))
BINS_FIELD = (_write_packed, _reads_packed(BINS))
COUNTED_CODES = (_write_kept, _read_kept)
REASONS = (_write_reasons, _read_reasons)

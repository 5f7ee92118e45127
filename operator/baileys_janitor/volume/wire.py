"""The positional text form of a report: one line, groups parted by ";", fields by ",", lists by "/".

Numbers are written in base 36 and times as seconds before the document's own time, because fifty tenants
share 4,096 bytes. The same lines are kept in the volume's journal. Field order is the format: append,
never reorder, and raise `job.result.VERSION` when a meaning changes.

Whoever can write into a pod's status or into the volume can write such a line, with a checksum that matches. So
reading takes nothing on trust: each field has a type and bounds, and what is outside of them is a BadResult.
"""

from __future__ import annotations

from ..policy.digest import short_digest
from ..policy.kinds import KINDS as KIND_NAMES
from ..policy.put_in import BINS
from ..policy.reasons import KEPT
from .report import FAILED, OUTCOMES, CleanResult, PurgeResult, ScanResult, UndoResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
COUNT_MAX = 36**5 - 1  # counts beyond 60 million are written as this
PAST_MAX = 36**6 - 1  # 69 years back,
FUTURE_MAX = 36**5 - 1  # and nearly two ahead
NUMBER_MAX = 36**12 - 1  # 4.7e18, beyond any file system
ELAPSED_MAX = 36**7 - 1  # milliseconds: two and a half years
CODE_MAX = 40  # characters
REASONS_MAX = 32
LINE_MAX = 4096  # characters; a whole result has no more
AGES_COUNTED = 5
_DIGITS_MAX = 12
_DIGIT_SET = frozenset(DIGITS)
STATES = ("", "Paired", "Unpaired", "Corrupt", "Absent", "TooLarge")


_APART = str.maketrans(";,", "!:")
_TOGETHER = str.maketrans("!:", ";,")


class BadResult(ValueError):  # noqa: N818  # a decoder's word, as in zipfile.BadZipFile
    """The text is no result of this program, or it was cut."""


def checksum(text: str) -> str:
    """Eight hexadecimal digits over the text. It finds accidents, not attacks."""
    return short_digest(text.encode("utf-8", "surrogateescape"), 4)


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
    """A code or an id in the characters that part nothing; whatever else is in it becomes "_"."""
    if not value:
        return ""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "_" for c in value[:limit])


def number(text: str, least: int, most: int) -> int:
    """Read a base 36 number as `base36` writes it; ValueError for any other text and outside of the bounds."""
    digits = text[1:] if text[:1] == "-" else text
    if not 0 < len(digits) <= _DIGITS_MAX or not _DIGIT_SET.issuperset(digits):
        raise ValueError("no number")
    value = int(text, 36)
    if not least <= value <= most:
        raise ValueError("a number out of its bounds")
    return value


def _writes(limit: int) -> Callable[[int | None], str]:
    # Some file systems answer -1 for what they do not know.
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


def is_code(text: str) -> bool:
    """Whether a text has the form of a reason code: up to 40 letters and digits, a capital letter first."""
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


def _write_line(value: str | None) -> str:
    # It is in the characters of this document, but for those that part its groups and fields.
    return (value or "").translate(_APART)


def _read_line(text: str) -> str | None:
    if len(text) > LINE_MAX:
        raise ValueError("a line that is too long")
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


def _write_reasons(kept: dict[str, int] | None) -> str:
    # By place, and without names: fifty tenants share the room.
    if kept is None:
        return ""
    counts = [_set_count(kept.get(code, 0)) for code in KEPT]
    return "/".join([text if text != "0" else "" for text in counts]).rstrip("/") or "-"


def _read_reasons(text: str) -> dict[str, int] | None:
    if not text or text == "-":
        return {} if text else None
    parts = text.split("/", REASONS_MAX)
    if len(parts) > REASONS_MAX:
        raise ValueError("too many reasons")
    # What a later version counts besides is not known here.
    pairs = zip(KEPT, parts, strict=False)
    return {code: number(part, 0, COUNT_MAX) for code, part in pairs if part}


_set_count = _writes_set(COUNT_MAX)
_COUNT = (_writes(COUNT_MAX), _reads(COUNT_MAX))
_SET_COUNT = (_set_count, _reads_set(COUNT_MAX))
_NUMBER = (_writes(NUMBER_MAX), _reads(NUMBER_MAX))
_SET_NUMBER = (_writes_set(NUMBER_MAX), _reads_set(NUMBER_MAX))
_MILLISECONDS = (_writes_set(ELAPSED_MAX), _reads_set(ELAPSED_MAX))
_TIME = (_write_past, _read_past)  # of the seconds before the document's time
_RUN = (_writes_word(63), _reads_word(63))
_OUTCOME = (_write_outcome, _read_outcome)
_FINGERPRINT = (_writes_word(16), _reads_word(16))
_TOKEN = (_writes_word(8), _reads_word(8))
_CODE = (_write_code, _read_code)
_STATE = (_write_state, _read_state)
_LINE = (_write_line, _read_line)
_FLAG = (_write_flag, _read_flag)
_KIND_COUNTS = (_writes_list(len(KIND_NAMES)), _reads_list(len(KIND_NAMES)))
_AGES = (_writes_list(AGES_COUNTED), _reads_list(AGES_COUNTED))
_BINS = (_writes_list(BINS), _reads_list(BINS))
_KEPT = (_write_kept, _read_kept)
_REASONS = (_write_reasons, _read_reasons)

if TYPE_CHECKING:
    Codec: TypeAlias = tuple[Callable[[Any], str], Callable[[str], Any]]
    Fields: TypeAlias = tuple[tuple[str, Codec], ...]

FAILURE: Fields = (("error", _CODE), ("total", _COUNT))
CORE: Fields = (
    ("total", _COUNT),
    ("counted", _COUNT),
    ("protected", _COUNT),
    ("reclaimable", _COUNT),
    ("gain", _COUNT),
    ("floor", _COUNT),
    ("identity_state", _STATE),
    ("counts_only", _FLAG),
    ("fingerprint", _FINGERPRINT),
    ("creds_token", _TOKEN),
    ("newest_activity", _TIME),
)
# What is seldom there stands at the end, where it takes no room.
RUNNING_HELD: Fields = (
    ("bins", _BINS),
    ("held_days", _COUNT),
    ("put_in", _TIME),
    ("running", _LINE),
    ("skewed", _FLAG),
)
VOLUME: Fields = (
    ("bytes", _NUMBER),
    ("free_bytes", _NUMBER),
    ("free_inodes", _NUMBER),
    ("trash_runs", _COUNT),
    ("trash_oldest", _TIME),
    ("pre_key_span", _NUMBER),
    ("skipped", _COUNT),
    ("trash_files", _COUNT),
    ("trash_bytes", _NUMBER),
    ("returned", _COUNT),
    ("foreign", _COUNT),
    ("volume_bytes", _NUMBER),
)
KINDS_HELD: Fields = (("by_kind", _KIND_COUNTS),)
SPAN: Fields = (("oldest", _TIME), ("newest", _TIME), ("ages", _AGES))
KEPT_HELD: Fields = (("kept", _REASONS),)
RUN: Fields = (
    ("run", _RUN),
    ("outcome", _OUTCOME),
    ("code", _CODE),
    ("time", _TIME),
    ("removed", _SET_COUNT),
    ("left", _SET_COUNT),
    ("before", _COUNT),
    ("after", _COUNT),
    ("freed_bytes", _SET_NUMBER),
    ("duration_ms", _MILLISECONDS),
    ("applied", _FLAG),
    ("recovered", _SET_COUNT),
    ("in_trash", _SET_COUNT),
    ("purged_early", _SET_COUNT),
    ("returned", _SET_COUNT),
)
RUN_DETAIL: Fields = (("removed_by_kind", _KIND_COUNTS), ("kept", _KEPT))
RUN_REASONS: Fields = (("removed_by_reason", _KEPT),)
UNDO: Fields = (
    ("run", _RUN),
    ("outcome", _OUTCOME),
    ("code", _CODE),
    ("restored", _SET_COUNT),
    ("restored_by_kind", _KIND_COUNTS),
    ("kept", _KEPT),
    ("duration_ms", _MILLISECONDS),
)
PURGE: Fields = (("outcome", _OUTCOME), ("code", _CODE))
PURGE_DETAIL: Fields = (
    ("runs", _SET_COUNT),
    ("files", _SET_COUNT),
    ("freed_bytes", _SET_NUMBER),
    ("trash_runs", _COUNT),
    ("trash_oldest", _TIME),
)


LEFT_OUT = "~"  # a group that had no room, where an empty one says that there is nothing to tell
UNKNOWN = "?"  # a group without anything known, where an empty one says that it had no room

RECORD, RUNNING, VOLUME_FIGURES, KINDS, AGES, KEPT_FILES, DETAIL, REASONS = (
    "record",
    "running",
    "volume",
    "kinds",
    "ages",
    "kept",
    "detail",
    "reasons",
)
"""Names of the groups that may be left out, as `left_out` of a report has them."""


def write_group(report: object, fields: Fields, now: int) -> str:
    """One group of a report's fields."""
    parts = []
    for name, codec in fields:
        value = getattr(report, name)
        if codec is _TIME and value is not None:
            value = now - value
        parts.append(codec[0](value))
    return ",".join(parts)


def read_group(text: str, fields: Fields, now: int) -> dict[str, Any]:
    """The fields of one group; raises BadResult for a wrong number of them or a wrong value."""
    parts = text.split(",", len(fields))
    if len(parts) != len(fields):
        raise BadResult("a result with an unknown set of fields")
    values = {}
    try:
        for part, (name, codec) in zip(parts, fields, strict=True):
            value = codec[1](part)
            values[name] = now - value if codec is _TIME and value is not None else value
    except (ValueError, IndexError) as problem:
        raise BadResult("a result with an unreadable field") from problem
    return values


def scan_groups(scan: ScanResult, now: int) -> list[str]:
    """Core, record, volume, kinds, span, kept, running. All but the first may be left out to make room."""
    if scan.error:
        return ["!" + write_group(scan, FAILURE, now), "", "", "", "", "", ""]
    return [
        write_group(scan, CORE, now),
        clean_groups(scan.record, now)[0] if scan.record else "",
        write_group(scan, VOLUME, now),
        write_group(scan, KINDS_HELD, now) or UNKNOWN,
        write_group(scan, SPAN, now),
        write_group(scan, KEPT_HELD, now) or UNKNOWN,
        write_group(scan, RUNNING_HELD, now).rstrip(","),
    ]


def read_scan(groups: list[str], now: int, short: bool = False) -> ScanResult:
    """The opposite of `scan_groups`; empty groups at the end may be missing. `short`: some were left out."""
    if len(groups) > 7:
        raise BadResult("a result with an unknown number of groups")
    core, record, *held, running = groups + [""] * (7 - len(groups))
    if core.startswith("!"):
        return ScanResult(**read_group(core[1:], FAILURE, now))
    values = read_group(core, CORE, now)
    values["looked"] = now
    missing = []
    if record == LEFT_OUT:
        missing.append(RECORD)
    elif record:
        values["record"] = CleanResult(**read_group(record, RUN, now))
    for text, (name, fields) in zip(held, _SCAN_HELD, strict=True):
        if text not in {"", UNKNOWN}:
            values.update(read_group(text, fields, now))
        elif short and not text:
            missing.append(name)
    if running == LEFT_OUT:
        missing.append(RUNNING)
    elif running:
        missing_fields = len(RUNNING_HELD) - 1 - running.count(",")
        values.update(read_group(running + "," * missing_fields, RUNNING_HELD, now))
    return ScanResult(**values, left_out=tuple(missing))


_SCAN_HELD = (
    (VOLUME_FIGURES, VOLUME),
    (KINDS, KINDS_HELD),
    (AGES, SPAN),
    (KEPT_FILES, KEPT_HELD),
)


def clean_groups(clean: CleanResult, now: int) -> list[str]:
    """The run, its detail, the groups of the scan after it where there is one, and why files went.

    The first two are what the journal holds: they stay as they are, so that an older version can read it.
    """
    scan = scan_groups(clean.scan, now) if clean.scan else [""] * 7
    groups = [write_group(clean, RUN, now), write_group(clean, RUN_DETAIL, now), *scan]
    return [*groups, write_group(clean, RUN_REASONS, now)]


def read_clean(groups: list[str], now: int, short: bool = False) -> CleanResult:
    """The opposite of `clean_groups`."""
    if len(groups) > 10:
        raise BadResult("a result with an unknown number of groups")
    run, detail, *scan, why = groups + [""] * (10 - len(groups))
    values = read_group(run, RUN, now)
    missing = []
    for text, (name, fields) in ((detail, (DETAIL, RUN_DETAIL)), (why, (REASONS, RUN_REASONS))):
        if text not in {"", LEFT_OUT}:
            values.update(read_group(text, fields, now))
        elif text or (short and name == DETAIL):
            missing.append(name)
    if scan[0]:
        values["scan"] = read_scan(scan, now, short)
    return CleanResult(**values, left_out=tuple(missing))


def undo_groups(undo: UndoResult, now: int) -> list[str]:
    """An undo, in one group."""
    return [write_group(undo, UNDO, now)]


def read_undo(groups: list[str], now: int, short: bool = False) -> UndoResult:  # noqa: ARG001  # as its fellows
    """The opposite of `undo_groups`."""
    return UndoResult(**read_group(groups[0], UNDO, now))


def purge_groups(purge: PurgeResult, now: int) -> list[str]:
    """The outcome of a purge, and its numbers, which may be left out to make room."""
    return [write_group(purge, PURGE, now), write_group(purge, PURGE_DETAIL, now)]


def read_purge(groups: list[str], now: int, short: bool = False) -> PurgeResult:
    """The opposite of `purge_groups`."""
    values = read_group(groups[0], PURGE, now)
    if len(groups) > 1 and groups[1]:
        values.update(read_group(groups[1], PURGE_DETAIL, now))
    elif short:
        values["left_out"] = (DETAIL,)
    return PurgeResult(**values)

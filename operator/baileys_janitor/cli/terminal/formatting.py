"""Formats numbers for people: sizes, ages, plurals."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_KIBI: Final = 1024
_ROUND_FROM: Final = 10


def size(count: int) -> str:
    """Return bytes in binary units: `812 B`, `4.2 KiB`, `31 MiB`."""
    if count < _KIBI:
        return f"{count} B"
    value = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= _KIBI
        if value < _KIBI or unit == "TiB":
            break
    return f"{value:.0f} {unit}" if value >= _ROUND_FROM else f"{value:.1f} {unit}"


def age(seconds: float) -> str:
    """Return a length of time in its largest unit: `18d`, `5h`, `42m`, `7s`; the future is `in 2h`."""
    whole = int(abs(seconds))
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if whole >= 2 * length or (whole >= length and unit != "m"):
            text = f"{whole // length}{unit}"
            break
    else:
        text = f"{whole}s"
    return f"in {text}" if seconds <= -1 else text


def age_of(time: str | None, now: float) -> str:
    """Return the age of an RFC 3339 time; `-` when there is none."""
    return "-" if time is None else age(now - datetime.fromisoformat(time).timestamp())


def rfc3339(seconds: float | None) -> str | None:
    """Return Unix seconds as UTC text, whole seconds; None for None and for a time out of range."""
    if seconds is None:
        return None
    try:
        return f"{datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None).isoformat()}Z"
    except (ValueError, OverflowError, OSError):
        return None


def counted(number: int, noun: str) -> str:
    """Return `1 file`, `2 files`, `3 directories`."""
    if number == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {plural}"


def watching(what: str, seconds: float) -> str:
    """Return the sentence that is printed before session files are watched for writes."""
    return f"Watching {what} for {seconds:.0f} seconds: a stopped process writes nothing."

"""Format numbers, times and lists for readers of a report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

DAY_SECONDS = 86_400.0


def number(count: int) -> str:
    """Return a number such as 1,204."""
    return f"{count:,}"


def short(count: float, full_below: int = 100_000) -> str:
    """Return a short form of a number: `1,204`, `120 k`, `1.76 M`."""
    if abs(count) < full_below:
        return f"{count:,.0f}"
    units = iter("kMGT")
    unit = next(units)
    count /= 1000
    while abs(count) >= 999.5 and unit != "T":
        unit, count = next(units), count / 1000
    return f"{count:.3g} {unit}"


def several(count: int, one: str, many: str = "") -> str:
    """Return `1 file`, `2 files`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def size(count: float) -> str:
    """Return bytes with a binary unit: `812 B`, `4.2 KiB`, `31 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def rate(growth: float) -> str:
    """Return files a day: `0.4`, `3`, `-2`; small ones with a decimal."""
    if abs(growth) < 0.05:
        return "0"
    return f"{growth:.1f}" if abs(growth) < 10 else f"{growth:,.0f}"


def share(part: int, whole: int) -> str:
    """Return `37 %`; `100 %` only if it is exactly all, `0 %` only if it is exactly nothing."""
    if not whole:
        return "0 %"
    percent = 100 * part / whole
    if part and percent < 1:
        return "< 1 %"
    return f"{min(percent, 99.0) if part < whole else 100:.0f} %"


def seconds_of(time: str | None) -> float | None:
    """Return an RFC 3339 time as Unix seconds; None for None or an invalid time."""
    if time is None:
        return None
    try:
        return datetime.fromisoformat(time).timestamp()
    except (ValueError, OverflowError):
        return None


def rfc3339(seconds: float) -> str | None:
    """Return Unix seconds as UTC text, whole seconds; None for a time that no calendar can represent."""
    try:
        return f"{datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None).isoformat()}Z"
    except (ValueError, OverflowError, OSError):
        return None


def day(time: str | None) -> str:
    """Return `28 Nov 2026`; a dash for none."""
    seconds = seconds_of(time)
    return "–" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%-d %b %Y}"


def moment(time: str | None) -> str:
    """Return `28 Nov 2026, 03:00 UTC`; a dash for none."""
    seconds = seconds_of(time)
    return (
        "–" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%-d %b %Y, %H:%M} UTC"
    )


def span(seconds: float) -> str:
    """Return a length of time in its largest unit: `18 days`, `5 hours`, `42 minutes`."""
    for name, length in (("day", DAY_SECONDS), ("hour", 3_600.0), ("minute", 60.0)):
        if seconds >= 2 * length:
            return several(int(seconds // length), name)
    return several(max(0, int(seconds)), "second")


def ago(time: str | None, now: float) -> str:
    """Return `5 hours ago`, `in 3 days`; `never` for none."""
    seconds = seconds_of(time)
    if seconds is None:
        return "never"
    return f"in {span(seconds - now)}" if seconds > now else f"{span(now - seconds)} ago"


def listed(names: Sequence[str], most: int = 5, of: int | None = None) -> str:
    """Return `a, b and c`, or `a, b and 7 more`."""
    count = max(len(names), of or 0)
    if count <= most and count == len(names):
        return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
    shown = list(names[:most])
    return f"{', '.join(shown)} and {number(count - len(shown))} more"

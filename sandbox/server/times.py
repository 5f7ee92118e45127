"""Times in Kubernetes' format, and their abbreviations."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """Return the current time, to the second: metav1.Time."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str) -> datetime:
    """Parse RFC 3339.

    Raises:
        ValueError: it is not RFC 3339.
    """
    return datetime.fromisoformat(text)


def age(text: str | None) -> str:
    """Return the time since, as `kubectl get` prints it: `12s`, `3m5s`, `7d2h`."""
    if not text:
        return "<unknown>"
    try:
        seconds = int((datetime.now(UTC) - parse(text)).total_seconds())
    except (ValueError, TypeError):
        return "<invalid>"
    return human(seconds)


def human(seconds: int) -> str:
    """Return a duration with at most two units; the thresholds are those of `kubectl`."""
    if seconds < -1:
        return "<invalid>"
    if seconds < 120:
        return f"{max(seconds, 0)}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    if days < 2920:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, unit: str, small: int, small_unit: str) -> str:
    return f"{large}{unit}{small}{small_unit}" if small else f"{large}{unit}"

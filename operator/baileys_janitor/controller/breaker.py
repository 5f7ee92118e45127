"""The fleet's circuit breaker: when many runs in a short time remove abnormally much, cleanups hold. Pure."""

from __future__ import annotations

from bisect import insort

REMEMBERED = 10_000
"""Run ids that are remembered, so that one which is read again from a status counts once."""


class Breaker:
    """Counts abnormally large removals in a sliding window.

    A run is abnormal when it removed at least `percent` of the tenant's files. `runs` of them within `window`
    seconds open the breaker for `hold` seconds; every further abnormal run while they are in the window
    prolongs it. Automatic cleanups hold while it is open, requested ones never do.
    """

    def __init__(self, window: float, percent: float, runs: int, hold: float) -> None:
        self._window = window
        self._percent = percent
        self._runs = runs
        self._hold = hold
        self._abnormal: list[float] = []
        self._ids: dict[str, None] = {}
        self._open_until = 0.0

    def note(self, run: str, when: float, removed: int, before: int) -> None:
        """Take note of a finished run (`before`: files in the directory before it); an id counts once."""
        if run in self._ids or removed <= 0 or removed * 100 < self._percent * max(before, 1):
            return
        self._ids[run] = None
        if len(self._ids) > REMEMBERED:
            del self._ids[next(iter(self._ids))]
        # By time, not by arrival: after a start the histories of all tenants come in any order.
        insort(self._abnormal, when)
        del self._abnormal[: -self._runs]
        newest = self._abnormal[-1]
        if len(self._abnormal) == self._runs and newest - self._abnormal[0] <= self._window:
            self._open_until = max(self._open_until, newest + self._hold)

    def open_until(self, now: float) -> float | None:
        """Return until when (Unix seconds) automatic cleanups hold, or None."""
        return self._open_until if now < self._open_until else None

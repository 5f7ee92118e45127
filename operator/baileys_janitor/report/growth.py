"""How fast a session's files grow according to its cleanups, and when limits are reached."""

from __future__ import annotations

from collections.abc import Sequence

from baileys_janitor.report.model import DONE, NO_CLEANUPS, ForecastDocument, RunDocument
from baileys_janitor.report.words import rfc3339, seconds_of
from baileys_janitor.schedule.growth import DAY, smoothed

HORIZON_SECONDS = 366 * DAY
"""The horizon of forecasts in seconds: a straight line is no longer a good estimate beyond it."""
NO_FORECAST: ForecastDocument = {"warning": None, "critical": None, "emergency": None}


def growth_of(runs: Sequence[RunDocument], counted: int | None, now: float) -> float | None:
    """Return the growth in counted files a day between cleanups, up to now; None while it is unknown.

    `runs` are newest first. Files put back by an undo are no growth, so the span after an undone run is left out.
    """
    growth: float | None = None
    left: tuple[float, int] | None = None
    for run in reversed(runs):
        time = seconds_of(run["time"])
        if time is None or time > now or run["outcome"] not in DONE:
            continue
        if run["reason"] in NO_CLEANUPS:
            left = None  # it removed files that are in no count
            continue
        if left is not None and run["before"] is not None:
            growth = smoothed(growth, run["before"] - left[1], time - left[0])
        left = None if run["after"] is None or run["undone"] else (time, run["after"])
    if left is not None and counted is not None:
        growth = smoothed(growth, counted - left[1], now - left[0])
    return growth


def forecast_of(
    counted: int | None, growth: float | None, limits: tuple[int, int, int], now: float
) -> ForecastDocument:
    """Return when the `limits` (warning, critical, emergency) that are not yet reached will be."""
    if counted is None or growth is None or growth <= 0:
        return NO_FORECAST
    times = [_when(limit - counted, growth, now) for limit in limits]
    return {"warning": times[0], "critical": times[1], "emergency": times[2]}


def _when(room: int, growth: float, now: float) -> str | None:
    seconds = room * DAY / growth
    return rfc3339(now + seconds) if room > 0 and seconds <= HORIZON_SECONDS else None

"""The inputs of a schedule besides its tenant."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Intervals:
    """The configured intervals, in seconds."""

    jitter: float
    """Daily cleanups are spread over this time."""
    unused_every: float
    """Interval of scans of a claim that nothing uses."""
    status_every: float
    """Interval of regular writes of a status."""


@dataclass(frozen=True, slots=True)
class Context:
    """This process and its context. Times are Unix seconds."""

    started: float
    """When this process started."""
    intervals: Intervals
    held_until: float | None = None
    """Until when the circuit breaker holds automatic cleanups of the tenant's namespace; None while it is closed."""
    copies: bool = True
    """Whether copies of creds.json have a schedule of their own; the watch on one server keeps them during its scans.
    """

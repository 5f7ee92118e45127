"""Decides from evidence whether the operator is alive and ready. No network: the parts report, and `server` serves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

LAG_SECONDS = 10.0
"""Seconds that one step may block the event loop."""
BEHIND_SECONDS = 60.0
"""Seconds that the scheduler may be late: a pass takes milliseconds."""
STUCK_SECONDS = 900.0
"""Seconds without a finished step while the maximum number is under way: longer than all retries together."""
REACHED_SECONDS = 60.0
"""Seconds without any answer of the API server after which the operator is not ready."""
LEADERLESS_SECONDS = 60.0
"""Seconds without any leader after which the operators are not ready: a takeover takes fifteen."""
PULSE_SECONDS = 1.0

STARTING, STANDBY, ACTING, STOPPING = "starting", "standby", "acting", "stopping"


class Scheduler(Protocol):
    """The reconciler, as the checks read it; both values in seconds, 0 while it works."""

    def behind(self) -> float:
        """Return for how long the loop has not run although something was due."""

    def stuck(self) -> float:
        """Return for how long the maximum number of steps has been under way without one ending."""


class HealthChecks:
    """Evidence of life. Times are monotonic seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._answered: float | None = None
        self._pulse = now()
        self._lag = 0.0
        self.state = STARTING
        self.waiting_for = "the API server"
        """The condition that a start waits for."""
        self.scheduler: Scheduler | None = None
        self.may_act: Callable[[], bool] = lambda: True
        self.takes_part: Callable[[], bool] = lambda: True
        self.leaderless: Callable[[], float] = lambda: 0.0
        """Returns for how many seconds there has been no leader, as far as this operator knows."""
        self.resting = ""
        """Why the operator's work has ended and restarts only after a pause."""
        self.dead_watches: Callable[[], list[str]] = list

    def answered(self, _verb: str, _url: str, status: int) -> None:
        """Record an answer of the API server."""
        if 0 < status < 500:
            self._answered = self._now()

    async def beat(self) -> None:
        """Measure the event loop's lag, forever."""
        while True:
            before = self._now()
            await asyncio.sleep(PULSE_SECONDS)
            self._pulse = self._now()
            self._lag = self._pulse - before - PULSE_SECONDS

    def liveness_problems(self) -> list[str]:
        """Return why a restart is needed: one sentence each, without names of tenants."""
        found = []
        lag = max(self._lag, self._now() - self._pulse - PULSE_SECONDS)
        if lag > LAG_SECONDS:
            found.append(f"The event loop was held up for {lag:.0f} s.")
        if self.state == ACTING:
            found += self._leading()
        return found

    def _leading(self) -> list[str]:
        found = []
        if not self.may_act():
            found.append("The Lease is lost and the operator still acts.")
        if self.scheduler is not None:
            behind, stuck = self.scheduler.behind(), self.scheduler.stuck()
            if behind > BEHIND_SECONDS:
                found.append(f"The scheduler is wedged: {behind:.0f} s behind.")
            if stuck > STUCK_SECONDS:
                found.append(f"No step has ended for {stuck:.0f} s.")
        return found + [
            f"The watch of {kind} is dead: changes are not seen." for kind in self.dead_watches()
        ]

    def readiness_problems(self) -> list[str]:
        """Return why the operator is not ready; a standby that takes part in the election is ready."""
        if self.state == STOPPING:
            return ["The operator is stopping."]
        if self.state == STARTING:
            return [f"The operator is starting: it waits for {self.waiting_for}."]
        found = []
        if self._answered is None or self._now() - self._answered > REACHED_SECONDS:
            found.append(f"The API server has not answered for {REACHED_SECONDS:.0f} s.")
        if not self.takes_part():
            found.append("The Lease cannot be read, so that this operator could never lead.")
        elif (alone := self.leaderless()) > LEADERLESS_SECONDS:
            found.append(f"No replica has led for {alone:.0f} s.")
        if self.resting:
            found.append(self.resting)
        return found

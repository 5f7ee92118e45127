"""The record of a workload before it is stopped, so that any later operator can start it again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RESUMED, GONE, FOUGHT = "Resumed", "Gone", "Fought"
STOPPED_BY_OTHERS, NEVER_STOPPED = "StoppedByOthers", "NeverStopped"
OUTCOMES: Final = (RESUMED, GONE, FOUGHT, STOPPED_BY_OTHERS, NEVER_STOPPED)
"""The outcomes of a quiesce: we have started the workload again; it is gone; somebody else has started it; somebody
else wants it stopped, so we must not start it; it was never stopped."""


@dataclass(frozen=True, slots=True)
class QuiesceRecord:
    """One workload, as it was before it was stopped. Times are Unix seconds.

    `stopped` is when it was seen at 0 after we had scaled it, None while unknown; `quiet` is the first time at which no
    pod used the claim. `outcome` is one of `OUTCOMES` once we no longer manage the workload.
    """

    kind: str
    name: str
    uid: str
    replicas: int
    since: float
    stopped: float | None = None
    quiet: float | None = None
    outcome: str = ""

    @property
    def holds(self) -> bool:
        """Return whether we may have stopped the workload."""
        return not self.outcome

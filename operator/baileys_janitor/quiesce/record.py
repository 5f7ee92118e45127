"""What is recorded of a workload before it is stopped, so that whoever comes after can start it again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RESUMED, GONE, FOUGHT = "Resumed", "Gone", "Fought"
STOPPED_BY_OTHERS, NEVER_STOPPED = "StoppedByOthers", "NeverStopped"
OUTCOMES: Final = (RESUMED, GONE, FOUGHT, STOPPED_BY_OTHERS, NEVER_STOPPED)
"""How a quiesce ends: started again by us; the workload is gone; somebody else has started it; somebody else wants it
stopped, so that it is not ours to start; it was never stopped."""


@dataclass(frozen=True, slots=True)
class QuiesceRecord:
    """One workload, as it was before it was stopped. Times are Unix seconds.

    `stopped` is when it was seen at 0 after we had scaled it, None while that is not known; `quiet` when no pod used
    the claim for the first time. `outcome` is one of `OUTCOMES` once the workload is no affair of ours any more.
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
        """Return whether the workload may be stopped because of us."""
        return not self.outcome

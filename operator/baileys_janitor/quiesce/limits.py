"""How long a workload may be down, and when to start it again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from baileys_janitor.quiesce.record import QuiesceRecord

TIMED_OUT, TOO_LONG = "TimedOut", "MaxDurationReached"
TIMEOUT_SECONDS: Final = 120.0
MAX_DURATION_SECONDS: Final = 900.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds until the pods must be gone, and until the workload is started again in any case."""

    timeout: float = TIMEOUT_SECONDS
    max_duration: float = MAX_DURATION_SECONDS

    def why_resume(
        self, record: QuiesceRecord | None, begun: float, quiet: bool, now: float
    ) -> str:
        """Return why to start the workload again; empty if it is not to be started.

        Args:
            begun: when it was begun, in Unix seconds; if there is a record, the record's time counts.
            quiet: whether no pod has used the claim since, at any time.
        """
        since = begun if record is None else record.since
        if not quiet and (record is None or record.quiet is None) and now >= since + self.timeout:
            return TIMED_OUT
        if record is not None and record.holds and now >= since + self.max_duration:
            return TOO_LONG
        return ""

    def next_time(self, record: QuiesceRecord | None, begun: float, quiet: bool) -> float:
        """Return when that may change without an event, in Unix seconds."""
        since = begun if record is None else record.since
        waiting = not quiet and (record is None or record.quiet is None)
        return (
            since + min(self.timeout, self.max_duration) if waiting else since + self.max_duration
        )

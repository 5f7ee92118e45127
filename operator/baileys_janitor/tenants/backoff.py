"""The fault of a tenant, and the back-off of its next Job."""

from __future__ import annotations

from dataclasses import dataclass

from baileys_janitor.schedule.backoff import backoff_seconds
from baileys_janitor.tenants.fault import INTERNAL_ERROR, Fault

FIRST_PAUSE_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 1800.0
"""The pause after a fault: the first one, and the longest."""


@dataclass(slots=True)
class Backoff:
    """Faults of one tenant and the pauses after them. Times are Unix seconds."""

    fault: Fault | None = None
    work_fault: Fault | None = None
    """Why the last cleanup failed on the volume. A scan, which only reads, does not clear it."""
    failures: int = 0
    failures_published: int = 0
    """How many failures have been published."""
    retry_at: float = 0.0
    """No Job for this tenant before this time."""
    hurried_until: float = 0.0
    """Before this time no edit and no request ends the pause after a fault, because one has just done so."""
    crashes: int = 0
    """Unforeseen exceptions in a row."""

    def fail(
        self,
        fault: Fault,
        now: float,
        first: float = FIRST_PAUSE_SECONDS,
        longest: float = LONGEST_PAUSE_SECONDS,
    ) -> None:
        """Record a failure and wait twice as long each time, from `first` up to `longest` seconds."""
        self.fault = fault
        self.retry_at = now + backoff_seconds(self.failures, first, longest)
        self.failures += 1

    def crash(self, fault: Fault, now: float) -> None:
        """Record an exception. Successful scans in between end the pauses after other faults, but not these."""
        self.failures = max(self.failures, self.crashes)
        self.crashes += 1
        self.fail(fault, now)

    def no_crash(self) -> None:
        """Record that nothing unforeseen happened."""
        if self.crashes and self.fault != INTERNAL_ERROR:
            self.crashes = 0

    def set_fault(self, fault: Fault | None) -> None:
        """Replace the fault without a pause."""
        self.fault = fault

    def set_work_fault(self, fault: Fault | None) -> None:
        """Replace the fault of the last cleanup."""
        self.work_fault = fault

    def wait_until(self, when: float) -> None:
        """Delay the next Job until `when` or later. This does not count as a failure."""
        self.retry_at = max(self.retry_at, when)

    def hurry(self, now: float) -> bool:
        """End the pause after a fault, because somebody has changed a possible cause. Return False if the pause stays.

        The failures are still counted, so the next pause is longer all the same. Frequent edits end a pause only after
        the last ended pause would be over anyway: nobody resets the back-off.
        """
        if not self.failures:
            self.retry_at = 0.0
            return True
        if now < self.hurried_until:
            return False
        self.hurried_until = now + backoff_seconds(
            self.failures, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS
        )
        self.retry_at = 0.0
        return True

    def recover(self) -> None:
        """Clear the fault: something has worked."""
        self.fault = None
        self.failures = 0
        self.retry_at = 0.0
        self.hurried_until = 0.0

    def has_failed_again(self) -> bool:
        """Return whether there was a failure since the last call."""
        again = self.failures > self.failures_published
        self.failures_published = self.failures
        return again

    def shift(self, step: float) -> None:
        """Move the times with the clock."""
        self.retry_at += step if self.retry_at else 0.0
        self.hurried_until += step if self.hurried_until else 0.0

    def cut(self, now: float) -> None:
        """Cut times that lie too far in the future."""
        self.retry_at = min(self.retry_at, now + LONGEST_PAUSE_SECONDS)

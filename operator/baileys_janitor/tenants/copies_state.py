"""What is known of one tenant's kept copies of creds.json. Times are Unix seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.conditions.conditions import MESSAGE_LIMIT
from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.job.result import KEPT, NOT_KEPT, KeptCopy, ScanResult
from baileys_janitor.tenants.fault import CODE, Fault

Object = dict[str, Any]

PASSING = frozenset(
    {
        *("Busy", "CredentialsChanging", "StateVanished", "StaleHandle", "LockLost"),
        *("Interrupted", "DeadlineReached", "Parted", "JobDeadline", "JobKilled", "JobEvicted"),
    }
)
"""Reasons that pass by themselves: nobody has to mend anything."""


_OWN_TIMES = ("changed_since", "tried_at", "paired_anew_at")


@dataclass(slots=True)
class CopiesState:
    """The copies at the last look, and how it went when one was to be kept."""

    count: int | None = None
    """How many there are; None while that is unknown."""
    newest: float | None = None
    """When the newest was kept."""
    changed_since: float | None = None
    """Since when creds.json has been known to have changed since then; None while it has not."""
    problem: Fault | None = None
    """Why no copy could be kept the last time; None when one was, or none was needed."""
    tried_at: float | None = None
    """When a Job looked last and kept none."""
    failures: int = 0
    """How often in a row no copy could be kept."""
    paired_anew_at: float | None = None
    """When the tenant was seen to be paired anew; None while that is not known."""
    waiting: bool = False
    """Whether a copy is due and waits for its turn."""

    @property
    def newest_of_pairing(self) -> float | None:
        """When the newest copy of the tenant's pairing was kept, as far as that is known; None without one."""
        since = self.paired_anew_at
        return self.newest if since is None or (self.newest or 0.0) >= since else None

    @property
    def passing(self) -> bool:
        """Whether what kept the last copy from being made passes by itself."""
        return self.problem is not None and self.problem.reason in PASSING

    def see(self, look: ScanResult, now: float) -> None:
        """Take in what a look has found; a result that had room for the counts alone says nothing of copies."""
        if look.copies is None:
            return
        self._take(look.copies, look.copied, now)
        if not look.uncopied:
            self._settle()
        elif self.changed_since is None:
            self.changed_since = now

    def keep(self, kept: KeptCopy, problem: Fault | None, now: float) -> None:
        """Take in what came of keeping a copy; `problem` is the fault behind its code, if it has one."""
        if kept.outcome == NOT_KEPT and problem is not None:
            self.fail(problem, now)
            return
        self._take(kept.copies, kept.newest, now)
        self._settle()
        if kept.outcome != KEPT:
            # It was written again as it was: that is found out once, not by Job after Job.
            self.tried_at = now

    def fail(self, problem: Fault, now: float) -> None:
        """Record that no copy could be kept."""
        self.problem, self.tried_at = problem, now
        self.failures += 1

    def pair_anew(self, now: float) -> None:
        """Record that what was kept so far is of an earlier pairing: the first copy of the new one is kept soon."""
        self.paired_anew_at = now

    def wait(self, waiting: bool = True) -> None:
        """Record whether a copy waits for its turn."""
        self.waiting = waiting

    def _take(self, count: int, newest: float | None, now: float) -> None:
        self.count = count
        self.newest = None if newest is None else min(float(newest), now)

    def _settle(self) -> None:
        self.changed_since = self.problem = self.tried_at = None
        self.failures = 0

    def forget(self) -> None:
        """Forget what was learned of another directory."""
        self._settle()
        self.count = self.newest = self.paired_anew_at = None

    def load(self, status: Object | None) -> None:
        """Take over what the stored status has; whether creds.json has changed, the next look says."""
        stored = status or {}
        self._settle()
        self.count = stored.get("count")
        self.newest = from_rfc3339(stored.get("newestTime"))
        self.tried_at = from_rfc3339(stored.get("attemptTime"))
        reason = stored.get("reason")
        if reason is not None and self.tried_at is not None and CODE.fullmatch(reason):
            said = str(stored.get("message") or "")[:MESSAGE_LIMIT]
            self.problem, self.failures = Fault(reason, said), 1

    def shift(self, step: float) -> None:
        """Move the times of this operator's clock; that of the newest copy is from the volume."""
        for name in _OWN_TIMES:
            when = getattr(self, name)
            if when is not None:
                setattr(self, name, when + step)

    def cut(self, now: float) -> None:
        """Cut times that lie ahead: a clock that was wrong has written them."""
        for name in ("newest", *_OWN_TIMES):
            when = getattr(self, name)
            if when is not None:
                setattr(self, name, min(when, now))

"""The kept copies of one tenant's creds.json. Times are Unix seconds."""

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
"""Reasons that pass by themselves: nobody has to fix anything."""


_OWN_TIMES = ("changed_since", "tried_at", "paired_anew_at")


@dataclass(slots=True)
class CopiesState:
    """The copies at the last scan, and the result of the last attempt to keep one."""

    count: int | None = None
    """Number of copies; None while unknown."""
    newest: float | None = None
    """When the newest was kept."""
    changed_since: float | None = None
    """Since when creds.json is known to differ from the newest copy; None while it does not."""
    problem: Fault | None = None
    """Why the last copy could not be kept; None if one was kept, or none was needed."""
    tried_at: float | None = None
    """When a Job last ran and kept no copy."""
    failures: int = 0
    """Failed attempts in a row."""
    paired_anew_at: float | None = None
    """When a new pairing of the tenant was seen; None while unknown."""
    waiting: bool = False
    """Whether a copy is due and waits for its turn."""

    @property
    def newest_of_pairing(self) -> float | None:
        """When the newest copy of the tenant's current pairing was kept, as far as known; None without one."""
        since = self.paired_anew_at
        return self.newest if since is None or (self.newest or 0.0) >= since else None

    @property
    def passing(self) -> bool:
        """Whether the reason that prevented the last copy passes by itself."""
        return self.problem is not None and self.problem.reason in PASSING

    def see(self, look: ScanResult, now: float) -> None:
        """Record the copies that a scan has found. A result that had room for the counts alone has no copies."""
        if look.copies is None:
            return
        self._take(look.copies, look.copied, now)
        if not look.uncopied:
            self._settle()
        elif self.changed_since is None:
            self.changed_since = now

    def keep(self, kept: KeptCopy, problem: Fault | None, now: float) -> None:
        """Record the result of keeping a copy; `problem` is the fault of its code, if it has one."""
        if kept.outcome == NOT_KEPT and problem is not None:
            self.fail(problem, now)
            return
        self._take(kept.copies, kept.newest, now)
        self._settle()
        if kept.outcome != KEPT:
            # The file was written again with the same content: find that out once, not with Job after Job.
            self.tried_at = now

    def fail(self, problem: Fault, now: float) -> None:
        """Record that no copy could be kept."""
        self.problem, self.tried_at = problem, now
        self.failures += 1

    def pair_anew(self, now: float) -> None:
        """Record that the earlier copies are of another pairing: the first copy of the new one is kept soon."""
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
        """Load the stored status. Whether creds.json has changed is known after the next scan."""
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
        """Move the times of this operator's clock. The newest copy's time is from the volume and stays."""
        for name in _OWN_TIMES:
            when = getattr(self, name)
            if when is not None:
                setattr(self, name, when + step)

    def cut(self, now: float) -> None:
        """Cut times in the future: a wrong clock has written them."""
        for name in ("newest", *_OWN_TIMES):
            when = getattr(self, name)
            if when is not None:
                setattr(self, name, min(when, now))

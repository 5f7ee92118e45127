"""The cleanups of one tenant: the claimed run, the last runs, and the pauses after them."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any, get_args

from baileys_janitor.api.status import HISTORY_LENGTH, CleanupReason
from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.job.result import FAILED
from baileys_janitor.schedule.cleanup_times import KILLED, are_failing
from baileys_janitor.tenants.packed_json import pack, unpack
from baileys_janitor.tenants.stored_status import StoredStatus

Object = dict[str, Any]

RUN_ID = re.compile(r"[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?")
"""A run id that the operator has claimed. Anybody who can write a status can write another value there."""
CLEANUP_REASONS = frozenset(get_args(CleanupReason))
FRUITLESS_SECONDS = 300.0
"""How long an automatic Emergency cleanup waits after one that removed nothing."""
PURGE_AGAIN_SECONDS = 600.0
"""Least time between two purges, so that trash which cannot be removed does not cause Job after Job."""
_PAUSE_MAX_SECONDS = 1800.0
_COOLDOWN_MAX_SECONDS = 30 * 86_400.0


@dataclass(slots=True)
class CleanupState:
    """The cleanups of one tenant. Times are Unix seconds; `stored` is the part that the API server has."""

    stored: StoredStatus
    last_field: str = "lastCleanup"
    """The status field of the last cleanup."""
    run: Object | None = None
    attempts: int = 0
    """Jobs created for the claimed run so far."""
    run_stored: bool = True
    """Whether the stored run has the uid of its Job, as far as the API server keeps it."""
    before: int | None = None
    """Counted files when the run was claimed, from the last scan; None while unknown."""
    in_doubt: bool = False
    """Whether another Job of the claimed run may exist whose result nobody has read."""
    held_back: bool = False
    """Whether the run under way removes less than it could, because the circuit breaker is open."""
    last_time: float | None = None
    last_outcome: str | None = None
    """Both are read at every scrape."""
    cooldown_until: float | None = None
    emergency_cooldown_until: float | None = None
    hold_until: float = 0.0
    """No automatic Emergency cleanup before this time: the last one removed nothing."""
    purge_after: float = 0.0
    """No purge before this time: one that could not remove its files is not repeated at once."""
    _last: bytes | None = None
    _history: bytes | None = None
    """Entries that are not in the status yet; None once they are stored."""
    _restore: Object | None = None
    """A restore since the status was loaded."""

    @property
    def last(self) -> Object | None:
        """The last cleanup, as in the status. Do not change it in place."""
        if self._last is None:
            return self.stored.field(self.last_field) or None
        found: Object | None = unpack(self._last)
        return found

    @property
    def last_restore(self) -> Object | None:
        """The last restore from an archive, as in the status. Do not change it in place."""
        return self._restore or self.stored.status.get("lastRestore") or None

    def restored(self, entry: Object) -> None:
        """Record how a restore ended."""
        self._restore = entry
        self.stored.want_write()

    @property
    def history(self) -> list[Object]:
        """The last cleanups, newest first. Do not change them in place."""
        listed = (
            self.stored.status.get("history") if self._history is None else unpack(self._history)
        )
        return listed or []

    @property
    def failing(self) -> bool:
        """Whether the last cleanup failed, or too many in a row were killed."""
        if self.last_outcome != KILLED:
            return self.last_outcome == FAILED
        return are_failing([str(entry.get("outcome")) for entry in self.history])

    def claim(self, run: Object, before: int | None = None) -> None:
        """Claim a run: it is written to the status before its Job is created. `before` counts the files now."""
        self.run = run
        self.before = before
        self.in_doubt = False

    def created(self, uid: str) -> None:
        """Record the Job of the claimed run; its uid lets any operator read its result."""
        self.run = (self.run or {}) | {"uid": uid}
        self.run_stored = False

    def mark_run_stored(self) -> None:
        """Record that the run's Job is in the stored status."""
        self.run_stored = True

    def doubt(self) -> None:
        """Record that another Job of the claimed run may exist."""
        self.in_doubt = True

    def hold_back(self, held_back: bool) -> None:
        """Record whether the run removes less than it could."""
        self.held_back = held_back

    def attempt(self) -> int:
        """Count a Job of the claimed run that had no result; return how many there were."""
        self.attempts += 1
        return self.attempts

    def end(self, entry: Object, detail: Object) -> None:
        """End the claimed run: put its entry at the head of the history. `detail` is kept of the last run only."""
        self.record(entry, detail)
        self.run = self.before = None
        self.attempts = 0
        self.in_doubt = self.held_back = False

    def count_around(self) -> Object:
        """Return the count before the claimed run, if known; the next scan adds the count after it."""
        return {} if self.before is None else {"before": self.before}

    def count_after(self, counted: int | None) -> None:
        """Enter the count of the first scan after a run that was killed."""
        if self.last_outcome != KILLED or counted is None:
            return
        last = self.last or {}
        if "after" in last:
            return
        history = self.history
        if not history or mark(history[0]) != mark(last):
            return
        self._history = pack([history[0] | {"after": counted}, *history[1:]])
        self._last = pack(last | {"after": counted})

    def record(self, entry: Object, detail: Object) -> None:
        """Put a finished cleanup at the head of the history."""
        self._history = pack([entry, *self.history][:HISTORY_LENGTH])
        self._last = pack(entry | detail)
        self._sum_up(self.last or {})

    def recorded(self) -> None:
        """Drop the entries that are in the stored status now."""
        if self._last is None and self._history is None:
            return
        stored = self.stored.status
        if (stored.get(self.last_field), stored.get("history")) == (self.last, self.history):
            self._last = self._history = None

    def sum_up(self) -> None:
        """Read time and outcome of the last cleanup from the stored status, unless a later one is not written yet."""
        if self._last is None:
            self._sum_up(self.last or {})

    def _sum_up(self, entry: Object) -> None:
        self.last_time = from_rfc3339(entry.get("time"))
        outcome = entry.get("outcome")
        self.last_outcome = None if outcome is None else sys.intern(outcome)

    def cool(self, now: float, cooldown: float) -> None:
        """Start the cooldown, in seconds."""
        self.cooldown_until = now + cooldown

    def cool_emergency(self, now: float, cooldown: float) -> None:
        """Start the cooldown of Emergency cleanups, in seconds."""
        self.emergency_cooldown_until = now + cooldown

    def fruitless(self, now: float) -> None:
        """Delay automatic Emergency cleanups: the last one removed nothing."""
        self.hold_until = now + FRUITLESS_SECONDS

    def purged(self, now: float) -> None:
        """Delay the next purge."""
        self.purge_after = now + PURGE_AGAIN_SECONDS

    def load(self, status: Object) -> None:
        """Load a stored status."""
        self._last = self._history = self._restore = None
        self.sum_up()
        run = status["run"] or {}
        claimed = RUN_ID.fullmatch(run.get("id", "")) and run.get("reason") in CLEANUP_REASONS
        self.run = run if claimed else None
        # The count in the status is from before the run, unless a scan was written since.
        scanned = from_rfc3339(status["lastScanTime"])
        begun = from_rfc3339(run.get("startTime"))
        unmoved = claimed and scanned is not None and begun is not None and scanned <= begun
        self.before = self.stored.counted if unmoved else None
        self.run_stored = True
        self.cooldown_until = from_rfc3339(status["cooldownUntil"])
        self.emergency_cooldown_until = from_rfc3339(status["emergencyCooldownUntil"])

    def shift(self, step: float) -> None:
        """Move the times with the clock."""
        for name in ("cooldown_until", "emergency_cooldown_until", "hold_until", "purge_after"):
            when = getattr(self, name)
            setattr(self, name, when + step if when else when)

    def cut(self, now: float, cooldown: float | None, emergency_cooldown: float | None) -> None:
        """Cut times that lie too far in the future; cooldowns are None while the spec is invalid."""
        longest = {
            "cooldown_until": _COOLDOWN_MAX_SECONDS if cooldown is None else cooldown,
            "emergency_cooldown_until": (
                _COOLDOWN_MAX_SECONDS if emergency_cooldown is None else emergency_cooldown
            ),
            "hold_until": _PAUSE_MAX_SECONDS,
            "purge_after": _PAUSE_MAX_SECONDS,
        }
        for name, seconds in longest.items():
            when = getattr(self, name)
            if when is not None and when > now + seconds:
                setattr(self, name, now + seconds)


def mark(entry: Object | None) -> tuple[Any, ...]:
    """Return a value that differs between cleanups, even if an API server with an older CRD has pruned the entry."""
    entry = entry or {}
    return entry.get("run"), entry.get("time"), entry.get("reason"), entry.get("outcome")

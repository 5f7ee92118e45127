"""The findings of scans in one tenant's directory, and their times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.conditions.conditions import find
from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.job.result import ScanResult
from baileys_janitor.policy.ages.running_text import decode
from baileys_janitor.schedule import growth
from baileys_janitor.tenants import running_time
from baileys_janitor.tenants.run_as import RunAs

Object = dict[str, Any]

AGREEING_LOOKS = 3
AGREEING_SECONDS = 30.0
"""creds.json counts as corrupt when this many scans over at least this many seconds found the same bad file. Baileys
writes it in place, so a reader sometimes sees a truncated file although nothing is wrong."""


RE_PAIRED_SECONDS = 86_400.0
"""How long a change of identity is reported."""


@dataclass(slots=True)
class Suspicion:
    """Successive scans that found the same creds.json unreadable."""

    token: str
    since: float
    looks: int


@dataclass(slots=True)
class ScanState:
    """The last scan of a directory, and knowledge from several scans. Times are Unix seconds."""

    look: ScanResult | None = None
    last_scan: float | None = None
    running: str | None = None
    """The memory of its running time, as `policy.running_text` writes it."""
    active_since: float | None = None
    """The start of the latest stretch of traffic, for people; None while it is stopped or nothing is known."""
    growth: float | None = None
    burst: float = 0.0
    """The growth a day of the last observation alone: growth that has just begun must not be averaged away."""
    anchor: tuple[float, int] | None = None
    """The count (time, counted) that growth is measured from."""
    fingerprint: str = ""
    re_paired: tuple[float, str] | None = None
    suspicion: Suspicion | None = None
    trash: tuple[int, float] | None = None
    """Runs in the trash, and the time of the oldest of them."""
    begun_at: float | None = None
    """When the scan that was recorded last began: the interval counts from here."""
    checked_at: float | None = None
    """When a scan was last made, or skipped because nothing uses the claim."""
    unused_since: float | None = None
    """Since when no running pod has used the claim."""
    owner: RunAs | None = None
    """The user of the pod that last wrote to the claim; kept while the workload is scaled down, too."""

    @property
    def counts(self) -> bool:
        """Whether the last scan counted the files; False before it and if it failed."""
        return self.look is not None and self.look.error is None and self.look.counted is not None

    @property
    def counted(self) -> int:
        """Counted files at the last scan."""
        return (self.look.counted or 0) if self.look is not None else 0

    @property
    def reclaimable(self) -> int:
        """Files that the retention would have removed at the last scan."""
        return (self.look.reclaimable or 0) if self.look is not None else 0

    @property
    def suspected(self) -> bool:
        """Whether creds.json may be corrupt."""
        return self.suspicion is not None

    def is_corrupt(self, now: float) -> bool:
        """Return whether successive scans agree that creds.json is corrupt."""
        doubt = self.suspicion
        return (
            doubt is not None
            and doubt.looks >= AGREEING_LOOKS
            and now - doubt.since >= AGREEING_SECONDS
        )

    def take(
        self,
        look: ScanResult,
        now: float,
        longest_age: float | None,
        boot: running_time.Boot | None,
    ) -> None:
        """Record a scan that counted the files.

        `longest_age` is the tenant's longest age limit in seconds, None while its spec is invalid; `boot` identifies
        this machine's boot.
        """
        self.look = look
        self.checked_at = now
        self.take_trash(look.trash_runs, look.trash_oldest, now)
        self.last_scan = now
        if longest_age is not None:
            self.running = running_time.remember(self.running, look, longest_age, boot)
        if look.identity_state == "Paired" and not look.skewed:
            if look.looked is not None:
                since = running_time.active_since(self.running)
                self.active_since = None if since is None else float(min(since, now))
            self._identify(look.fingerprint, now)
        self._suspect(look, now)
        self._grow(look.counted, now)

    def take_trash(self, runs: int | None, oldest: int | None, now: float) -> None:
        """Record the content of the trash. Without a time of the oldest run, use the time it was first seen."""
        if runs is None:
            return
        known = self.trash[1] if self.trash is not None and self.trash[0] else now
        self.trash = (runs, min(float(oldest), now) if oldest is not None else known)

    def _identify(self, fingerprint: str, now: float) -> None:
        if self.fingerprint and fingerprint and fingerprint != self.fingerprint:
            self.re_paired = (now, self.fingerprint)
            self.anchor = self.growth = None
        self.fingerprint = fingerprint or self.fingerprint

    def _suspect(self, look: ScanResult, now: float) -> None:
        if look.identity_state != "Corrupt":
            self.suspicion = None
        elif self.suspicion is not None and self.suspicion.token == look.creds_token:
            self.suspicion.looks += 1
        else:
            self.suspicion = Suspicion(look.creds_token, now, 1)

    def _grow(self, counted: int | None, now: float) -> None:
        if counted is None:
            return
        if self.anchor is None or counted < self.anchor[1]:
            self.anchor = (now, counted)
            return
        since, before = self.anchor
        if now - since >= growth.LEAST_SPAN_SECONDS:
            self.burst = growth.observed(counted - before, now - since)
            self.growth = growth.smoothed(self.growth, counted - before, now - since)
            self.anchor = (now, counted)

    def cleaned(self) -> None:
        """Restart the measurement of growth: files were removed."""
        self.anchor = None

    def use(self, used: bool, now: float) -> None:
        """Record whether a running pod uses the claim."""
        self.unused_since = None if used else (self.unused_since or now)

    def run_as(self, owner: RunAs | None) -> None:
        """Record the user of the pod that writes to the claim."""
        self.owner = owner

    def skip(self, now: float) -> None:
        """Record that a due scan was skipped as needless."""
        self.checked_at, self.begun_at = now, None

    def begin(self, when: float) -> None:
        """Record when the scan that was recorded last began."""
        self.begun_at = when

    def unplaced(self, now: float) -> None:
        """Record that a tenant could not be scanned because of a problem with its claim."""
        self.checked_at = self.checked_at or now

    def resume(self, now: float) -> None:
        """Count missed scans from now on: none was missed while scans were suspended."""
        if self.checked_at is not None:
            self.checked_at = now

    def forget(self) -> None:
        """Forget what was learned of another directory: its activity is no evidence for this one's ages."""
        self.look = None
        self.last_scan = self.active_since = self.growth = None
        self.running = None
        self.burst = 0.0
        self.anchor = self.re_paired = self.suspicion = self.trash = None
        self.fingerprint = ""
        self.unused_since = self.checked_at = self.begun_at = None
        self.owner = None

    def load(self, status: Object) -> None:
        """Load a stored status."""
        self.last_scan = from_rfc3339(status["lastScanTime"])
        running = status["running"]
        self.running = running if decode(running) is not None else None
        self.active_since = from_rfc3339(status["activeSince"])
        self.growth = status["growthPerDay"]
        identity = status["identity"] or {}
        self.fingerprint = identity.get("fingerprint") or ""
        self._load_suspicion(identity, status["conditions"])
        trash = status["trash"] or {}
        oldest, runs = from_rfc3339(trash.get("oldestTime")), trash.get("runs")
        self.trash = (runs, oldest) if runs and oldest is not None else None

    def _load_suspicion(self, identity: Object, conditions: list[Object] | None) -> None:
        since = from_rfc3339(identity.get("suspectSince"))
        self.suspicion = None
        if since is not None:
            # The number of agreeing scans is not stored: assume enough if corruption was already published, else one.
            said = find(conditions, "CredentialsCorrupt") or {}
            looks = AGREEING_LOOKS if said.get("status") == "True" else 1
            self.suspicion = Suspicion(identity.get("credsToken") or "", since, looks)

    def shift(self, step: float) -> None:
        """Move the times of this operator's clock; times from the volume stay."""
        self.last_scan = _moved(self.last_scan, step)
        self.begun_at = _moved(self.begun_at, step)
        self.checked_at = _moved(self.checked_at, step)
        self.unused_since = _moved(self.unused_since, step)
        if self.anchor is not None:
            self.anchor = (self.anchor[0] + step, self.anchor[1])
        if self.re_paired is not None:
            self.re_paired = (self.re_paired[0] + step, self.re_paired[1])
        if self.suspicion is not None:
            self.suspicion.since += step

    def cut(self, now: float) -> None:
        """Cut times in the future: a wrong clock has written them."""
        self.last_scan = _cut(self.last_scan, now)
        self.begun_at = _cut(self.begun_at, now)
        self.checked_at = _cut(self.checked_at, now)
        self.unused_since = _cut(self.unused_since, now)
        self.active_since = _cut(self.active_since, now)
        if self.anchor is not None and self.anchor[0] > now:
            self.anchor = None
        if self.re_paired is not None and self.re_paired[0] > now:
            self.re_paired = (now, self.re_paired[1])
        if self.suspicion is not None:
            self.suspicion.since = min(self.suspicion.since, now)
        if self.trash is not None and self.trash[1] > now:
            self.trash = (self.trash[0], now)


def _moved(when: float | None, step: float) -> float | None:
    return when + step if when else when


def _cut(when: float | None, now: float) -> float | None:
    return None if when is None else min(when, now)

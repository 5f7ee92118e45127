"""The protocol of a tenant that the schedule reads; the controller's record implements it, and others may."""

from __future__ import annotations

from typing import Any, Protocol

from baileys_janitor.api.config.effective import EffectiveSettings

Object = dict[str, Any]


class FaultState(Protocol):
    """Why a tenant cannot be scanned or cleaned."""

    @property
    def reason(self) -> str:
        """A condition's reason."""

    @property
    def stalled(self) -> bool:
        """Whether no automatic action runs until it is over."""


class ResourceState(Protocol):
    """The resource."""

    @property
    def request(self) -> str | None:
        """The token of the latest request, handled or not."""

    @property
    def unknown(self) -> str | None:
        """Why an annotation is invalid, or None."""

    @property
    def generation(self) -> int:
        """The generation of the spec."""

    @property
    def seen_at(self) -> float | None:
        """When this process first saw the tenant."""


class StoredState(Protocol):
    """The stored status."""

    @property
    def level(self) -> str | None:
        """Its level."""

    @property
    def generation(self) -> int:
        """The generation of the spec that it describes."""

    @property
    def readiness(self) -> str | None:
        """The reason of its condition Ready."""

    @property
    def signs(self) -> tuple[str, ...]:
        """The conditions that are True, except Ready and the level."""

    @property
    def counted(self) -> int | None:
        """Its count."""

    @property
    def promises(self) -> tuple[float | None, float | None]:
        """When the next scan and the next cleanup are due according to it."""

    @property
    def written_at(self) -> float:
        """When it was written."""

    @property
    def stale(self) -> bool:
        """Whether it must be read again before use."""


class Look(Protocol):
    """The findings of a scan."""

    @property
    def identity_state(self) -> str | None:
        """State of the credentials: Paired, Unpaired, Corrupt, TooLarge or Absent."""

    @property
    def gain(self) -> int | None:
        """By how many files an Emergency cleanup would lower the count."""

    @property
    def free_bytes(self) -> int | None:
        """Free bytes of the volume, if known."""


class ScanTimes(Protocol):
    """The findings of scans, and their times."""

    @property
    def look(self) -> Look | None:
        """The last scan."""

    @property
    def counts(self) -> bool:
        """Whether the last scan counted the files."""

    @property
    def counted(self) -> int:
        """Counted files."""

    @property
    def reclaimable(self) -> int:
        """Files that a cleanup would remove."""

    @property
    def growth(self) -> float | None:
        """Counted files a day."""

    @property
    def burst(self) -> float:
        """The same for the last observation alone."""

    @property
    def suspected(self) -> bool:
        """Whether creds.json may be corrupt."""

    @property
    def last_scan(self) -> float | None:
        """When files were last counted, by any process."""

    @property
    def begun_at(self) -> float | None:
        """When the last scan began."""

    @property
    def checked_at(self) -> float | None:
        """When a scan was last made or skipped as needless."""

    @property
    def unused_since(self) -> float | None:
        """Since when no pod has used the claim."""

    @property
    def trash(self) -> tuple[int, float] | None:
        """Runs in the trash, and the time of the oldest."""


class CopyTimes(Protocol):
    """The kept copies of creds.json."""

    @property
    def newest_of_pairing(self) -> float | None:
        """When the newest copy of the tenant's current pairing was kept; None without one."""

    @property
    def changed_since(self) -> float | None:
        """Since when creds.json is known to differ from that copy; None while it does not."""

    @property
    def tried_at(self) -> float | None:
        """When a Job last ran and kept none."""

    @property
    def failures(self) -> int:
        """Failed attempts in a row."""

    @property
    def passing(self) -> bool:
        """Whether the reason of the failure passes by itself."""

    @property
    def waiting(self) -> bool:
        """Whether a copy is due and waits in the job queue."""


class CleanupTimes(Protocol):
    """The last cleanups, and the pauses after them."""

    @property
    def last(self) -> Object | None:
        """The last cleanup's entry."""

    @property
    def history(self) -> list[Object]:
        """The last entries, newest first."""

    @property
    def cooldown_until(self) -> float | None:
        """The end of the cooldown."""

    @property
    def emergency_cooldown_until(self) -> float | None:
        """The end of the cooldown of Emergency cleanups."""

    @property
    def hold_until(self) -> float:
        """Until when Emergency cleanups wait after a fruitless one."""

    @property
    def purge_after(self) -> float:
        """Until when purges wait."""


class TimerState(Protocol):
    """Handled slots and requests."""

    @property
    def trigger_slot(self) -> float | None:
        """The last handled slot of the trigger timer."""

    @property
    def daily_slot(self) -> float | None:
        """The last handled cron time of the daily cleanup."""

    @property
    def handled_request(self) -> str | None:
        """The last handled token."""

    @property
    def request_time(self) -> float:
        """The earliest time for a requested cleanup."""


class BackoffState(Protocol):
    """Pauses after faults."""

    @property
    def retry_at(self) -> float:
        """No Job before this time."""


class JobsUnderWay(Protocol):
    """The tenant's Jobs under way."""

    @property
    def scan(self) -> str | None:
        """The scan under way."""

    @property
    def scan_since(self) -> float:
        """When that scan began."""

    @property
    def work(self) -> str | None:
        """The cleanup or purge under way."""

    @property
    def waiting(self) -> bool:
        """Whether a scan is due and waits in the job queue."""

    @property
    def rescan(self) -> bool:
        """Whether a scan is wanted at once."""


class QueueState(Protocol):
    """When the tenant was last considered."""

    @property
    def considered_at(self) -> float:
        """When the last decision was made."""


class TenantState(Protocol):
    """One tenant. Times are Unix seconds."""

    @property
    def namespace(self) -> str:
        """The group of tenants that start together."""

    @property
    def text(self) -> str:
        """The tenant's full name: the key of all spreading."""

    @property
    def new(self) -> bool:
        """Whether no status was ever stored for it."""

    @property
    def effective(self) -> EffectiveSettings | None:
        """The settings in force; None while they are invalid."""

    @property
    def run(self) -> Object | None:
        """The claimed cleanup."""

    @property
    def fault(self) -> FaultState | None:
        """Why it cannot be scanned or cleaned."""

    @property
    def invalid(self) -> FaultState | None:
        """Why the spec is invalid."""

    @property
    def resource(self) -> ResourceState: ...
    @property
    def stored(self) -> StoredState: ...
    @property
    def scan(self) -> ScanTimes: ...
    @property
    def copies(self) -> CopyTimes: ...
    @property
    def cleanup(self) -> CleanupTimes: ...
    @property
    def timers(self) -> TimerState: ...
    @property
    def backoff(self) -> BackoffState: ...
    @property
    def jobs(self) -> JobsUnderWay: ...
    @property
    def queue(self) -> QueueState: ...

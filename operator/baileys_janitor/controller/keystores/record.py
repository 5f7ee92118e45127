"""The record of one key store: like a tenant's record, with other findings. Times are Unix seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from baileys_janitor.api.keystores.merge import EffectiveKeyStore
from baileys_janitor.api.keystores.status import KeyStoreStatus
from baileys_janitor.api.names import STORE_KIND, STORE_PLURAL
from baileys_janitor.api.values.decoding import StatusReader
from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.controller.keystores.backup_state import StoreBackups
from baileys_janitor.schedule.cleanup_times import PAIRED
from baileys_janitor.tenants.cleanup_state import CleanupState
from baileys_janitor.tenants.record import BaseRecord, Bounded
from baileys_janitor.tenants.stored_status import StoredStatus

Object = dict[str, Any]

READER = StatusReader(KeyStoreStatus)
"""Reads the statuses of key stores."""
FOUND = ("keys", "table", "sessions")
"""Fields of the status that a scan fills."""


@dataclass(frozen=True, slots=True)
class StoreLook:
    """The findings of a scan of the database: the fields `FOUND` of the status, and values for the schedule."""

    found: Object
    total: int
    expired: int
    layout_fault: str | None = None
    """Why nothing can be removed although the keys were counted; a sentence with the way out."""

    @property
    def identity_state(self) -> str:
        """State of the credentials; the Job judges each session's own."""
        return PAIRED

    @property
    def gain(self) -> int | None:
        """Gain of an Emergency cleanup: a store has none."""
        return None

    @property
    def free_bytes(self) -> int | None:
        """Free bytes of a volume: a store has none."""
        return None


@dataclass(slots=True)
class StoreScan:
    """The last scan of a database, and its time."""

    look: StoreLook | None = None
    last_scan: float | None = None
    begun_at: float | None = None
    checked_at: float | None = None

    growth: ClassVar[float | None] = None
    burst: ClassVar[float] = 0.0
    suspected: ClassVar[bool] = False
    unused_since: ClassVar[float | None] = None
    trash: ClassVar[tuple[int, float] | None] = None

    @property
    def counts(self) -> bool:
        """Whether the last scan counted the keys."""
        return self.look is not None

    @property
    def counted(self) -> int:
        """Keys at the last scan."""
        return 0 if self.look is None else self.look.total

    @property
    def reclaimable(self) -> int:
        """Keys that a cleanup would remove; none if the layout permits no cleanup."""
        if self.look is None or self.look.layout_fault is not None:
            return 0
        return self.look.expired

    def take(self, look: StoreLook, now: float, begun: float) -> None:
        """Record a scan."""
        self.look, self.last_scan, self.checked_at, self.begun_at = look, now, now, begun

    def forget(self) -> None:
        """Forget the findings of another database."""
        self.look = self.last_scan = self.checked_at = self.begun_at = None

    def load(self, status: Object) -> None:
        """Load a stored status."""
        self.last_scan = from_rfc3339(status["lastScanTime"])

    def shift(self, step: float) -> None:
        """Move the times with the clock."""
        for name in ("last_scan", "begun_at", "checked_at"):
            when = getattr(self, name)
            setattr(self, name, when + step if when else when)

    def cut(self, now: float) -> None:
        """Cut times in the future."""
        for name in ("last_scan", "begun_at", "checked_at"):
            when = getattr(self, name)
            setattr(self, name, None if when is None else min(when, now))


@dataclass(slots=True)
class KeyStoreRecord(BaseRecord[EffectiveKeyStore]):
    """One `BaileysKeyStore`."""

    kind: ClassVar[str] = STORE_KIND
    plural: ClassVar[str] = STORE_PLURAL
    log_field: ClassVar[str] = "keyStore"
    unit: ClassVar[str] = "key"

    stored: StoredStatus = field(default_factory=lambda: StoredStatus(READER))
    scan: StoreScan = field(default_factory=StoreScan)
    backup: StoreBackups = field(default_factory=StoreBackups)

    def __post_init__(self) -> None:
        self.cleanup = CleanupState(self.stored, "lastRun")

    @property
    def last_scan(self) -> float | None:
        """When its keys were last counted, by any process."""
        return self.scan.last_scan

    @property
    def found(self) -> tuple[int, int] | None:
        """The keys of the last scan, and how many of them can be removed; None before the first scan."""
        return (self.scan.counted, self.scan.reclaimable) if self.scan.counts else None

    def load(self, stored: Object | None) -> None:
        """Load the stored status. Values of a wrong type or out of bounds are dropped, and learned again."""
        self.stored.take_anew(stored or {})
        status = {name: READER.field(stored, name) for name in _LOADED}
        self.scan.load(status)
        self.cleanup.load(status | {"emergencyCooldownUntil": None})
        self.timers.load(status)
        self.backup.load(status["backup"] or {})
        # Work that another process began begins again.
        self.backup.release()

    def _parts(self) -> tuple[Bounded, ...]:
        return (*BaseRecord._parts(self), self.scan)


_LOADED = ("lastScanTime", "run", "timers", "cooldownUntil", "lastHandledRequest", "backup")
"""Fields of the status that `load` reads."""

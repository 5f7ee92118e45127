"""Tenants without a cluster, and an engine as far as metrics look at one."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from prometheus_client.parser import text_string_to_metric_families

from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs.tracker import JobTracker
from baileys_janitor.controller.operations.cache import OperationCache
from baileys_janitor.controller.quiesce.manager import Stopped
from baileys_janitor.controller.reconciler import Reconciler
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.job.result import ScanResult
from baileys_janitor.schedule.circuit_breaker import Hold
from baileys_janitor.status import compose
from baileys_janitor.status.changes import ChangeBus
from baileys_janitor.tenants import record_result
from baileys_janitor.tenants.record import TenantRecord
from tests.controller.pure.world import CONFIG, CONTEXT, NOW, body, look

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass
class StandingClock:
    """Time that a test moves."""

    time: float = NOW

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


@dataclass
class Heart:
    """The engine's face."""

    cache: TenantCache = field(default_factory=lambda: TenantCache(CONFIG))
    tracker: JobTracker = field(default_factory=JobTracker)
    bus: ChangeBus = field(default_factory=ChangeBus)
    queue: list[TenantRecord] = field(default_factory=list)
    held: Hold | None = None
    stopped: list[Stopped] = field(
        default_factory=lambda: [Stopped("shop", "acme", "deployment/bot", 0.0)]
    )
    time: float = NOW

    def __post_init__(self) -> None:
        self.crashes = CrashHandler(StandingClock(), self.bus)
        self.operations = SimpleNamespace(
            quiesce=SimpleNamespace(stopped=lambda _: self.stopped), cache=OperationCache()
        )

    def now(self) -> float:
        return self.time

    def operation(
        self, name: str, action: str, tenant: str = "acme", age: float = 0.0, **status: Any
    ) -> None:
        """An operation that was created so many seconds ago."""
        meta = {"namespace": "shop", "name": name, "uid": name, "resourceVersion": "1"}
        meta["creationTimestamp"] = to_rfc3339(self.time - age)
        spec = {"tenant": tenant, "action": action}
        observed = {"metadata": meta, "spec": spec, "status": status}
        self.operations.cache.observe(observed, self.time)

    def holds(self, _: float) -> Hold | None:
        return self.held

    @property
    def reconciler(self) -> Reconciler:
        return cast(Reconciler, self)

    def tenant(
        self, name: str = "acme", found: ScanResult | None = None, **spec: Any
    ) -> TenantRecord:
        """A tenant that was scanned and whose status is stored."""
        known = self.cache.observe(body(spec, name=name, uid=name), NOW)
        record_result.scanned(known, found or look(), NOW, used=True)
        store(known)
        return known


def store(known: TenantRecord, now: float = NOW) -> None:
    """Have the status written."""
    known.take_stored(compose.compose(known, now, CONTEXT))


def series(text: str) -> Series:
    """Every sample by its name and labels; a series that is there twice fails."""
    found: Series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, key
            found[key] = float(sample.value)
    return found


def of(found: Series, name: str, **labels: str) -> float | None:
    """The one sample of that name with at least these labels, or None."""
    values = [
        value
        for (sample, has), value in found.items()
        if sample == name and labels.items() <= set(has)
    ]
    assert len(values) < 2, values
    return values[0] if values else None

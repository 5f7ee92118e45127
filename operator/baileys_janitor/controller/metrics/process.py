"""The registry of the operator's own metrics: counters of its actions, and gauges of its present state.

Each process has a registry of its own. A standby serves it as well: it reports that it does not lead.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from baileys_janitor import __version__
from baileys_janitor.controller.metrics import scheduling
from baileys_janitor.controller.metrics.key_stores import KeyStoreMetrics
from baileys_janitor.controller.metrics.scheduling import gauge
from baileys_janitor.controller.metrics.tenant_sets import SetMetrics
from baileys_janitor.controller.shards.layout import ALL, Shards
from baileys_janitor.metrics import definitions
from baileys_janitor.metrics.definitions import (
    ACTIONS,
    ENDINGS,
    JOB_BUCKETS_SECONDS,
    OTHER,
    REASONS,
    UNANSWERED,
    UNTOLD,
    WHY,
    Definition,
)
from baileys_janitor.policy.files.file_kinds import KINDS, REMOVABLE_KINDS
from baileys_janitor.status.changes import (
    CRASH_SITES,
    Change,
    CleanupFinished,
    Crashed,
    JobEnded,
    OperationChanged,
)

if TYPE_CHECKING:
    from baileys_janitor.controller.clock import Clock
    from baileys_janitor.controller.reconciler import Reconciler


class OperatorMetrics(Collector):
    """All metrics that are not a tenant's, in a registry. `reconciler` is set while this operator leads."""

    def __init__(self, clock: Clock, shards: int = 1) -> None:
        # The creation time of each counter would double the series, and process_start_time_seconds has the same.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry(auto_describe=False)
        self.reconciler: Reconciler | None = None
        self._shards = Shards(shards, frozenset())
        self._clock = clock
        self._failing: Callable[[], Mapping[str, bool]] | None = None
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.registry.register(self)
        self.key_stores = KeyStoreMetrics(self.registry)
        self.tenant_sets = SetMetrics(self.registry)
        self._cleanups = self._counter(definitions.CLEANUPS)
        self._operations = self._counter(definitions.OPERATIONS)
        self._removed = self._counter(definitions.REMOVED)
        self._freed = self._counter(definitions.FREED)
        self._durations = Histogram(
            definitions.DURATION.name,
            definitions.DURATION.help,
            definitions.DURATION.labels,
            buckets=JOB_BUCKETS_SECONDS,
            registry=self.registry,
        )
        self._members = self._counter(definitions.MEMBERS)
        self._failures = self._counter(definitions.FAILURES)
        self._crashes = self._counter(definitions.CRASHES)
        self._requests = self._counter(definitions.REQUESTS)
        self._notifications = self._counter(definitions.NOTIFICATIONS)
        # Start at zero, so that the first increment counts in a rate.
        for reason, outcome in itertools.product(WHY, ENDINGS):
            self._cleanups.labels(reason, outcome)
        for asked, phase in itertools.product(definitions.ASKED, definitions.OVER):
            self._operations.labels(asked, phase)
        for site in CRASH_SITES:
            self._crashes.labels(site)
        for kind in sorted(REMOVABLE_KINDS):
            self._removed.labels(kind)
        for action in ACTIONS:
            self._durations.labels(action)
            self._members.labels(action)

    def _counter(self, of: Definition) -> Counter:
        return Counter(of.name, of.help, of.labels, registry=self.registry)

    def leads(self, reconciler: Reconciler, shards: Shards = ALL) -> None:
        """Report the tenants and changes of this reconciler, which manages these shards, from now on."""
        self.reconciler = reconciler
        self._shards = shards
        reconciler.bus.subscribe(self.listen)

    def stands_by(self) -> None:
        """Report no tenants from now on: another operator does."""
        self.reconciler = None
        self._shards = Shards(self._shards.count, frozenset())
        self._failing = None
        self.key_stores.stands_by()
        self.tenant_sets.stands_by()

    def answered(self, verb: str, _url: str, status: int) -> None:
        """Count a request to the API server; `status` 0 means no answer."""
        self._requests.labels(verb, str(status) if status else UNANSWERED).inc()

    def notifies(self, channels: Iterable[str]) -> Callable[[str, str], None]:
        """Return the function that counts a message to one of these channels: its name, and sent or failed."""
        for channel, outcome in itertools.product(channels, definitions.NOTIFIED):
            self._notifications.labels(channel, outcome)
        return lambda channel, outcome: self._notifications.labels(channel, outcome).inc()

    def watches_channels(self, failing: Callable[[], Mapping[str, bool]]) -> None:
        """Report from now on the channels, by name, whose messages fail."""
        self._failing = failing

    def listen(self, change: Change) -> None:
        """Count a change."""
        if isinstance(change, CleanupFinished):
            self._cleaned(change)
        elif isinstance(change, OperationChanged):
            if change.phase in definitions.OVER:
                action = change.action if change.action in definitions.ASKED else OTHER
                self._operations.labels(action, change.phase).inc()
        elif isinstance(change, Crashed):
            self._crashes.labels(change.where if change.where in CRASH_SITES else OTHER).inc()
        elif isinstance(change, JobEnded):
            action = change.action if change.action in ACTIONS else OTHER
            self._durations.labels(action).observe(change.seconds)
            self._members.labels(action).inc(change.members)
            if change.outcome != "Completed":
                self._failures.labels(action, self._bounded(change.outcome)).inc()

    def _cleaned(self, change: CleanupFinished) -> None:
        entry = change.entry
        reason, outcome = entry.get("reason"), entry.get("outcome")
        self._cleanups.labels(
            reason if reason in WHY else OTHER, outcome if outcome in ENDINGS else OTHER
        ).inc()
        if outcome == "DryRun":
            return
        by_kind = {k: int(n) for k, n in (entry.get("removedByKind") or {}).items() if k in KINDS}
        for kind, count in by_kind.items():
            self._removed.labels(kind).inc(count)
        # A result that was short of room omits the kinds.
        untold = int(entry.get("removed") or 0) - sum(by_kind.values())
        if untold > 0:
            self._removed.labels(UNTOLD).inc(untold)
        self._freed.inc(int(entry.get("freedBytes") or 0))

    @staticmethod
    def _bounded(reason: str) -> str:
        return reason if reason in REASONS else OTHER

    def collect(self) -> Iterator[Metric]:
        """Yield the values read at a scrape."""
        yield gauge(definitions.BUILD_INFO, {(__version__,): 1})
        yield gauge(definitions.LEADER, {(): int(self.reconciler is not None)})
        every = range(self._shards.count) if self._shards.count > 1 else ()
        held: dict[tuple[str, ...], float] = {
            (str(shard),): shard in self._shards.held for shard in every
        }
        yield gauge(definitions.SHARD_HELD, held)
        yield from scheduling.families(self.reconciler)
        failing = self._failing() if self._failing is not None else {}
        yield gauge(definitions.FAILING, {(name,): int(does) for name, does in failing.items()})

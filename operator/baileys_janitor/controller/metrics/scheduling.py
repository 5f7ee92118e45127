"""Metrics of the whole fleet and of the operator's delays; their number does not grow with the tenants."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric

from baileys_janitor.metrics import definitions
from baileys_janitor.metrics.definitions import Definition
from baileys_janitor.metrics.tenants import LEVEL_NUMBERS
from baileys_janitor.schedule import scan_times
from baileys_janitor.status import level_and_ready
from baileys_janitor.tenants.record import TenantRecord

if TYPE_CHECKING:
    from baileys_janitor.controller.operations.cache import OperationCache
    from baileys_janitor.controller.reconciler import Reconciler


def lateness(tenant: TenantRecord, now: float) -> float | None:
    """Return for how many seconds work for the tenant has been due and has not begun; None if none is due."""
    if tenant.jobs.waiting:
        due = tenant.queue.considered_at
        if (
            tenant.scan.checked_at is not None
            and tenant.effective is not None
            and not tenant.jobs.rescan
        ):
            due = max(
                tenant.scan.checked_at + scan_times.scan_wait(tenant), tenant.backoff.retry_at
            )
        return max(0.0, now - due)
    if tenant.queue.due is not None and tenant.queue.due <= now and not tenant.queue.busy:
        return now - tenant.queue.due
    return None


def gauge(of: Definition, values: Mapping[tuple[str, ...], float]) -> Metric:
    """Return a gauge with these values by their labels' values."""
    family = GaugeMetricFamily(of.name, of.help, labels=of.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def families(reconciler: Reconciler | None) -> Iterator[Metric]:
    """Yield the gauges computed from all tenants; without samples while this operator does not lead."""
    if reconciler is None:
        for each in definitions.LEADERS_ONLY:
            yield gauge(each, {})
        return
    now = reconciler.now()
    levels = dict.fromkeys(LEVEL_NUMBERS, 0)
    late, overlooked = 0.0, 0
    for tenant in reconciler.cache.tenants.values():
        found, waited = "Unknown", None
        with reconciler.crashes.contain("tenant", [tenant]):
            found = level_and_ready.level_of(tenant, now) or "Unknown"
            waited = lateness(tenant, now)
        levels[found] += 1
        if waited is not None:
            late = max(late, waited)
            overlooked += not tenant.jobs.waiting
    yield gauge(definitions.TENANTS, {(level,): count for level, count in levels.items()})
    yield gauge(definitions.QUEUE_DEPTH, {(): len(reconciler.queue) + overlooked})
    yield gauge(definitions.LAG, {(): late})
    yield gauge(definitions.JOBS, {(): len(reconciler.tracker)})
    yield gauge(definitions.PODS, {(): reconciler.tracker.pending})
    held = reconciler.holds(now)
    yield gauge(definitions.HELD, {(): int(held is not None and held.fleet)})
    namespaces = held.namespaces[: definitions.BREAKERS] if held is not None else ()
    yield gauge(definitions.HELD_NAMESPACES, {(name,): 1 for name in namespaces})
    stopped = reconciler.operations.quiesce.stopped(now)[: definitions.STOPPED_MOST]
    yield gauge(
        definitions.STOPPED,
        {(each.namespace, each.tenant, each.workload): each.overdue for each in stopped},
    )
    yield from _operations(reconciler.operations.cache, now)


def _operations(cache: OperationCache, now: float) -> Iterator[Metric]:
    """Yield the metrics of the operations that are not over."""
    active: dict[tuple[str, ...], float] = {
        (action, phase): 0
        for action in (*definitions.ASKED, definitions.OTHER)
        for phase in definitions.UNDER_WAY
    }
    ages: dict[tuple[str, ...], float] = {}
    for each in cache.records():
        if each.ended:  # its end is not stored yet
            continue
        action = each.action if each.action in definitions.ASKED else definitions.OTHER
        active[action, each.phase] += 1
        key = (each.namespace, each.tenant_name, action, each.phase)
        ages[key] = max(ages.get(key, 0.0), now - each.phase_since)
    oldest = heapq.nlargest(definitions.OLDEST_MOST, ages.items(), key=lambda item: item[1])
    yield gauge(definitions.ACTIVE, active)
    yield gauge(definitions.ACTIVE_SINCE, dict(oldest))

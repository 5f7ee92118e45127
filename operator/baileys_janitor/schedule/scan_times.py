"""When to scan a tenant, and when its last count is too old to be published."""

from __future__ import annotations

import math

from baileys_janitor.schedule import growth, slots
from baileys_janitor.schedule.context import Context
from baileys_janitor.schedule.tenant_state import TenantState

MISSED = 3
"""Number of missed scans after which the level is Unknown."""
START_SECONDS = 10.0
"""The first scans after a start are spread over this time."""
GATHER_SECONDS = 1.0
"""Tenants created within this time while the operator runs are gathered to share their first scan."""
RESCAN_SECONDS = 5.0
"""Minimum time between the beginnings of two scans that an edit or a cleanup requests."""
LATE = 0.5
"""Share of its interval that a scan may take before the next one is postponed."""
WAIT_MIN_SECONDS = 60.0
"""The shortest interval that `missed_time` assumes."""


def scan_wait(tenant: TenantState) -> float:
    """Return the seconds from one scan to the next."""
    assert tenant.effective is not None
    times = tenant.effective.times
    if tenant.scan.suspected or not tenant.scan.counts:
        return float(times.scan_interval)
    return growth.scan_wait(
        times.scan_interval,
        times.adaptive,
        tenant.scan.counted,
        None if tenant.scan.growth is None else max(tenant.scan.growth, tenant.scan.burst),
        tenant.effective.policy.thresholds,
    )


def scan_time(tenant: TenantState, started: float) -> float | None:
    """Return when the next scan is due (Unix seconds); None while the tenant gets none.

    After a start at `started` the first scans are spread, whatever was missed.
    """
    if tenant.effective is None or tenant.effective.suspend or tenant.jobs.scan is not None:
        return None
    if tenant.jobs.waiting:
        return None
    retry_at = tenant.backoff.retry_at
    if tenant.jobs.rescan:
        # Frequent edits of a spec do not cause a scan each second.
        begun = tenant.scan.begun_at
        return max(0.0 if begun is None else begun + RESCAN_SECONDS, retry_at)
    if tenant.scan.checked_at is None:
        return max(_first_scan(tenant, started), retry_at)
    wait = scan_wait(tenant)
    # From beginning to beginning, however long the Job took: that is the meaning of an interval.
    begun = checked = tenant.scan.checked_at
    if tenant.scan.begun_at is not None:
        begun = min(checked, max(tenant.scan.begun_at, checked - wait * LATE))
    return max(begun + wait, retry_at)


def promised_scan(tenant: TenantState, now: float, context: Context) -> float | None:
    """Return when the next scan begins, for people; None if there is none.

    While one is under way, that is when it began: its findings decide when the next one runs. A claim that nothing uses
    is looked up at each interval and scanned only after `unused_every`.
    """
    if tenant.effective is None or tenant.effective.suspend:
        return None
    if tenant.jobs.scan is not None:
        return tenant.jobs.scan_since
    if tenant.jobs.waiting:
        return now
    wait, unused_every = scan_wait(tenant), context.intervals.unused_every
    unused = tenant.scan.unused_since is not None
    due, scanned = scan_time(tenant, context.started), tenant.scan.last_scan
    if due is None or scanned is None or not unused or is_scan_needed(tenant, due, unused_every):
        return due
    due = max(due, now)  # an overdue look-up happens now, and the next ones count from there
    return due + max(0, math.ceil((scanned + unused_every - due) / wait)) * wait


def is_scan_needed(tenant: TenantState, now: float, unused_every: float) -> bool:
    """Return whether an unused claim is worth a scan Job: its files cannot change by themselves."""
    scanned, unused_since = tenant.scan.last_scan, tenant.scan.unused_since
    if tenant.jobs.rescan or tenant.scan.look is None or scanned is None or unused_since is None:
        return True
    return scanned < unused_since or now - scanned >= unused_every


def _first_scan(tenant: TenantState, started: float) -> float:
    """Return when a tenant has its first scan since `started`.

    A time that an earlier process promised is kept, and a promised cleanup does not wait for a later scan. A tenant
    with slow growth waits as long as it would have without the restart, together with its namespace: a restart is no
    reason to scan everybody at once.
    """
    assert tenant.effective is not None
    usual, latest = _usual_first_scan(tenant, started)
    if tenant.stored.generation != tenant.resource.generation:
        return usual
    promised, cleanup = tenant.stored.promises
    if promised is not None and started < promised <= latest:
        usual = promised
    if cleanup is not None and started < cleanup < usual:
        return cleanup
    return usual


def _usual_first_scan(tenant: TenantState, started: float) -> tuple[float, float]:
    """Return when the first scan is due without a promise, and the latest promise to keep."""
    assert tenant.effective is not None
    times, counted = tenant.effective.times, tenant.stored.counted
    interval = float(times.scan_interval)
    first = started + slots.spread(tenant.text, "start", min(START_SECONDS, interval))
    if tenant.scan.last_scan is None:
        usual = max(first, _gathered(tenant))
        return usual, usual
    # A scan "in the future" was written by a wrong clock.
    last = min(tenant.scan.last_scan, started)
    if times.adaptive and tenant.scan.growth is not None and counted is not None:
        limits = tenant.effective.policy.thresholds
        safe = last + growth.reach(counted, tenant.scan.growth, limits) - started
        window = min(growth.QUIET_LIMIT_SECONDS, safe)
        if window > interval:
            return started + slots.spread(tenant.namespace, "start", window), started + window
    return max(first, last + interval), max(first, started + interval)


def _gathered(tenant: TenantState) -> float:
    """Return when the first scan is due of the tenants that were created at about the same time."""
    seen_at = tenant.resource.seen_at
    return (seen_at // GATHER_SECONDS + 1.0) * GATHER_SECONDS if seen_at is not None else 0.0


def missed_time(tenant: TenantState) -> float | None:
    """Return when the last count is too old to be published."""
    checked_at = tenant.scan.checked_at
    since = tenant.resource.seen_at if checked_at is None else checked_at
    if tenant.effective is None or since is None or tenant.effective.suspend:
        return None
    wait = max(scan_wait(tenant), WAIT_MIN_SECONDS)
    if checked_at is None:
        return max(since + MISSED * wait, _first_scan(tenant, since) + (MISSED - 1) * wait)
    return since + MISSED * wait

"""When a tenant is to be looked at next, of all its timers. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from baileys_janitor.controller import due, growth
from baileys_janitor.controller.decide import pending_request
from baileys_janitor.controller.tenant import Tenant

MISSED = 3
"""Scans that may be missed before the level is called Unknown."""
AT_START = 10.0
"""Seconds over which the first scans after a start are spread."""
UNKNOWN = (None, "Unknown")
FULL = 1 << 20
"""Bytes: with less free space than this the trash is purged at once."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What the operator's configuration says of time, in seconds."""

    jitter: float
    unused_every: float
    status_every: float


def scan_wait(tenant: Tenant) -> float:
    """Return the seconds from one scan to the next."""
    assert tenant.effective is not None
    times = tenant.effective.times
    if tenant.suspicion is not None or not tenant.counts:
        return float(times.scan_interval)
    return growth.scan_wait(
        times.scan_interval,
        times.adaptive,
        tenant.counted,
        tenant.growth,
        tenant.effective.policy.thresholds,
    )


def scan_time(tenant: Tenant, started: float) -> float | None:
    """Return when the next scan is due (Unix seconds); None while the tenant gets none.

    After a start at `started` the first scans are spread, whatever was missed.
    """
    if tenant.effective is None or tenant.effective.suspend or tenant.scan_job is not None:
        return None
    if tenant.rescan:
        return tenant.retry_at
    if tenant.checked_at is None:
        spread = min(AT_START, tenant.effective.times.scan_interval)
        first = started + due.spread(tenant.text, "start", spread)
        known = (tenant.last_scan or 0.0) + tenant.effective.times.scan_interval
        return max(first, known if not tenant.new else 0.0, tenant.retry_at)
    return max(tenant.checked_at + scan_wait(tenant), tenant.retry_at)


def purge_time(tenant: Tenant) -> float | None:
    """Return when the trash is to be purged, or None while there is none."""
    if tenant.effective is None or tenant.trash is None or not tenant.trash[0]:
        return None
    full = tenant.look is not None and (tenant.look.free_bytes or FULL) < FULL
    return (
        tenant.retry_at
        if full
        else max(tenant.retry_at, tenant.trash[1] + tenant.effective.undo_window)
    )


def missed_time(tenant: Tenant) -> float | None:
    """Return when the last count is too old to be told as the truth."""
    if tenant.effective is None or tenant.checked_at is None or tenant.effective.suspend:
        return None
    return tenant.checked_at + MISSED * max(scan_wait(tenant), 60.0)


def next_cleanup_time(tenant: Tenant, now: float, jitter: float) -> float | None:
    """Return when a timed cleanup is due next: the daily one, or a trigger that would find work."""
    effective = tenant.effective
    if effective is None or effective.suspend or effective.mode == "Observe":
        return None
    times = effective.times
    coming: list[float] = []
    if times.daily_cleanup is not None:
        delay = due.spread(tenant.text, "daily", jitter)
        daily = due.next_daily(times.daily_cleanup, times.time_zone, delay, now)
        coming += [daily] if daily is not None else []
    if tenant.reclaimable and tenant.counted >= effective.policy.thresholds.trigger:
        coming.append(max(next_trigger(tenant, now), tenant.cooldown_until or 0.0))
    return min(coming, default=None)


def next_trigger(tenant: Tenant, now: float) -> float:
    """Return the next slot of the trigger timer after `now`."""
    assert tenant.effective is not None
    interval = tenant.effective.times.trigger_interval
    offset = due.spread(tenant.text, "trigger", interval)
    return due.trigger_slot(interval, offset, now) + interval


def next_time(tenant: Tenant, now: float, started: float, pace: Pace) -> float | None:
    """Return when this tenant is due for anything; a time in the past means at once, None never."""
    if tenant.stale:
        return tenant.retry_at
    if tenant.effective is None:
        return None
    times = [scan_time(tenant, started), purge_time(tenant)]
    if tenant.run is not None:
        times.append(tenant.retry_at if tenant.work_job is None else None)
    elif pending_request(tenant) is not None and not tenant.effective.suspend:
        times.append(max(now, tenant.retry_at))
    elif not tenant.effective.suspend and tenant.look is not None:
        times.append(next_trigger(tenant, now))
        if tenant.effective.times.daily_cleanup is not None:
            delay = due.spread(tenant.text, "daily", pace.jitter)
            times.append(
                due.next_daily(
                    tenant.effective.times.daily_cleanup,
                    tenant.effective.times.time_zone,
                    delay,
                    now,
                )
            )
    if not tenant.effective.suspend and tenant.written_at:
        times.append(max(now + 1.0, tenant.written_at + pace.status_every))
        times.append(missed_time(tenant) if tenant.stored.get("level") not in UNKNOWN else None)
    return min((t for t in times if t is not None), default=None)

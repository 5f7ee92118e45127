"""When a tenant is to be looked at next, of all its timers. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from baileys_janitor.controller.tenants.record import TenantRecord
from baileys_janitor.schedule import calendar, growth
from baileys_janitor.schedule.decision import pending_request

MISSED = 3
"""Scans that may be missed before the level is called Unknown."""
AT_START = 10.0
"""Seconds over which the first scans after a start are spread."""
TOGETHER = 1.0
"""Seconds within which tenants that come while the operator runs are gathered, so that they share their first scan."""
UNKNOWN = (None, "Unknown")
FULL = 256 * 1024
"""Bytes: with less free space than this the trash is purged at once. What the Job itself calls full; were this
more, a purge would be sent that finds the disk not full and removes nothing."""
RESCAN_SECONDS = 5.0
"""Least time from the beginning of one scan to that of the next one that an edit or a cleanup asks for."""
LATE = 0.5
"""Share of its interval that a scan may take before the next one is put off."""
POLL = 1.0
"""Seconds until the next look at a tenant that waits for a Job of its own to get out of the way."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """What the operator's configuration says of time, in seconds."""

    jitter: float
    unused_every: float
    status_every: float


def scan_wait(tenant: TenantRecord) -> float:
    """Return the seconds from one scan to the next."""
    assert tenant.effective is not None
    times = tenant.effective.times
    if tenant.scan.suspicion is not None or not tenant.scan.counts:
        return float(times.scan_interval)
    return growth.scan_wait(
        times.scan_interval,
        times.adaptive,
        tenant.scan.counted,
        None if tenant.scan.growth is None else max(tenant.scan.growth, tenant.scan.burst),
        tenant.effective.policy.thresholds,
    )


def scan_time(tenant: TenantRecord, started: float) -> float | None:
    """Return when the next scan is due (Unix seconds); None while the tenant gets none.

    After a start at `started` the first scans are spread, whatever was missed.
    """
    if tenant.effective is None or tenant.effective.suspend or tenant.jobs.scan is not None:
        return None
    if tenant.jobs.waiting:
        return None
    if tenant.jobs.rescan:
        # Whoever edits a spec every second has no scan every second.
        rested = 0.0 if tenant.scan.begun_at is None else tenant.scan.begun_at + RESCAN_SECONDS
        return max(rested, tenant.backoff.retry_at)
    if tenant.scan.checked_at is None:
        return max(_first_scan(tenant, started), tenant.backoff.retry_at)
    wait = scan_wait(tenant)
    # From beginning to beginning, however long the Job took: that is what an interval promises.
    begun = tenant.scan.checked_at
    if tenant.scan.begun_at is not None:
        begun = min(begun, max(tenant.scan.begun_at, begun - wait * LATE))
    return max(begun + wait, tenant.backoff.retry_at)


def _first_scan(tenant: TenantRecord, started: float) -> float:
    """Return when a tenant has its first scan since `started`.

    One that is quiet by what an earlier operator counted waits as long as it would have then, together with its
    namespace: a restart is no reason to look at everybody at once.
    """
    assert tenant.effective is not None
    times, counted = tenant.effective.times, tenant.stored.counted
    interval = float(times.scan_interval)
    first = started + calendar.spread(tenant.text, "start", min(AT_START, interval))
    if tenant.scan.last_scan is None:
        return max(first, _gathered(tenant))
    # A scan "in the future" was written by a clock that went wrong.
    last = min(tenant.scan.last_scan, started)
    if times.adaptive and tenant.scan.growth is not None and counted is not None:
        limits = tenant.effective.policy.thresholds
        safe = last + growth.reach(counted, tenant.scan.growth, limits) - started
        window = min(growth.QUIET_LIMIT, safe)
        if window > interval:
            return started + calendar.spread(tenant.namespace, "start", window)
    return max(first, last + interval)


def _gathered(tenant: TenantRecord) -> float:
    """Return when the first scan is due of all who came about when this tenant did."""
    return (
        (tenant.resource.seen_at // TOGETHER + 1.0) * TOGETHER
        if tenant.resource.seen_at is not None
        else 0.0
    )


def rested_time(tenant: TenantRecord, started: float, jitter: float) -> float:
    """Return until when timed cleanups wait that were due before the operator started: `jitter` seconds at most.

    They are spread over what is left of these when everybody has been looked at: nobody is cleaned before, and those
    who are looked at late would otherwise all come together.
    """
    looked = min(growth.QUIET_LIMIT, jitter / 2)
    return started + looked + calendar.spread(tenant.text, "restart", jitter - looked)


def purge_time(tenant: TenantRecord) -> float | None:
    """Return when the trash is to be purged, or None while there is none."""
    if tenant.effective is None or tenant.scan.trash is None or not tenant.scan.trash[0]:
        return None
    free = tenant.look.free_bytes if tenant.look is not None else None
    full = free is not None and free < FULL
    due = 0.0 if full else tenant.scan.trash[1] + tenant.effective.undo_window
    return max(due, tenant.backoff.retry_at, tenant.cleanup.purge_after)


def missed_time(tenant: TenantRecord) -> float | None:
    """Return when the last count is too old to be told as the truth."""
    since = tenant.resource.seen_at if tenant.scan.checked_at is None else tenant.scan.checked_at
    if tenant.effective is None or since is None or tenant.effective.suspend:
        return None
    wait = max(scan_wait(tenant), 60.0)
    if tenant.scan.checked_at is None:
        return max(since + MISSED * wait, _first_scan(tenant, since) + (MISSED - 1) * wait)
    return since + MISSED * wait


def next_trigger(tenant: TenantRecord, now: float) -> float:
    """Return the next slot of the trigger timer after `now`."""
    assert tenant.effective is not None
    interval = tenant.effective.times.trigger_interval
    offset = calendar.spread(tenant.text, "trigger", interval)
    return calendar.trigger_slot(interval, offset, now) + interval


def next_time(tenant: TenantRecord, now: float, started: float, pace: Intervals) -> float | None:
    """Return when this tenant is due for anything; a time in the past means at once, None never.

    Never before `retry_at`: until then a tenant that is due is only sent back here.
    """
    if tenant.stored.stale:
        return tenant.backoff.retry_at
    times: list[float | None] = [_telling_time(tenant, now, pace)]
    if tenant.effective is not None:
        times.append(scan_time(tenant, started))
        if tenant.run is None and tenant.jobs.work is None:
            times.append(purge_time(tenant))
        if not tenant.effective.suspend:
            times += _work_times(tenant, now, started, pace)
    due_times = [when for when in times if when is not None]
    return max(min(due_times), tenant.backoff.retry_at) if due_times else None


def _work_times(
    tenant: TenantRecord, now: float, started: float, pace: Intervals
) -> list[float | None]:
    """Return when cleanups are to be decided on."""
    assert tenant.effective is not None
    times = tenant.effective.times
    if tenant.run is not None:
        return [tenant.backoff.retry_at if tenant.jobs.work is None else None]
    if pending_request(tenant) is not None:
        under_way = tenant.jobs.scan is not None or tenant.jobs.work is not None
        return [now + POLL if under_way else max(now, tenant.timers.request_time)]
    if tenant.look is None:
        return []
    if tenant.scan.checked_at is not None and tenant.scan.checked_at > tenant.queue.considered_at:
        # What the last look found has not been decided on yet.
        return [now]
    coming: list[float | None] = [next_trigger(tenant, now)]
    rested = rested_time(tenant, started, pace.jitter)
    if now < rested:
        coming.append(rested)
    if times.daily_cleanup is not None:
        delay = calendar.spread(tenant.text, "daily", pace.jitter)
        coming.append(calendar.next_daily(times.daily_cleanup, times.time_zone, delay, now))
    return coming


def _telling_time(tenant: TenantRecord, now: float, pace: Intervals) -> float | None:
    """Return when the status is to be written even if nothing else is due."""
    if not _told(tenant):
        # Suspended or refused: whoever applied the spec waits for its generation to be observed.
        return max(now, tenant.stored.written_at + 1.0)
    if tenant.effective is not None and tenant.effective.suspend:
        return None
    regular = max(now + 1.0, tenant.stored.written_at + pace.status_every)
    missed = missed_time(tenant) if tenant.stored.level not in UNKNOWN else None
    return regular if missed is None else min(regular, missed)


def _told(tenant: TenantRecord) -> bool:
    """Whether the stored status is of this spec, and says so if it is refused."""
    suspended = tenant.effective is not None and tenant.effective.suspend
    if tenant.new and tenant.look is None and tenant.fault is None and not suspended:
        # The first status waits for something to say.
        return True
    if tenant.stored.generation != tenant.resource.generation:
        return False
    if tenant.effective is not None or tenant.fault is None:
        return True
    return tenant.stored.readiness == tenant.fault.reason

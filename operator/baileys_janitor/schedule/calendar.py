"""The calendar of a tenant: the one place that decides, requeues and promises."""

from __future__ import annotations

from baileys_janitor.schedule import cleanup_times, copy_times, scan_times
from baileys_janitor.schedule.cleanup_times import Due
from baileys_janitor.schedule.context import Context
from baileys_janitor.schedule.tenant_state import TenantState

RELOAD = "Reload"
RESUME = "Resume"
STATUS = "Status"
SCAN = "Scan"
PURGE = "Purge"
COPY = "Copy"
SLOT = "Slot"
"""Reasons besides those of cleanups. A slot is settled at its time, whether or not a cleanup runs."""
FULL_BYTES = 256 * 1024
"""With less free space than this, the trash is purged at once. It equals the Job's own limit for a full disk: with a
larger value, a purge would be sent that finds the disk not full and removes nothing."""
POLL_SECONDS = 1.0
"""Interval of checks while a tenant waits for another Job of its own to end."""
UNKNOWN = (None, "Unknown")


def upcoming(tenant: TenantState, now: float, context: Context) -> list[Due]:
    """Return everything that is due for this tenant, including overdue items, earliest first.

    A decision is the most urgent cleanup whose time has come, a requeue is the earliest item, and a promise is the
    earliest item in the future.
    """
    if tenant.stored.stale:
        return [Due(tenant.backoff.retry_at, RELOAD)]
    found = [_status(tenant, now, context)]
    if tenant.effective is not None:
        found += [_scan(tenant, context), _purge(tenant), _copy(tenant, context)]
        if tenant.effective.cleans:
            found += _cleanups(tenant, now, context)
    return sorted((due for due in found if due is not None), key=lambda due: due.time)


def next_time(tenant: TenantState, now: float, context: Context) -> float | None:
    """Return when to consider this tenant next; a time in the past means at once, None never.

    It is never before the end of the pause after a fault. An item that was due at the last decision and did not begin
    waits for an event that requeues the tenant: its turn in the job queue, the end of a Job, or a scan.
    """
    considered = tenant.queue.considered_at
    times = [
        due.time
        for due in upcoming(tenant, now, context)
        if due.reason not in _DECIDED or due.time > considered
    ]
    return max(min(times), tenant.backoff.retry_at) if times else None


def next_cleanup(tenant: TenantState, now: float, context: Context) -> Due | None:
    """Return the next automatic cleanup, by the figures of the last scan; an overdue one is due now.

    While a cleanup is under way, return the next one in the future.
    """
    if _is_unpaired(tenant):
        return None
    coming = [
        Due(max(due.time, now), due.reason)
        for due in cleanup_times.automatic(tenant, now, context)
        if tenant.run is None or due.time > now
    ]
    return min(coming, key=lambda due: due.time, default=None)


def purge_time(tenant: TenantState) -> float | None:
    """Return when to purge the trash, or None while it is empty."""
    trash, look = tenant.scan.trash, tenant.scan.look
    if tenant.effective is None or trash is None or not trash[0]:
        return None
    free = look.free_bytes if look is not None else None
    full = free is not None and free < FULL_BYTES
    due = 0.0 if full else trash[1] + tenant.effective.undo_window
    return max(due, tenant.backoff.retry_at, tenant.cleanup.purge_after)


_DECIDED = frozenset(
    {cleanup_times.EMERGENCY, cleanup_times.DAILY, cleanup_times.TRIGGER, SLOT},
)
"""Reasons that the last decision has handled."""


def _is_unpaired(tenant: TenantState) -> bool:
    look = tenant.scan.look
    return look is not None and look.identity_state != cleanup_times.PAIRED


def _scan(tenant: TenantState, context: Context) -> Due | None:
    when = scan_times.scan_time(tenant, context.started)
    return None if when is None else Due(when, SCAN)


def _purge(tenant: TenantState) -> Due | None:
    when = purge_time(tenant)
    if when is None or tenant.run is not None or tenant.jobs.work is not None:
        return None
    return Due(when, PURGE)


def _copy(tenant: TenantState, context: Context) -> Due | None:
    when = copy_times.copy_time(tenant) if context.copies else None
    return None if when is None else Due(when, COPY)


def _cleanups(tenant: TenantState, now: float, context: Context) -> list[Due | None]:
    """Return when to decide on cleanups."""
    if tenant.run is not None:
        return [Due(tenant.backoff.retry_at, RESUME)] if tenant.jobs.work is None else []
    found: list[Due | None] = []
    asked = cleanup_times.requested(tenant, now)
    if asked is not None:
        under_way = tenant.jobs.scan is not None or tenant.jobs.work is not None
        found.append(Due(now + POLL_SECONDS, asked.reason) if under_way else asked)
    if tenant.scan.look is not None:
        found += cleanup_times.automatic(tenant, now, context)
        found += [Due(when, SLOT) for when in cleanup_times.next_slots(tenant, now, context)]
        if tenant.scan.checked_at is not None:
            # A new scan needs a decision, which settles the slots that passed meanwhile.
            found.append(Due(tenant.scan.checked_at, SLOT))
    return found


def _status(tenant: TenantState, now: float, context: Context) -> Due | None:
    """Return when to write the status even if nothing else is due."""
    if not _is_published(tenant):
        # Suspended or refused: the author of the spec waits for `observedGeneration`.
        return Due(max(now, tenant.stored.written_at + 1.0), STATUS)
    if tenant.effective is not None and tenant.effective.suspend:
        return None
    regular = max(now + 1.0, tenant.stored.written_at + context.intervals.status_every)
    missed = scan_times.missed_time(tenant) if tenant.stored.level not in UNKNOWN else None
    return Due(regular if missed is None else min(regular, missed), STATUS)


def _is_answered(tenant: TenantState) -> bool:
    """Return whether the stored status answers the annotations: a request that waits, or an unknown name."""
    signs = tenant.stored.signs
    waits = cleanup_times.request_waits(tenant) is not None
    unknown = tenant.resource.unknown is not None
    return waits == ("RequestWaiting" in signs) and unknown == ("UnknownAnnotation" in signs)


def _is_published(tenant: TenantState) -> bool:
    """Return whether the stored status is of this spec, reports a refusal, and answers the annotations."""
    suspended = tenant.effective is not None and tenant.effective.suspend
    refused = tenant.invalid
    if tenant.new and tenant.scan.look is None and not (tenant.fault or refused or suspended):
        # The first status is not written before there is content.
        return True
    if tenant.stored.generation != tenant.resource.generation or not _is_answered(tenant):
        return False
    return refused is None or tenant.stored.readiness == refused.reason

"""When each kind of cleanup of a tenant is due: the only module that handles slots, cooldowns and pauses.

A slot that passes while nothing holds cleanups is settled, whether or not there was something to do. While the circuit
breaker holds, a fault pauses, or a process has just started, slots stay open, and the latest is caught up on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.job.result import CAPPED, COMPLETED, DRY_RUN, FAILED
from baileys_janitor.policy import levels
from baileys_janitor.schedule import growth, slots
from baileys_janitor.schedule.backoff import backoff_seconds
from baileys_janitor.schedule.context import Context
from baileys_janitor.schedule.tenant_state import TenantState

REQUESTED = "Requested"
EMERGENCY = "Emergency"
DAILY = "Daily"
TRIGGER = "Trigger"
URGENT = frozenset({EMERGENCY, REQUESTED})
"""Reasons of cleanups that use the emergency rules and wait for no timer."""
PAIRED = "Paired"
KILLED = "Killed"
"""The outcome of a run whose Job was killed; it continues like a capped one."""
CUT_SHORT = frozenset({CAPPED, KILLED})
UNDONE = frozenset({FAILED, KILLED})
KILLS = 3
"""Killed cleanups in a row that count as failing; after a single one the next continues by itself."""
SUSPENDED, INVALID = "Suspended", "InvalidSpec"
"""Why a request waits; a fault has its own reason."""
CAPPED_PAUSE_SECONDS = 60.0
"""The first pause before an automatic Emergency cleanup continues one that was cut short."""


@dataclass(frozen=True, slots=True)
class Due:
    """Something that is due at a time (Unix seconds), which may be in the past, for a reason."""

    time: float
    reason: str


def requested(tenant: TenantState, now: float) -> Due | None:
    """Return when the request that is not handled yet is due; None without one.

    A token that was there when the tenant was first seen is not a request: it came with the manifest.
    """
    token = tenant.resource.request
    if not token or token == tenant.timers.handled_request:
        return None
    assert tenant.effective is not None
    # The time of the request is unknown: it is due at once, or as soon as the limit on requests permits.
    waits = tenant.effective.mode != "Observe"
    return Due(max(now, tenant.timers.request_time) if waits else now, REQUESTED)


def are_failing(outcomes: Iterable[str]) -> bool:
    """Return whether cleanups fail, given their outcomes, newest first."""
    ended = list(takewhile(lambda outcome: outcome in UNDONE, outcomes))
    return FAILED in ended or len(ended) >= KILLS


def request_waits(tenant: TenantState) -> str | None:
    """Return why the unhandled request cannot begin; None if it can, or if there is none."""
    token = tenant.resource.request
    if not token or token == tenant.timers.handled_request:
        return None
    if tenant.effective is None:
        return INVALID
    if tenant.effective.suspend:
        return SUSPENDED
    if tenant.effective.scans_only:
        return INVALID
    if tenant.fault is None or tenant.run is not None or tenant.effective.mode == "Observe":
        return None
    return tenant.fault.reason


def automatic(tenant: TenantState, now: float, context: Context) -> list[Due]:
    """Return when automatic cleanups are due by the figures of the last scan, most urgent first.

    None is due before the first scan, nor while a fault stalls the tenant.
    """
    effective = tenant.effective
    if effective is None or effective.suspend or effective.mode == "Observe":
        return []
    if not tenant.scan.counts:
        return []
    if tenant.fault is not None and tenant.fault.stalled:
        return []
    found = (
        emergency(tenant, now),
        daily(tenant, now, context),
        trigger(tenant, now, context),
    )
    return [due for due in found if due is not None]


def emergency(tenant: TenantState, now: float) -> Due | None:
    """Return when an Emergency cleanup is due; None while none would help."""
    look, effective = tenant.scan.look, tenant.effective
    if look is None or effective is None or not tenant.scan.counts or look.identity_state != PAIRED:
        return None
    level = levels.level(tenant.scan.counted, effective.policy.thresholds)
    if level != levels.EMERGENCY or not look.gain or look.gain < 0:
        return None
    until = max(
        tenant.cleanup.emergency_cooldown_until or 0.0,
        tenant.cleanup.hold_until,
        _capped_pause_until(tenant, now),
    )
    found_at = tenant.scan.checked_at or 0.0
    return Due(max(until, tenant.backoff.retry_at, found_at), EMERGENCY)


def daily(tenant: TenantState, now: float, context: Context) -> Due | None:
    """Return when the daily cleanup is due; None for a schedule without one."""
    assert tenant.effective is not None
    times = tenant.effective.times
    if times.daily_cleanup is None:
        return None
    delay = daily_delay(tenant, context)
    free = _free(tenant, now, context)
    coming = slots.next_daily(times.daily_cleanup, times.time_zone, delay, free)
    candidates = [] if coming is None else [coming]
    latest = slots.daily_slot(times.daily_cleanup, times.time_zone, delay, free)
    if latest is not None and _is_open(tenant.timers.daily_slot, latest):
        missed = latest + delay
        if not _cleaned_since(tenant, missed, now):
            candidates.append(_catch_up(tenant, missed, now, free, context))
    return Due(min(candidates), DAILY) if candidates else None


def trigger(tenant: TenantState, now: float, context: Context) -> Due | None:
    """Return when a cleanup at the trigger is due; None while it would have nothing to do."""
    effective = tenant.effective
    assert effective is not None
    if not tenant.scan.reclaimable:
        return None
    if is_capped(tenant):
        # The run was allowed to start, so an older cooldown does not delay its continuation.
        ready = 0.0
    elif tenant.scan.counted >= effective.policy.thresholds.trigger:
        ready = tenant.cleanup.cooldown_until or 0.0
    else:
        return None
    free = _free(tenant, now, context)
    candidates = [_slot_after(tenant, free, ready)]
    latest = _slot_before(tenant, free)
    if _is_open(tenant.timers.trigger_slot, latest):
        late = _catch_up(tenant, latest, now, free, context)
        # A slot that comes earlier settles the missed one as well.
        if max(late, now) >= ready and late <= _slot_after(tenant, free, 0.0):
            candidates.append(late)
    return Due(min(candidates), trigger_reason(tenant))


def open_slots(
    tenant: TenantState, now: float, context: Context
) -> tuple[float | None, float | None]:
    """Return the latest unhandled slots of the trigger timer and of the daily cleanup."""
    assert tenant.effective is not None
    times = tenant.effective.times
    latest = _slot_before(tenant, now)
    day = None
    if times.daily_cleanup is not None:
        delay = daily_delay(tenant, context)
        day = slots.daily_slot(times.daily_cleanup, times.time_zone, delay, now)
    known = tenant.timers
    return (
        latest if known.trigger_slot is None or latest > known.trigger_slot else None,
        day if day is not None and (known.daily_slot or 0.0) < day else None,
    )


def next_slots(tenant: TenantState, now: float, context: Context) -> Iterator[float]:
    """Yield the timers' next slots, and the catch-up times of slots that were missed before the start."""
    assert tenant.effective is not None
    times = tenant.effective.times
    yield _slot_after(tenant, now, 0.0)
    if times.daily_cleanup is not None:
        delay = daily_delay(tenant, context)
        coming = slots.next_daily(times.daily_cleanup, times.time_zone, delay, now)
        if coming is not None:
            yield coming
    late = catch_up_time(tenant, context)
    if now < late:
        yield late
    if context.held_until is not None and now < context.held_until:
        yield context.held_until


def catch_up_time(tenant: TenantState, context: Context) -> float:
    """Return the time before which timed cleanups that were due before this process started do not run.

    They are spread over the rest of `jitter` after the first scans: nothing is cleaned before all tenants are scanned,
    and tenants that are scanned late would otherwise all be cleaned together.
    """
    jitter = context.intervals.jitter
    looked = min(growth.QUIET_LIMIT_SECONDS, jitter / 2)
    return context.started + looked + slots.spread(tenant.text, "restart", jitter - looked)


def daily_delay(tenant: TenantState, context: Context) -> float:
    """Return how many seconds after the cron time this tenant's daily cleanup is due."""
    return slots.spread(tenant.text, "daily", context.intervals.jitter)


def is_capped(tenant: TenantState) -> bool:
    """Return whether the last cleanup was cut short by maxRemovals, by time or by a kill, and is to continue."""
    return (tenant.cleanup.last or {}).get("outcome") in CUT_SHORT


def trigger_reason(tenant: TenantState) -> str:
    """Return the reason of a cleanup at the trigger: a run that continues one cut short keeps its reason."""
    if is_capped(tenant) and (tenant.cleanup.last or {}).get("reason") == DAILY:
        return DAILY
    return TRIGGER


def _free(tenant: TenantState, now: float, context: Context) -> float:
    """Return the time from which timed cleanups are decided: after the breaker's hold and a fault's pause."""
    return max(now, context.held_until or 0.0, tenant.backoff.retry_at)


def _catch_up(
    tenant: TenantState, missed: float, now: float, free: float, context: Context
) -> float:
    """Return when the cleanup of an open slot runs that was due at `missed`."""
    if missed < context.started:
        missed = max(missed, catch_up_time(tenant, context))
    return max(missed, free) if free > now else missed


def _is_open(handled: float | None, slot: float) -> bool:
    # The slot before the first scan is skipped: otherwise a new fleet would be cleaned all at once.
    return handled is not None and slot > handled


def _interval(tenant: TenantState) -> tuple[float, float]:
    """Return the trigger timer's interval and this tenant's offset in it, in seconds."""
    assert tenant.effective is not None
    interval = tenant.effective.times.trigger_interval
    return interval, slots.spread(tenant.text, "trigger", interval)


def _slot_before(tenant: TenantState, when: float) -> float:
    interval, offset = _interval(tenant)
    return slots.trigger_slot(interval, offset, when)


def _slot_after(tenant: TenantState, when: float, ready: float) -> float:
    """Return the first slot of the trigger timer after `when` that is not before `ready`."""
    interval, offset = _interval(tenant)
    slot = slots.trigger_slot(interval, offset, max(when, ready))
    return slot if slot > when and slot >= ready else slot + interval


def _cleaned_since(tenant: TenantState, when: float, now: float) -> bool:
    """Return whether a cleanup with the daily rules has ended since then: a late one would add nothing."""
    assert tenant.effective is not None
    last = tenant.cleanup.last or {}
    ended = from_rfc3339(last.get("time"))
    wanted = DRY_RUN if tenant.effective.mode == "DryRun" else COMPLETED
    return (
        last.get("reason") in {DAILY, TRIGGER}
        and last.get("outcome") == wanted
        and ended is not None
        and when <= ended <= now
    )


def _capped_pause_until(tenant: TenantState, now: float) -> float:
    """Return the end of the back-off after Emergency cleanups that were cut short.

    It doubles with each one in a row, up to the cooldown of a completed one. Without it they would follow each other at
    once, and maxRemovals would limit nothing. It is computed from the history, so a restart keeps it; a time in the
    future there is not trusted.
    """
    if tenant.effective is None or not is_capped(tenant):
        return 0.0
    cut = list(takewhile(_is_cut_emergency, tenant.cleanup.history))
    ended = from_rfc3339(cut[0].get("time")) if cut else None
    if ended is None or ended > now:
        return 0.0
    longest = float(tenant.effective.emergency_cooldown)
    return ended + backoff_seconds(len(cut) - 1, CAPPED_PAUSE_SECONDS, longest)


def _is_cut_emergency(entry: dict[str, Any]) -> bool:
    return entry.get("outcome") in CUT_SHORT and entry.get("reason") in URGENT

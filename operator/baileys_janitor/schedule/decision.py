"""Whether a tenant's files are to be cleaned now, and why. Pure: a record and a time in, a decision out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from baileys_janitor.controller.clock import from_rfc3339
from baileys_janitor.controller.tenants.record import TenantRecord
from baileys_janitor.job.result import COMPLETED, DRY_RUN
from baileys_janitor.policy import levels
from baileys_janitor.schedule import calendar

PAIRED = "Paired"
CAPPED_PAUSE_SECONDS = 60.0
"""Until an automatic Emergency cleanup goes on with what the first one before it had to leave."""
URGENT = frozenset({"Emergency", "Requested"})
"""Reasons of cleanups that go by the emergency rules, and wait for no timer."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done: a cleanup for `reason`, or nothing; and what is settled by it.

    `trigger_slot` and `daily_slot` are slots that are handled herewith; `request` is a token that is.
    `refusal` says why a request is answered without a Job; `idle` that a daily cleanup finds nothing to do.
    """

    reason: str | None = None
    trigger_slot: float | None = None
    daily_slot: float | None = None
    request: str | None = None
    refusal: str | None = None
    idle: bool = False

    @property
    def emergency(self) -> bool:
        """Whether the emergency rules apply."""
        return self.reason in URGENT


def pending_request(tenant: TenantRecord) -> str | None:
    """Return the token of a request that is not handled yet.

    A token that was there when the tenant was first seen is none: it came with the manifest.
    """
    token = tenant.resource.request
    return token if token and token != tenant.timers.handled_request else None


def slots(tenant: TenantRecord, now: float, jitter: float) -> tuple[float | None, float | None]:
    """Return the latest trigger and daily slots at or before `now` that are not handled yet."""
    assert tenant.effective is not None
    times = tenant.effective.times
    offset = calendar.spread(tenant.text, "trigger", times.trigger_interval)
    trigger = calendar.trigger_slot(times.trigger_interval, offset, now)
    daily = None
    if times.daily_cleanup is not None:
        delay = calendar.spread(tenant.text, "daily", jitter)
        daily = calendar.daily_slot(times.daily_cleanup, times.time_zone, delay, now)
    return (
        trigger
        if tenant.timers.trigger_slot is None or trigger > tenant.timers.trigger_slot
        else None,
        daily if daily is not None and (tenant.timers.daily_slot or 0.0) < daily else None,
    )


def daily_overdue(tenant: TenantRecord, now: float, jitter: float) -> bool:
    """Whether a daily cleanup is due, however late, that no other one has stood in for."""
    assert tenant.effective is not None
    if tenant.timers.daily_slot is None:
        # The slot before the first look is nobody's: else a new fleet would be cleaned all at once.
        return False
    _, daily = slots(tenant, now, jitter)
    delay = calendar.spread(tenant.text, "daily", jitter)
    dry_run = tenant.effective.mode == "DryRun"
    return daily is not None and not _cleaned_since(tenant, daily + delay, dry_run, now)


def decide(
    tenant: TenantRecord, now: float, jitter: float, held: bool, overdue: float | None = None
) -> Decision:
    """Return what is to be done for this tenant at `now` (Unix seconds).

    `jitter` is how many seconds daily cleanups are spread over; `held`: the circuit breaker is open, so that of the
    automatic cleanups only an Emergency runs. Timed cleanups that were due before `overdue` wait: right after a
    start, a whole fleet may have missed the same hour. Urgency decides: a request, then Emergency, then the daily
    cleanup, then the trigger.
    """
    effective = tenant.effective
    if effective is None or effective.suspend or tenant.run is not None:
        return Decision()
    asked = _asked(tenant, now)
    if asked is not None:
        return asked
    if not tenant.scan.counts or (tenant.fault is not None and tenant.fault.stalled):
        return Decision()
    trigger, daily = slots(tenant, now, jitter)
    if effective.mode == "Observe":
        return Decision() if held else Decision(trigger_slot=trigger, daily_slot=daily)
    delay = calendar.spread(tenant.text, "daily", jitter)
    if overdue is not None:
        trigger = None if trigger is not None and trigger < overdue else trigger
        daily = None if daily is not None and daily + delay < overdue else daily
    if _emergency(tenant, now):
        return Decision(reason="Emergency")
    if held:
        return Decision()
    if daily is not None and not daily_overdue(tenant, now, jitter):
        return Decision(daily_slot=daily)
    if daily is not None:
        reason = "Daily" if tenant.scan.reclaimable else None
        return Decision(reason, trigger, daily, idle=reason is None)
    if trigger is not None and tenant.scan.reclaimable and _triggered(tenant, now):
        return Decision(reason=trigger_reason(tenant), trigger_slot=trigger)
    return Decision(trigger_slot=trigger)


def _asked(tenant: TenantRecord, now: float) -> Decision | None:
    """Return what becomes of a request; None where there is none, or too many have been made of late."""
    assert tenant.effective is not None
    token = pending_request(tenant)
    if token is None:
        return None
    if tenant.effective.mode == "Observe":
        return Decision(request=token, refusal="the mode is Observe, which only counts")
    if now < tenant.timers.request_time:
        return None
    return Decision("Requested", request=token)


def _cleaned_since(tenant: TenantRecord, when: float, dry_run: bool, now: float) -> bool:
    """Whether a cleanup by the daily one's rules has ended since then: one that comes late has nothing to add."""
    last = tenant.cleanup.last or {}
    ended = from_rfc3339(last.get("time"))
    return (
        last.get("reason") in {"Daily", "Trigger"}
        and last.get("outcome") == (DRY_RUN if dry_run else COMPLETED)
        and ended is not None
        and when <= ended <= now
    )


def _emergency(tenant: TenantRecord, now: float) -> bool:
    assert tenant.effective is not None
    assert tenant.look is not None
    level = levels.level(tenant.scan.counted, tenant.effective.policy.thresholds)
    return (
        level == levels.EMERGENCY
        and tenant.look.identity_state == PAIRED
        and (tenant.look.gain or 0) > 0
        and now >= emergency_pause_until(tenant, now)
    )


def emergency_pause_until(tenant: TenantRecord, now: float) -> float:
    """Return until when (Unix seconds) automatic Emergency cleanups wait after the last ones."""
    return max(
        tenant.cleanup.emergency_cooldown_until or 0.0,
        tenant.cleanup.hold_until,
        _capped_pause_until(tenant, now),
    )


def _capped_pause_until(tenant: TenantRecord, now: float) -> float:
    """Return the end of the back-off after Emergency cleanups that were cut short.

    It doubles with each one in a row, up to the cooldown of a completed one. Without it they would follow each
    other at once, and maxRemovals would limit nothing. It is computed from the history, so a restart keeps it; a
    time there that lies ahead says nothing.
    """
    if tenant.effective is None or not capped(tenant):
        return 0.0
    cut = list(takewhile(_is_cut_emergency, tenant.cleanup.history))
    ended = from_rfc3339(cut[0].get("time")) if cut else None
    if ended is None or ended > now:
        return 0.0
    pause: float = CAPPED_PAUSE_SECONDS * 2 ** (len(cut) - 1)
    return ended + min(pause, tenant.effective.emergency_cooldown)


def _is_cut_emergency(entry: dict[str, Any]) -> bool:
    return entry.get("outcome") == "Capped" and entry.get("reason") in {"Emergency", "Requested"}


def _triggered(tenant: TenantRecord, now: float) -> bool:
    assert tenant.effective is not None
    if capped(tenant):
        # It was allowed to start, so an older cooldown does not hold its rest back.
        return True
    if now < (tenant.cleanup.cooldown_until or 0.0):
        return False
    return tenant.scan.counted >= tenant.effective.policy.thresholds.trigger


def capped(tenant: TenantRecord) -> bool:
    """Whether the last cleanup was cut short by maxRemovals, or by time, and is to go on."""
    return (tenant.cleanup.last or {}).get("outcome") == "Capped"


def trigger_reason(tenant: TenantRecord) -> str:
    """Return the reason of a cleanup at the trigger: what maxRemovals cut short goes on under its own name."""
    if capped(tenant) and (tenant.cleanup.last or {}).get("reason") == "Daily":
        return "Daily"
    return "Trigger"

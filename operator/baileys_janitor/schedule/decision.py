"""Decides whether to clean a tenant's files now, why, and which slots that settles."""

from __future__ import annotations

from dataclasses import dataclass

from baileys_janitor.schedule import cleanup_times
from baileys_janitor.schedule.cleanup_times import DAILY, EMERGENCY, REQUESTED, TRIGGER, URGENT
from baileys_janitor.schedule.context import Context
from baileys_janitor.schedule.tenant_state import TenantState


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision: a cleanup for `reason`, or none; and what it settles.

    `trigger_slot` and `daily_slot` are the slots that it settles, `request` is the token that it settles. `refusal` is
    why a request is answered without a Job; `idle`: a daily cleanup finds nothing to do.
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


def decide(tenant: TenantState, now: float, context: Context) -> Decision:
    """Return the decision for this tenant at `now` (Unix seconds).

    The most urgent reason wins: a request, then Emergency, then the daily cleanup, then the trigger. While the circuit
    breaker holds, the only automatic cleanup is an Emergency.
    """
    effective = tenant.effective
    if effective is None or not effective.cleans or tenant.run is not None:
        return Decision()
    asked = cleanup_times.requested(tenant, now)
    if asked is not None and asked.time <= now:
        token = tenant.resource.request
        if effective.mode == "Observe":
            return Decision(request=token, refusal="the mode is Observe, which only counts")
        return Decision(REQUESTED, request=token)
    if not tenant.scan.counts or (tenant.fault is not None and tenant.fault.stalled):
        return Decision()
    due = {one.reason for one in cleanup_times.automatic(tenant, now, context) if one.time <= now}
    if EMERGENCY in due:
        return Decision(EMERGENCY)
    if context.held_until is not None and now < context.held_until:
        return Decision()
    trigger, daily = _settled(tenant, now, context)
    reason = next((one for one in (DAILY, TRIGGER) if one in due), None)
    if reason is not None and not tenant.scan.reclaimable:
        return Decision(None, trigger, daily, idle=True)
    return Decision(reason, trigger, daily)


def _settled(
    tenant: TenantState, now: float, context: Context
) -> tuple[float | None, float | None]:
    """Return the slots that this decision settles: slots that wait for the catch-up after a start stay open."""
    assert tenant.effective is not None
    trigger, daily = cleanup_times.open_slots(tenant, now, context)
    if tenant.effective.mode == "Observe" or now >= cleanup_times.catch_up_time(tenant, context):
        return trigger, daily
    delay = cleanup_times.daily_delay(tenant, context)
    waits = daily is not None and daily + delay < context.started
    return (
        None if trigger is not None and trigger < context.started else trigger,
        None if waits else daily,
    )

"""What happens to a tenant next, when, and what that hangs on. Pure.

Whoever reads a status may read it half an hour after it was written: so it speaks of times and thresholds, which go
on being true, rather than of how long something will take.
"""

from __future__ import annotations

import math
from typing import Any

from baileys_janitor.api.durations import duration_text
from baileys_janitor.controller.clock import to_rfc3339
from baileys_janitor.controller.jobs import faults
from baileys_janitor.controller.tenants.fault import Fault
from baileys_janitor.controller.tenants.record import TenantRecord
from baileys_janitor.controller.wording import files, files_are
from baileys_janitor.policy import advice, levels
from baileys_janitor.policy.outlook import Outlook
from baileys_janitor.schedule import agenda, calendar
from baileys_janitor.schedule.decision import (
    PAIRED,
    capped,
    daily_overdue,
    emergency_pause_until,
    pending_request,
    trigger_reason,
)
from baileys_janitor.schedule.growth import DAY

HORIZON = 366 * DAY
"""Seconds that are looked ahead: what would take longer is nobody's worry, and no straight line either."""
MINUTE = 60.0


def next_cleanup(
    tenant: TenantRecord,
    now: float,
    jitter: float,
    held_until: float | None = None,
    started: float = 0.0,
) -> tuple[float, str] | None:
    """Return when (Unix seconds) a cleanup is due next that nobody has to ask for, and its reason.

    That is the daily one, a trigger that would find work, or an Emergency one whose cooldown ends. A daily one that
    was missed while no operator ran comes soon after the start at `started`.
    """
    effective = tenant.effective
    if effective is None or effective.suspend or effective.mode == "Observe":
        return None
    if (tenant.fault is not None and tenant.fault.stalled) or _unpaired(tenant):
        return None
    times, limits = effective.times, effective.policy.thresholds
    coming: list[tuple[float, str]] = []
    if times.daily_cleanup is not None:
        delay = calendar.spread(tenant.text, "daily", jitter)
        daily = calendar.next_daily(times.daily_cleanup, times.time_zone, delay, now)
        coming += [(daily, "Daily")] if daily is not None else []
        rested = agenda.rested_time(tenant, started, jitter)
        if now < rested and daily_overdue(tenant, now, jitter):
            coming.append((rested, "Daily"))
    if tenant.scan.reclaimable and capped(tenant):
        coming.append((agenda.next_trigger(tenant, now), trigger_reason(tenant)))
    elif tenant.scan.reclaimable and tenant.scan.counted >= limits.trigger:
        cooled = (tenant.cleanup.cooldown_until or 0.0) - 1.0
        coming.append((agenda.next_trigger(tenant, max(now, cooled)), "Trigger"))
    urgent = emergency_time(tenant, now)
    if urgent is not None and urgent > now:
        coming.append((urgent, "Emergency"))
    if not coming:
        return None
    when, reason = min(coming)
    return max(when, held_until or 0.0), reason


def _unpaired(tenant: TenantRecord) -> bool:
    look = tenant.look
    return look is not None and tenant.scan.counts and look.identity_state != PAIRED


def emergency_time(tenant: TenantRecord, now: float) -> float | None:
    """Return from when on (Unix seconds, perhaps past) an Emergency cleanup would run; None while none would help."""
    look, effective = tenant.look, tenant.effective
    if look is None or effective is None or not tenant.scan.counts or _unpaired(tenant):
        return None
    if tenant.scan.counted < effective.policy.thresholds.emergency or not look.gain:
        return None
    return emergency_pause_until(tenant, now)


def forecast(tenant: TenantRecord) -> dict[str, str]:
    """Return when thresholds that are not reached yet will be, at the present growth and without a cleanup."""
    if tenant.effective is None or tenant.scan.last_scan is None or not tenant.scan.counts:
        return {}
    growth, limits = tenant.scan.growth or 0.0, tenant.effective.policy.thresholds
    ahead = {
        "warningTime": limits.warning,
        "criticalTime": limits.critical,
        "emergencyTime": limits.emergency,
    }
    found: dict[str, str] = {}
    for name, limit in ahead.items():
        room = limit - tenant.scan.counted
        if room > 0 and growth > 0 and room * DAY / growth <= HORIZON:
            when = tenant.scan.last_scan + room * DAY / growth
            found[name] = to_rfc3339(math.floor(when / MINUTE) * MINUTE)
    return found


def told(
    tenant: TenantRecord, now: float, jitter: float, held_until: float | None, started: float = 0.0
) -> str:
    """Say what happens next."""
    effective = tenant.effective
    if effective is None:
        return "Nothing is done until the spec is valid; see Ready."
    waits = " The request that was made waits, too." if pending_request(tenant) else ""
    if effective.suspend:
        return (
            f"No Job runs while spec.suspend is true; what is in the trash is still purged.{waits}"
        )
    fault = tenant.fault or tenant.backoff.work_fault
    if fault is not None and fault.stalled and tenant.run is None:
        return _trying_again(fault)
    parts = [_cleaning(tenant, now, jitter, held_until, started), _counting(tenant)]
    if effective.mode == "DryRun":
        parts.append("In mode DryRun a cleanup only says what it would remove.")
    return " ".join(parts)


def _trying_again(fault: Fault) -> str:
    if fault.reason in faults.OF_CLAIMS:
        return "The claim is looked at again by itself, with growing pauses of two minutes at most."
    return (
        "The janitor tries again by itself, with growing pauses of half an hour at most, and at once when the spec "
        "is edited."
    )


def _counting(tenant: TenantRecord) -> str:
    if tenant.scan.unused_since is not None:
        return "No running pod uses the claim, so its files are counted only now and then (scanUnusedClaimsEvery)."
    return f"The files are counted every {duration_text(round(agenda.scan_wait(tenant)))}."


def _cleaning(
    tenant: TenantRecord, now: float, jitter: float, held_until: float | None, started: float
) -> str:
    assert tenant.effective is not None
    look = tenant.look
    if tenant.run is not None:
        return f"The {tenant.run.get('reason')} cleanup {tenant.run.get('id')} is under way."
    if tenant.effective.mode == "Observe":
        return "No cleanup runs in mode Observe."
    if look is None or not tenant.scan.counts:
        return "The first count decides about cleanups."
    if _unpaired(tenant):
        return "Nothing is removed before creds.json shows a paired account."
    parts = [_next(tenant, now, jitter, held_until, started)]
    limits = tenant.effective.policy.thresholds
    if tenant.scan.counted < limits.trigger:
        parts.append(
            f"From {limits.trigger} counted files on a Trigger cleanup runs, from {limits.emergency} on an "
            "Emergency one."
        )
    elif tenant.scan.counted < limits.emergency:
        parts.append(f"From {limits.emergency} counted files on an Emergency cleanup runs.")
    held = _held_by_silence(tenant)
    return " ".join([*parts, held] if held else parts)


def _held_by_silence(tenant: TenantRecord) -> str | None:
    """Say what keeps the count up although it looks old."""
    look, effective = tenant.look, tenant.effective
    if look is None or effective is None:
        return None
    outlook = Outlook(tenant.scan.counted, kept=look.kept, held_days=look.held_days)
    said = advice.silence_not_counted(outlook, effective.policy)
    return said.message if said is not None else None


def _next(
    tenant: TenantRecord, now: float, jitter: float, held_until: float | None, started: float
) -> str:
    assert tenant.effective is not None
    limit = tenant.effective.policy.thresholds.emergency
    if held_until is not None:
        return (
            f"Automatic cleanups wait until {to_rfc3339(held_until)}, since many removed abnormally much; "
            "a requested one runs."
        )
    parts: list[str] = []
    level = levels.level(tenant.scan.counted, tenant.effective.policy.thresholds)
    if level == levels.EMERGENCY:
        cooled = emergency_time(tenant, now)
        if cooled is None:
            parts.append("No Emergency cleanup runs while it would gain nothing.")
        elif cooled > now:
            pause = "cooldown" if cooled == tenant.cleanup.emergency_cooldown_until else "pause"
            parts.append(
                f"An Emergency cleanup runs at {to_rfc3339(cooled)}, when the {pause} after the last one ends, "
                f"if {limit} or more are still counted; a requested one does not wait."
            )
        else:
            parts.append("An Emergency cleanup is about to begin.")
    coming = next_cleanup(tenant, now, jitter, started=started)
    if coming is not None and tenant.scan.reclaimable and capped(tenant):
        parts.append(f"The last cleanup goes on at {to_rfc3339(coming[0])} with what it left.")
    elif coming is not None and coming[1] == "Trigger":
        cooling = tenant.cleanup.cooldown_until or 0.0
        why = f", after the cooldown until {to_rfc3339(cooling)}" if cooling > now else ""
        parts.append(f"A Trigger cleanup runs at {to_rfc3339(coming[0])}{why}.")
    elif coming is not None and coming[1] == "Daily":
        could = f"{files_are(tenant.scan.reclaimable)} old enough for it now"
        found = could if tenant.scan.reclaimable else "nothing is old enough for it now"
        parts.append(f"The daily cleanup is due at {to_rfc3339(coming[0])}; {found}.")
    elif coming is None:
        parts.append("No daily cleanup is scheduled.")
    return " ".join(parts)


def trend(history: list[dict[str, Any]]) -> str | None:
    """Say how the last cleanups did: whether they keep up with what comes. None while two have not removed anything."""
    done = [
        entry
        for entry in history
        if entry.get("outcome") in {"Completed", "Capped"} and entry.get("after") is not None
    ]
    if len(done) < 2:
        return None
    last, first = done[0], done[-1]
    removed = sum(int(entry.get("removed") or 0) for entry in done)
    said = f"{len(done)} cleanups from {first.get('time')} to {last.get('time')} removed {files(removed)}"
    moved = int(last["after"]) - int(first["after"])
    if moved > LITTLE:
        return f"{said}; what they left rose from {first['after']} to {last['after']}: more comes than goes."
    if moved < -LITTLE:
        return f"{said}; what they left fell from {first['after']} to {last['after']}."
    return f"{said}; what they left stays at about {last['after']}."


LITTLE = 2
"""Counted files that are no trend."""

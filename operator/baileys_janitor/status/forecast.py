"""Forecasts the next events of a tenant, their times and their conditions. Pure.

A status may be read half an hour after it was written: so it names times and thresholds, which stay true, and not
durations.
"""

from __future__ import annotations

import math
from typing import Any

from baileys_janitor.api.config.effective import Effective
from baileys_janitor.api.values.durations import duration_text
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.policy import advice, levels
from baileys_janitor.policy.cleanup.estimate import Outlook
from baileys_janitor.schedule import calendar, cleanup_times, scan_times
from baileys_janitor.schedule.cleanup_times import DAILY, PAIRED, TRIGGER
from baileys_janitor.schedule.context import Context
from baileys_janitor.schedule.growth import DAY
from baileys_janitor.tenants.fault import OF_CLAIMS, Fault
from baileys_janitor.tenants.record import TenantRecord
from baileys_janitor.tenants.wording import files, files_are

HORIZON_SECONDS = 366 * DAY
"""How far to look ahead, in seconds: a longer growth is no concern, and not linear either."""
MINUTE = 60.0


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
        if room > 0 and growth > 0 and room * DAY / growth <= HORIZON_SECONDS:
            when = tenant.scan.last_scan + room * DAY / growth
            found[name] = to_rfc3339(math.floor(when / MINUTE) * MINUTE)
    return found


def told(tenant: TenantRecord, now: float, context: Context) -> str:
    """Describe what happens next."""
    effective = tenant.effective
    if effective is None:
        return "Nothing is done until the spec is valid; see Ready."
    if tenant.invalid is not None:
        return f"{tenant.resource.meanwhile} {_coming(tenant, effective, now, context)}"
    return _coming(tenant, effective, now, context)


def _coming(tenant: TenantRecord, effective: Effective, now: float, context: Context) -> str:
    if effective.suspend and tenant.invalid is not None:
        return "What is in the trash is still purged."
    if effective.suspend:
        return "No Job runs while spec.suspend is true; what is in the trash is still purged."
    fault = tenant.fault or tenant.backoff.work_fault
    if fault is not None and fault.stalled and tenant.run is None:
        return _trying_again(fault)
    if effective.scans_only:
        return _counting(tenant)
    parts = [_asked(tenant, now), _cleaning(tenant, now, context), _counting(tenant)]
    if effective.mode == "DryRun":
        parts.append("In mode DryRun a cleanup only says what it would remove.")
    return " ".join(part for part in parts if part)


def _asked(tenant: TenantRecord, now: float) -> str:
    """Describe when the requested cleanup begins; one that waits has a condition of its own."""
    asked = cleanup_times.requested(tenant, now)
    if asked is None or cleanup_times.request_waits(tenant) is not None:
        return ""
    if tenant.run is not None:
        return "The requested cleanup begins after the one under way."
    return f"The requested cleanup {_at(asked.time, now)}."


def _at(when: float, now: float) -> str:
    return "is about to begin" if when <= now else f"begins at {to_rfc3339(when)}"


def _trying_again(fault: Fault) -> str:
    if fault.reason in OF_CLAIMS:
        return "The claim is looked at again by itself, with growing pauses of two minutes at most."
    return (
        "The janitor tries again by itself, with growing pauses of half an hour at most, and at once when the spec "
        "is edited."
    )


def _counting(tenant: TenantRecord) -> str:
    if tenant.scan.unused_since is not None:
        return "No running pod uses the claim, so its files are counted only now and then (scanUnusedClaimsEvery)."
    return f"The files are counted every {duration_text(round(scan_times.scan_wait(tenant)))}."


def _cleaning(tenant: TenantRecord, now: float, context: Context) -> str:
    assert tenant.effective is not None
    look = tenant.look
    if tenant.run is not None:
        return f"The {tenant.run.get('reason')} cleanup {tenant.run.get('id')} is under way."
    if tenant.effective.mode == "Observe":
        return f"No cleanup runs in mode Observe{_refused(tenant)}."
    if look is None or not tenant.scan.counts:
        return "The first count decides about cleanups."
    if look.identity_state != PAIRED:
        return "Nothing is removed before creds.json shows a paired account."
    parts = [_next(tenant, now, context)]
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


def _refused(tenant: TenantRecord) -> str:
    """Describe that the last request was refused, while its annotation is still there."""
    last = tenant.cleanup.last or {}
    handled = tenant.resource.request and tenant.resource.request == tenant.timers.handled_request
    refused = handled and (last.get("reason"), last.get("outcome")) == ("Requested", "Refused")
    return ", so the requested one was refused" if refused else ""


def _held_by_silence(tenant: TenantRecord) -> str | None:
    """Describe why the count stays high although the files look old."""
    look, effective = tenant.look, tenant.effective
    if look is None or effective is None:
        return None
    outlook = Outlook(tenant.scan.counted, kept=look.kept, held_days=look.held_days)
    said = advice.silence_not_counted(outlook, effective.policy)
    return said.message if said is not None else None


def _next(tenant: TenantRecord, now: float, context: Context) -> str:
    assert tenant.effective is not None
    limit = tenant.effective.policy.thresholds.emergency
    if context.held_until is not None:
        return (
            f"Automatic cleanups wait until {to_rfc3339(context.held_until)}, since many removed abnormally much; "
            "a requested one runs."
        )
    parts: list[str] = []
    level = levels.level(tenant.scan.counted, tenant.effective.policy.thresholds)
    if level == levels.EMERGENCY:
        urgent = cleanup_times.emergency(tenant, now)
        cooled = None if urgent is None else urgent.time
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
    coming = calendar.next_cleanup(tenant, now, context)
    when = "" if coming is None else to_rfc3339(coming.time)
    if coming is not None and tenant.scan.reclaimable and cleanup_times.is_capped(tenant):
        killed = " which was killed," if tenant.cleanup.last_outcome == cleanup_times.KILLED else ""
        comma = "," if killed else ""
        parts.append(f"The last cleanup{comma}{killed} goes on at {when} with what it left.")
    elif coming is not None and coming.reason == TRIGGER:
        cooling = tenant.cleanup.cooldown_until or 0.0
        why = f", after the cooldown until {to_rfc3339(cooling)}" if cooling > now else ""
        parts.append(f"A Trigger cleanup runs at {when}{why}.")
    elif coming is not None and coming.reason == DAILY:
        could = f"{files_are(tenant.scan.reclaimable)} old enough for it now"
        found = could if tenant.scan.reclaimable else "nothing is old enough for it now"
        parts.append(f"The daily cleanup is due at {when}; {found}.")
    elif coming is None:
        parts.append("No daily cleanup is scheduled.")
    return " ".join(parts)


def trend(history: list[dict[str, Any]]) -> str | None:
    """Describe whether the last cleanups keep up with growth. None until two of them have removed something."""
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
        return (
            f"{said}; what they left rose from {first['after']} to {last['after']}: files grow faster than they are "
            "removed."
        )
    if moved < -LITTLE:
        return f"{said}; what they left fell from {first['after']} to {last['after']}."
    return f"{said}; what they left stays at about {last['after']}."


LITTLE = 2
"""A difference in counted files that is no trend."""

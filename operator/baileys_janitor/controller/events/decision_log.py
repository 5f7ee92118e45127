"""Writes the log's decisions: one line for each thing that was decided or has changed, with its fields. A listener."""

from __future__ import annotations

import logging
from typing import Any

from baileys_janitor.api.durations import elapsed_seconds
from baileys_janitor.controller.clock import to_rfc3339
from baileys_janitor.controller.events import changes
from baileys_janitor.controller.events.changes import Change
from baileys_janitor.controller.tenants.record import TenantRecord

logger = logging.getLogger("janitor.decisions")

BAD_ENDS = frozenset({"Failed", "Refused"})
GRAVE = {"Critical": 1, "Emergency": 2}
FLEET_WIDE = frozenset({"CleanupsHeld"})
"""Reasons of Ready that all tenants have at once; the breaker's own line tells of them."""


def write(heard: Change) -> None:
    """Write what there is to say of a piece of news."""
    if isinstance(heard, changes.LevelChanged):
        _level(heard)
    elif isinstance(heard, changes.CleanupStarted):
        _started(heard)
    elif isinstance(heard, changes.CleanupFinished):
        _finished(heard)
    elif isinstance(heard, changes.ConditionChanged):
        _condition(heard)
    elif isinstance(heard, changes.FaultMet):
        _say(logging.DEBUG, "Fault met again", heard.tenant, "scan", reason=heard.reason)
    elif isinstance(heard, changes.JobEnded):
        _job(heard)


def _say(level: int, message: str, tenant: TenantRecord, action: str, **fields: Any) -> None:
    about = {"namespace": tenant.namespace, "tenant": tenant.name, "action": action}
    logger.log(level, message, extra=about | fields)


def _level(heard: changes.LevelChanged) -> None:
    first = heard.before == changes.UNKNOWN and heard.after == "Healthy"
    bad = heard.after == "Emergency"
    level = logging.DEBUG if first else logging.WARNING if bad else logging.INFO
    tenant = heard.tenant
    counted = tenant.scan.counted if tenant.scan.counts else None
    _say(
        level,
        "Level changed",
        tenant,
        "scan",
        before=heard.before,
        after=heard.after,
        counted=counted,
    )
    _held_back(heard)


def _held_back(heard: changes.LevelChanged) -> None:
    """Say why nothing is done where the level calls for a cleanup: that nothing happens has no other line."""
    tenant, look = heard.tenant, heard.tenant.look
    if look is None or tenant.effective is None:
        return
    if heard.after not in GRAVE or GRAVE.get(heard.before, 0) > GRAVE[heard.after]:
        return
    emergency = heard.after == "Emergency"
    if not emergency and tenant.scan.counted < tenant.effective.policy.thresholds.trigger:
        return
    cooled = tenant.cleanup.emergency_cooldown_until if emergency else tenant.cleanup.cooldown_until
    until = None
    if tenant.effective.mode == "Observe":
        reason = "Observe"
    elif look.identity_state != "Paired":
        reason = "NotPaired"
    elif not (look.gain if emergency else look.reclaimable):
        reason = "NothingToGain"
    elif (cooled or 0.0) > (tenant.scan.last_scan or 0.0):
        reason, until = "Cooldown", to_rfc3339(cooled or 0.0)
    else:
        return
    _say(
        logging.INFO,
        "Cleanup held back",
        tenant,
        "clean",
        reason=reason,
        counted=tenant.scan.counted,
        reclaimable=tenant.scan.reclaimable,
        until=until,
    )


def _started(heard: changes.CleanupStarted) -> None:
    tenant = heard.tenant
    counts: dict[str, Any] = {}
    if tenant.scan.counts:
        counts = {"counted": tenant.scan.counted, "reclaimable": tenant.scan.reclaimable}
    _say(
        logging.INFO,
        "Cleanup started",
        tenant,
        "clean",
        reason=heard.reason,
        run=heard.run,
        **counts,
    )


def _finished(heard: changes.CleanupFinished) -> None:
    entry = heard.entry
    outcome = entry.get("outcome")
    bad = outcome in BAD_ENDS
    idle = outcome == "NothingToDo" and entry.get("reason") != "Requested"
    level = logging.WARNING if bad else logging.DEBUG if idle else logging.INFO
    _say(
        level,
        "Cleanup finished",
        heard.tenant,
        "clean",
        reason=entry.get("reason"),
        outcome=outcome,
        run=entry.get("run"),
        removed=entry.get("removed"),
        before=entry.get("before"),
        after=entry.get("after"),
        left=entry.get("left"),
        seconds=elapsed_seconds(entry.get("duration")),
        detail=entry.get("message") if bad else None,
    )


def _condition(heard: changes.ConditionChanged) -> None:
    tenant, reason = heard.tenant, heard.reason
    if heard.type == "Ready":
        # A fault is told by Stalled, which comes with it.
        quiet = heard.status == "False" or reason in FLEET_WIDE or heard.before == changes.UNKNOWN
        level = logging.DEBUG if quiet else logging.INFO
        level = logging.WARNING if reason == "ScansMissed" else level
        _say(level, "Readiness changed", tenant, "scan", reason=reason, outcome=heard.status)
    elif heard.status == "True":
        message = "Fault" if heard.type == "Stalled" else f"{heard.type} begins"
        _say(logging.WARNING, message, tenant, "scan", reason=reason, detail=heard.message)
    elif heard.before == "True":
        message = "Fault over" if heard.type == "Stalled" else f"{heard.type} ends"
        _say(logging.INFO, message, tenant, "scan", reason=reason)


def _job(heard: changes.JobEnded) -> None:
    """Jobs are many, and what came of them is told of their tenants; a purge has no other line."""
    purge = heard.action == "purge" and heard.outcome == "Completed"
    logger.log(
        logging.INFO if purge else logging.DEBUG,
        "Job ended",
        extra={
            "namespace": heard.namespace,
            "action": heard.action,
            "outcome": heard.outcome,
            "members": heard.members,
            "seconds": round(heard.seconds, 3),
        },
    )

"""Writes decisions to the log: one line for each decision or change, with its fields. A listener."""

from __future__ import annotations

import logging
from typing import Any

from baileys_janitor.api.conditions.backup_conditions import BACKED_UP, BACKUP_CONDITIONS
from baileys_janitor.api.conditions.condition_kinds import CLEAN, CONDITIONS
from baileys_janitor.api.keystores.conditions import STORE_CONDITIONS
from baileys_janitor.api.tenant_sets.conditions import SET_CONDITIONS
from baileys_janitor.api.values.durations import elapsed_seconds
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.status import changes
from baileys_janitor.status.changes import Change
from baileys_janitor.tenants.record import AnyRecord

logger = logging.getLogger("janitor.decisions")

BAD_ENDS = frozenset({"Failed", "Killed", "Refused"})
GRAVE = {"Critical": 1, "Emergency": 2}


def write(heard: Change) -> None:
    """Write the log line of a change, if it has one."""
    if isinstance(heard, changes.LevelChanged):
        _level(heard)
    elif isinstance(heard, changes.CleanupStarted):
        _started(heard)
    elif isinstance(heard, changes.CleanupFinished):
        _finished(heard)
    elif isinstance(heard, changes.ConditionChanged):
        _condition(heard)
    elif isinstance(heard, changes.FaultMet):
        _write(logging.DEBUG, "Fault met again", heard.tenant, "scan", reason=heard.reason)
    elif isinstance(heard, changes.OperationChanged):
        _operation(heard)
    elif isinstance(heard, changes.JobEnded):
        _job(heard)


def _write(level: int, message: str, tenant: AnyRecord, action: str, **fields: Any) -> None:
    about = {"namespace": tenant.namespace, tenant.log_field: tenant.name, "action": action}
    logger.log(level, message, extra=about | fields)


def _level(heard: changes.LevelChanged) -> None:
    first = heard.before == changes.UNKNOWN and heard.after == "Healthy"
    bad = heard.after == "Emergency"
    level = logging.DEBUG if first else logging.WARNING if bad else logging.INFO
    tenant = heard.tenant
    counted = tenant.scan.counted if tenant.scan.counts else None
    _write(
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
    """Log why no cleanup starts although the level requires one: nothing else in the log shows it."""
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
    _write(
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
    if tenant.found is not None:
        counts = {"counted": tenant.found[0], "reclaimable": tenant.found[1]}
    _write(
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
    _write(
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
    if heard.type in BACKUP_CONDITIONS:
        _backup(heard)
        return
    kind = (
        CONDITIONS.get(heard.type)
        or STORE_CONDITIONS.get(heard.type)
        or SET_CONDITIONS.get(heard.type)
    )
    fleet_wide = kind is not None and (kind.fleet_wide or heard.reason in kind.fleet_wide_reasons)
    if heard.type == "Ready":
        _readiness(heard, fleet_wide=fleet_wide)
        return
    if kind is not None and kind.false_event is not None:
        level = logging.WARNING if heard.status == "False" else logging.INFO
        detail = heard.message if heard.status == "False" else None
        fields = {"reason": heard.reason, "outcome": heard.status, "detail": detail}
        _write(level, f"{heard.type} changed", heard.tenant, "clean", **fields)
        return
    begins, ends = f"{heard.type} begins", f"{heard.type} ends"
    if heard.type == "Stalled":
        begins, ends = "Fault", "Fault over"
    cleans = kind is not None and kind.event is not None and kind.event.action == CLEAN
    tenant, action, reason = heard.tenant, "clean" if cleans else "scan", heard.reason
    if heard.status == "True":
        level = logging.DEBUG if fleet_wide else logging.WARNING
        _write(level, begins, tenant, action, reason=reason, detail=heard.message)
    elif heard.before == "True":
        level = logging.DEBUG if fleet_wide else logging.INFO
        _write(level, ends, tenant, action, reason=reason)


def _backup(heard: changes.ConditionChanged) -> None:
    """Log a change of a backup condition, unless it is the usual first one."""
    bad = heard.status == "False"
    level = logging.WARNING if bad else logging.INFO if heard.before == "False" else logging.DEBUG
    action = "backup" if heard.type == BACKED_UP.type else "drill"
    fields = {"reason": heard.reason, "outcome": heard.status}
    detail = {"detail": heard.message} if bad else {}
    _write(level, f"{heard.type} changed", heard.tenant, action, **fields, **detail)


def _readiness(heard: changes.ConditionChanged, *, fleet_wide: bool) -> None:
    """Log a change of Ready; a fault is in the line about Stalled, which is logged with it."""
    quiet = heard.status == "False" or fleet_wide or heard.before == changes.UNKNOWN
    level = logging.DEBUG if quiet else logging.INFO
    level = logging.WARNING if heard.reason == "ScansMissed" else level
    fields = {"reason": heard.reason, "outcome": heard.status}
    _write(level, "Readiness changed", heard.tenant, "scan", **fields)


def _operation(heard: changes.OperationChanged) -> None:
    """Log that an operation has begun, or how it ended."""
    begun = heard.phase == "Working"
    about = {
        "namespace": heard.namespace,
        "tenant": heard.tenant,
        "action": heard.action,
        "operation": heard.name,
    }
    ended = {} if begun else {"outcome": heard.reason, "detail": heard.message}
    level = logging.WARNING if heard.phase == "Failed" else logging.INFO
    logger.log(level, f"Operation {'started' if begun else 'finished'}", extra=about | ended)


def _job(heard: changes.JobEnded) -> None:
    """Log a Job: purges at info, because no tenant reports them, all others at debug."""
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

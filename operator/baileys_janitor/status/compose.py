"""Composes the status of a tenant from its record, and decides whether it is worth writing. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.conditions.conditions import MESSAGE_LIMIT, Conditions, digest, find
from baileys_janitor.api.values.timestamps import from_rfc3339, to_rfc3339
from baileys_janitor.policy.levels import LEVELS
from baileys_janitor.schedule import calendar, scan_times
from baileys_janitor.schedule.circuit_breaker import Hold
from baileys_janitor.schedule.context import Context, Intervals
from baileys_janitor.status import advice, backup, forecast, level_and_ready
from baileys_janitor.status.attention import attention
from baileys_janitor.status.backup import BackupContext
from baileys_janitor.tenants.cleanup_state import mark
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.figures import BYTES_MAX, by_kind
from baileys_janitor.tenants.record import AnyRecord, TenantRecord

Object = dict[str, Any]

PROMISE_SECONDS = 1.0
"""Tolerance for a promised time: it is published in whole seconds."""
MATERIAL_FILES = 5
"""Change of the count that makes a status worth writing."""


@dataclass(frozen=True, slots=True)
class StatusContext:
    """The inputs of a status besides its tenant."""

    started: float
    intervals: Intervals
    hold: Hold | None
    """Why automatic cleanups of the tenant's namespace hold."""
    advice: advice.Limits
    copies: bool = True
    """Whether copies of creds.json have a schedule of their own."""
    backup: BackupContext | None = None
    """The inputs of the status of its backups; None if none are configured or the tenant is suspended."""
    pairing: str | None = ""
    """The message about a new pairing that is due, empty if none is; None while unknown."""

    @property
    def schedule(self) -> Context:
        """The inputs of the schedule besides the tenant."""
        held_until = None if self.hold is None else self.hold.until
        return Context(self.started, self.intervals, held_until, self.copies)


def compose(tenant: TenantRecord, now: float, context: StatusContext) -> Object:
    """Return the status to store; values that are unknown now are carried over from the stored one."""
    status: Object = {"observedGeneration": tenant.resource.generation}
    conditions = Conditions(tenant.stored.status.get("conditions"), tenant.resource.generation, now)
    level = level_and_ready.level_of(tenant, now)
    status["level"] = level or "Unknown"
    level_and_ready.state_levels(conditions, tenant, level, now)
    level_and_ready.state_readiness(conditions, tenant, now, context.hold)
    advice.state(conditions, tenant, now, context.advice, context.pairing)
    backups = backup.state(conditions, tenant.backup, context.backup, now)
    status["conditions"] = conditions.items()
    since = find(status["conditions"], level or LEVELS[0])
    assert since is not None
    status["levelSince"] = since["lastTransitionTime"]
    status |= _figures(tenant, now)
    status |= _prospects(tenant, now, context)
    first = attention(status["conditions"], tenant.cleanup.failing)
    if first is not None:
        status["attention"] = first.word
        then = status.get("next")
        if (
            tenant.invalid is not None
            and then is not None
            and tenant.resource.meanwhile in first.first
        ):
            then = then.removeprefix(tenant.resource.meanwhile).lstrip()
        status["next"] = _led_by(first.first, then)
    times = {
        "lastScanTime": tenant.scan.last_scan,
        "nextScanTime": scan_times.promised_scan(tenant, now, context.schedule),
        "activeSince": tenant.scan.active_since,
        "cooldownUntil": _coming(tenant.cleanup.cooldown_until, now),
        "emergencyCooldownUntil": _coming(tenant.cleanup.emergency_cooldown_until, now),
    }
    status |= {key: to_rfc3339(when) for key, when in times.items() if when is not None}
    timers = {"trigger": tenant.timers.trigger_slot, "daily": tenant.timers.daily_slot}
    slots = {key: to_rfc3339(when) for key, when in timers.items() if when is not None}
    optional: Object = {
        "timers": slots,
        "growthPerDay": None
        if tenant.scan.growth is None
        else round(min(tenant.scan.growth, 1e9), 1),
        "run": tenant.run,
        "lastCleanup": tenant.cleanup.last,
        "history": tenant.cleanup.history,
        "trend": forecast.trend(tenant.cleanup.history),
        "lastHandledRequest": tenant.timers.handled_request,
        "trash": _trash(tenant),
        "credentialsCopies": _copies(tenant),
        "running": tenant.scan.running,
        "lastValid": tenant.resource.last_valid,
        "backup": backups,
        "lastRestore": tenant.cleanup.last_restore,
    }
    return status | {key: value for key, value in optional.items() if value not in (None, {}, [])}


def of_crash(tenant: TenantRecord, now: float, fault: Fault) -> Object:
    """Return the stored status, changed only to report that it cannot be composed."""
    level = tenant.stored.status.get("level", "Unknown")
    return crashed(tenant, now, fault) | {"level": level, "attention": fault.reason}


def crashed(record: AnyRecord, now: float, fault: Fault) -> Object:
    """Return the stored status of any kind of resource with conditions that report the fault."""
    stored = record.stored.status
    conditions = Conditions(stored.get("conditions"), record.resource.generation, now)
    conditions.set("Ready", False, fault.reason, fault.message)
    conditions.set("Stalled", True, fault.reason, fault.message)
    for condition in stored.get("conditions") or ():
        conditions.keep(condition["type"])
    return stored | {
        "observedGeneration": record.resource.generation,
        "conditions": conditions.items(),
    }


def _prospects(tenant: TenantRecord, now: float, context: StatusContext) -> Object:
    """Return the next steps; right after a start, before the first scan, those that an earlier operator wrote."""
    stalled = tenant.fault is not None and tenant.fault.stalled
    carried = tenant.look is None and tenant.scan.last_scan is not None
    if carried and tenant.effective is not None and not stalled and tenant.invalid is None:
        kept = ("next", "nextCleanupTime", "nextCleanupReason", "forecast")
        return {key: tenant.stored.status[key] for key in kept if key in tenant.stored.status}
    found: Object = {"next": forecast.told(tenant, now, context.schedule)}
    coming = calendar.next_cleanup(tenant, now, context.schedule)
    if coming is not None:
        found["nextCleanupTime"] = to_rfc3339(coming.time)
        found["nextCleanupReason"] = coming.reason
    ahead = forecast.forecast(tenant)
    if ahead:
        found["forecast"] = ahead
    return found


def _led_by(first: str, then: str | None) -> str:
    """Return the next step, preceded by the first thing to do, unless a carried-over text has that already."""
    then = then or ""
    whole = then if not first or then.startswith(first) else f"{first} {then}"
    return whole.strip()[:MESSAGE_LIMIT]


def _coming(when: float | None, now: float) -> float | None:
    return when if when is not None and when > now else None


def _trash(tenant: TenantRecord) -> Object | None:
    if tenant.scan.trash is None or not tenant.scan.trash[0]:
        return None
    found: Object = {"runs": tenant.scan.trash[0], "oldestTime": to_rfc3339(tenant.scan.trash[1])}
    look = tenant.look
    if look is not None and look.trash_files:
        found["files"] = look.trash_files
        found["bytes"] = _bounded(look.trash_bytes or 0)
    return found


def _copies(tenant: TenantRecord) -> Object:
    copies = tenant.copies
    found: Object = {"count": copies.count}
    if copies.newest is not None:
        found["newestTime"] = to_rfc3339(copies.newest)
    if copies.problem is not None:
        said = copies.problem.message[:MESSAGE_LIMIT]
        found |= {"reason": copies.problem.reason, "message": said}
    if copies.tried_at is not None:
        found["attemptTime"] = to_rfc3339(copies.tried_at)
    return _set(found)


def _figures(tenant: TenantRecord, now: float) -> Object:
    """Return files, volume and identity: from the last scan, else as stored."""
    look, effective = tenant.look, tenant.effective
    if look is None or look.counted is None or effective is None:
        if effective is not None and tenant.scan.last_scan is None:
            return {}  # the stored values, if any, are of another directory
        kept = ("files", "volume", "identity", "lastActivityTime")
        return {key: tenant.stored.status[key] for key in kept if key in tenant.stored.status}
    files: Object = {
        "total": look.total,
        "counted": look.counted,
        "limit": effective.policy.thresholds.emergency,
        "protected": look.protected,
        "reclaimable": look.reclaimable,
        "bytes": _bounded(look.bytes),
        "byKind": by_kind(look.by_kind),
        "kept": look.kept or None,
    }
    volume: Object = {
        "claimName": effective.claim_name,
        "path": effective.path,
        "freeBytes": _bounded(look.free_bytes),
        "freeInodes": _bounded(look.free_inodes),
    }
    identity: Object = {
        "state": look.identity_state,
        "fingerprint": tenant.scan.fingerprint or None,
    }
    if tenant.scan.suspicion is not None:
        identity["credsToken"] = tenant.scan.suspicion.token
        identity["suspectSince"] = to_rfc3339(tenant.scan.suspicion.since)
    found: Object = {"files": _set(files), "volume": _set(volume), "identity": _set(identity)}
    if look.newest_activity is not None:
        found["lastActivityTime"] = to_rfc3339(
            min(look.newest_activity, tenant.scan.last_scan or now)
        )
    return found


def _bounded(number: int | None) -> int | None:
    return None if number is None else min(number, BYTES_MAX)


def _set(values: Object) -> Object:
    return {key: value for key, value in values.items() if value is not None}


ALWAYS = ("level", "lastHandledRequest", "observedGeneration")
COOLDOWNS = ("cooldownUntil", "emergencyCooldownUntil")


def is_material(stored: Object, fresh: Object, now: float | None = None) -> bool:
    """Return whether readers of `stored` must learn at once what `fresh` contains.

    Levels, conditions, runs, results and cooldowns are always material; a count is once it changed by `MATERIAL_FILES`;
    times and small numbers wait for the next regular write. A cooldown that ran out is in the past for any reader, and
    no reason to write. With `now` (Unix seconds), a promise that will not be kept is a reason, too.
    """
    if now is not None and _is_broken(stored, fresh, now):
        return True
    if any(stored.get(key) != fresh.get(key) for key in ALWAYS):
        return True
    if _run(stored) != _run(fresh):
        return True
    if mark(stored.get("lastCleanup")) != mark(fresh.get("lastCleanup")):
        return True
    if (fresh.get("lastCleanup") or {}).get("after") != (stored.get("lastCleanup") or {}).get(
        "after"
    ):
        # After a killed run: the first scan after it has counted the remaining files.
        return True
    if any(key in fresh and stored.get(key) != fresh[key] for key in COOLDOWNS):
        return True
    if digest(stored.get("conditions")) != digest(fresh.get("conditions")):
        return True
    if (stored.get("timers") or {}).get("daily") != (fresh.get("timers") or {}).get("daily"):
        return True
    if (stored.get("trash") or {}).get("runs") != (fresh.get("trash") or {}).get("runs"):
        # The result of a purge: if it is not stored, a restarted operator would send another one.
        return True
    if _kept(stored) != _kept(fresh):
        return True
    before, after = stored.get("files") or {}, fresh.get("files") or {}
    if before.get("limit") != after.get("limit"):
        return True
    moved: int = abs((after.get("counted") or 0) - (before.get("counted") or 0))
    return moved >= MATERIAL_FILES


def _is_broken(stored: Object, fresh: Object, now: float) -> bool:
    """Return whether the stored status promises a future time that is no longer right."""
    names = ["nextCleanupTime"]
    if stored.get("lastScanTime") == fresh.get("lastScanTime"):
        names.append("nextScanTime")
    for name in names:
        told, right = from_rfc3339(stored.get(name)), from_rfc3339(fresh.get(name))
        if (
            told is not None
            and told > now
            and (right is None or abs(right - told) > PROMISE_SECONDS)
        ):
            return True
        if told is None and right is not None and name == "nextCleanupTime":
            return True
    return stored.get("nextCleanupReason") != fresh.get("nextCleanupReason")


def _kept(status: Object) -> tuple[Any, ...]:
    """Return why no copy of creds.json could be kept (a kept copy can wait), and the material part of backups."""
    return (status.get("credentialsCopies") or {}).get("reason"), *backup.mark(status.get("backup"))


def _run(status: Object) -> Object:
    """Return the run without the fields that an API server with an older CRD does not keep."""
    return {key: value for key, value in (status.get("run") or {}).items() if key != "uid"}


def merge_patch(stored: Object, fresh: Object) -> Object:
    """Return the JSON merge patch (RFC 7386) that turns `stored` into `fresh`."""
    patch: Object = {key: None for key in stored if key not in fresh}
    for key, value in fresh.items():
        before = stored.get(key)
        if before == value:
            continue
        patch[key] = (
            merge_patch(before, value)
            if isinstance(before, dict) and isinstance(value, dict)
            else value
        )
    return patch

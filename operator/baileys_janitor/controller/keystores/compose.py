"""Composes the status of a key store from its record, and decides whether it is worth writing. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.conditions.conditions import Conditions, digest
from baileys_janitor.api.keystores.conditions import STORE_CONDITIONS
from baileys_janitor.api.values.durations import duration_text
from baileys_janitor.api.values.timestamps import from_rfc3339, to_rfc3339
from baileys_janitor.controller.keystores.record import FOUND, KeyStoreRecord
from baileys_janitor.controller.status.writer import Composer
from baileys_janitor.schedule import calendar, cleanup_times, scan_times
from baileys_janitor.schedule.circuit_breaker import Hold
from baileys_janitor.schedule.context import Context
from baileys_janitor.status import backup, changes
from baileys_janitor.status.backup import BackupContext
from baileys_janitor.status.compose import PROMISE_SECONDS, crashed
from baileys_janitor.status.level_and_ready import held_by
from baileys_janitor.tenants.cleanup_state import mark
from baileys_janitor.tenants.wording import counted

Object = dict[str, Any]

LARGE_SECONDS = 86_400.0
"""How long a large cleanup is reported."""
MATERIAL_SHARE = 0.02
"""Share of the keys by which a count must change to make a status worth writing."""


@dataclass(frozen=True, slots=True)
class StoreContext:
    """The inputs of a status besides its store."""

    schedule: Context
    hold: Hold | None
    """Why automatic cleanups of the store's namespace hold."""
    backup: BackupContext | None = None
    """The inputs of the status of its backups; None if none are configured or the store is suspended."""


def composer(
    context: Callable[[KeyStoreRecord, float], StoreContext],
) -> Composer[KeyStoreRecord]:
    """Return the composer of the statuses of key stores."""
    return Composer(
        lambda record, now: compose(record, now, context(record, now)),
        crashed,
        is_material,
        _has_news,
        between,
    )


def compose(record: KeyStoreRecord, now: float, context: StoreContext) -> Object:
    """Return the status to store; values that are unknown now are carried over from the stored one."""
    conditions = Conditions(record.stored.status.get("conditions"), record.resource.generation, now)
    _state(conditions, record, now, context)
    backups = backup.state(conditions, record.backup, context.backup, now)
    status: Object = {
        "observedGeneration": record.resource.generation,
        "conditions": conditions.items(),
        "next": _next(record, now, context.schedule),
    }
    look = record.scan.look
    known = record.stored.status if look is None else look.found
    if record.scan.last_scan is not None:
        status |= {name: known[name] for name in FOUND if known.get(name)}
    coming = calendar.next_cleanup(record, now, context.schedule)
    if coming is not None:
        status["nextCleanupTime"] = to_rfc3339(coming.time)
        status["nextCleanupReason"] = coming.reason
    times = {
        "lastScanTime": record.scan.last_scan,
        "nextScanTime": scan_times.promised_scan(record, now, context.schedule),
        "cooldownUntil": _coming(record.cleanup.cooldown_until, now),
    }
    status |= {key: to_rfc3339(when) for key, when in times.items() if when is not None}
    slots = {"trigger": record.timers.trigger_slot, "daily": record.timers.daily_slot}
    optional: Object = {
        "timers": {key: to_rfc3339(when) for key, when in slots.items() if when is not None},
        "run": record.run,
        "lastRun": record.cleanup.last,
        "history": record.cleanup.history,
        "lastHandledRequest": record.timers.handled_request,
        "backup": backups,
    }
    return status | {key: value for key, value in optional.items() if value not in (None, {}, [])}


def _state(
    conditions: Conditions, record: KeyStoreRecord, now: float, context: StoreContext
) -> None:
    suspended = record.effective is not None and record.effective.suspend
    _state_layout(conditions, record)
    conditions.advise(STORE_CONDITIONS["LargeCleanup"], _large(record, now))
    said = held_by(context.hold) if context.hold is not None and not suspended else None
    conditions.advise(STORE_CONDITIONS["CleanupsHeld"], said)
    fault = record.invalid or record.fault or record.backoff.work_fault
    if fault is not None and fault.stalled and not suspended:
        conditions.set("Ready", False, fault.reason, fault.message)
        conditions.set("Stalled", True, fault.reason, fault.message)
        return
    conditions.set("Stalled", False, "NoFault", "There is no fault.")
    if suspended:
        conditions.set("Ready", True, "Suspended", "spec.suspend is true: no Job runs.")
    elif said is not None:
        conditions.set("Ready", True, "CleanupsHeld", said)
    elif record.scan.last_scan is None:
        conditions.set("Ready", None, "NotScanned", "The first count is under way.")
    elif _is_missed(record, now):
        message = "Three counts in a row brought no result and no reason; see the janitor's Jobs."
        conditions.set("Ready", None, "ScansMissed", message)
    else:
        conditions.set("Ready", True, *_mode(record))


def _is_missed(record: KeyStoreRecord, now: float) -> bool:
    missed = scan_times.missed_time(record)
    return missed is not None and now >= missed


def _mode(record: KeyStoreRecord) -> tuple[str, str]:
    assert record.effective is not None
    look = record.scan.look
    if look is not None and look.layout_fault is not None:
        return "CountedOnly", "The keys are counted and nothing is removed; see LayoutValid."
    if record.effective.mode == "DryRun":
        return (
            "DryRun",
            "Cleanups are decided and reported, and nothing is removed (mode DryRun).",
        )
    if record.effective.mode == "Observe":
        return "Observe", "Keys are counted and nothing is decided (mode Observe)."
    return "Observing", "The keys are counted, and cleaned every day."


def _state_layout(conditions: Conditions, record: KeyStoreRecord) -> None:
    look = record.scan.look
    if look is None:
        conditions.keep("LayoutValid")
    elif look.layout_fault is not None:
        conditions.set("LayoutValid", False, "NothingRemovable", look.layout_fault)
    else:
        message = "Table, columns, unique key, times and rights are what a cleanup needs."
        conditions.set("LayoutValid", True, "Checked", message)


def _large(record: KeyStoreRecord, now: float) -> str | None:
    """Describe a cleanup of the last day that removed more than `warnAbove`."""
    last, settings = record.cleanup.last or {}, record.effective
    ended = from_rfc3339(last.get("time"))
    removed = int(last.get("removed") or 0)
    if settings is None or ended is None or now - ended > LARGE_SECONDS:
        return None
    if removed <= settings.warn_above or last.get("outcome") == "DryRun":
        return None
    return (
        f"The cleanup {last.get('run')} removed {counted(removed, 'key')}, more than spec.warnAbove "
        f"({settings.warn_above}). If that surprises you, set spec.suspend and put them back: "
        f"`baileys-janitor keystore undo --run {last.get('run')}`."
    )


def _next(record: KeyStoreRecord, now: float, context: Context) -> str:
    """Describe what happens next."""
    settings = record.effective
    if settings is None:
        return "Nothing is done until the spec is valid; see Ready."
    waits = " The request that was made waits, too." if cleanup_times.requested(record, now) else ""
    if settings.suspend:
        return f"No Job runs while spec.suspend is true.{waits}"
    fault = record.fault or record.backoff.work_fault
    if fault is not None and fault.stalled and record.run is None:
        return (
            f"{fault.message} It does so with growing pauses, and at once when the spec is edited."
        )
    counting = f"The keys are counted every {duration_text(round(scan_times.scan_wait(record)))}."
    return f"{_cleaning(record, now, context)} {counting}"


def _cleaning(record: KeyStoreRecord, now: float, context: Context) -> str:
    assert record.effective is not None
    if record.run is not None:
        return f"The {record.run.get('reason')} cleanup {record.run.get('id')} is under way."
    if record.effective.mode == "Observe":
        return "No cleanup runs in mode Observe."
    look = record.scan.look
    if look is None:
        return "The first count decides about cleanups."
    if look.layout_fault is not None:
        return f"{look.layout_fault} Until then the keys are only counted."
    if context.held_until is not None:
        return (
            f"Automatic cleanups wait until {to_rfc3339(context.held_until)}, since many removed abnormally much; "
            "a requested one runs."
        )
    coming = calendar.next_cleanup(record, now, context)
    if coming is None:
        return "No cleanup runs by itself: spec.schedule.dailyCleanup is Never."
    dry = (
        "; in mode DryRun it only says what it would remove"
        if record.effective.mode == "DryRun"
        else ""
    )
    return f"The next cleanup ({coming.reason}) runs at {to_rfc3339(coming.time)}{dry}."


def is_material(stored: Object, fresh: Object, now: float | None = None) -> bool:
    """Return whether readers of `stored` must learn at once what `fresh` contains."""
    names = ("observedGeneration", "lastHandledRequest", "cooldownUntil", "nextCleanupReason")
    if any(stored.get(name) != fresh.get(name) for name in names):
        return True
    if _run(stored) != _run(fresh) or mark(stored.get("lastRun")) != mark(fresh.get("lastRun")):
        return True
    if digest(stored.get("conditions")) != digest(fresh.get("conditions")):
        return True
    if backup.mark(stored.get("backup")) != backup.mark(fresh.get("backup")):
        return True
    if (stored.get("timers") or {}).get("daily") != (fresh.get("timers") or {}).get("daily"):
        return True
    if now is not None and _is_broken(stored, fresh, now):
        return True
    before, after = (int((each.get("keys") or {}).get("total") or 0) for each in (stored, fresh))
    return abs(after - before) > MATERIAL_SHARE * max(before, after)


def _is_broken(stored: Object, fresh: Object, now: float) -> bool:
    """Return whether the stored status promises a cleanup at a wrong time."""
    told, right = (from_rfc3339(each.get("nextCleanupTime")) for each in (stored, fresh))
    if told is None or told <= now:
        return told is None and right is not None
    return right is None or abs(right - told) > PROMISE_SECONDS


def _run(status: Object) -> Object:
    return {key: value for key, value in (status.get("run") or {}).items() if key != "uid"}


def between(record: KeyStoreRecord, before: Object, after: Object) -> Iterator[changes.Change]:
    """Yield the changes between the statuses `before` and `after`."""
    entry = after.get("lastRun") or {}
    if entry and mark(entry) != mark(before.get("lastRun")):
        yield changes.CleanupFinished(record, entry)
    yield from changes.of_conditions(record, before, after)
    run = after.get("run") or {}
    if run.get("id") and run.get("id") != (before.get("run") or {}).get("id"):
        yield changes.CleanupStarted(record, str(run["id"]), str(run.get("reason")))


def _coming(when: float | None, now: float) -> float | None:
    return when if when is not None and when > now else None


def _has_news(record: KeyStoreRecord) -> bool:
    """Return whether a store's first status has content: a count, a fault, or the fact that nothing will happen."""
    suspended = record.effective is not None and record.effective.suspend
    faulty = record.fault is not None or record.invalid is not None
    return record.scan.look is not None or faulty or suspended

"""Composes the status of a set of tenants from its record, and decides whether it is worth writing. Pure."""

from __future__ import annotations

from typing import Any

from baileys_janitor.api.conditions.conditions import Conditions, digest
from baileys_janitor.api.names import CONFIRM_ANNOTATION
from baileys_janitor.api.tenant_sets.conditions import SET_CONDITIONS
from baileys_janitor.api.tenant_sets.status import GONE_MOST, KNOWN_MOST
from baileys_janitor.api.values.durations import duration_text
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.controller.status.writer import Composer
from baileys_janitor.controller.tenant_sets.record import SetRecord
from baileys_janitor.status import changes
from baileys_janitor.status.compose import crashed
from baileys_janitor.tenants.wording import counted

Object = dict[str, Any]


def composer() -> Composer[SetRecord]:
    """Return the composer of the statuses of sets."""
    return Composer(compose, crashed, is_material, _has_news, changes.of_conditions)


def compose(record: SetRecord, now: float) -> Object:
    """Return the status to store; values that are unknown now are carried over from the stored one."""
    conditions = Conditions(record.stored.status.get("conditions"), record.resource.generation, now)
    _state(conditions, record)
    look, plan = record.look, record.look.plan
    status: Object = {
        "observedGeneration": record.resource.generation,
        "conditions": conditions.items(),
        "next": _next(record),
    }
    if plan is not None:
        status["preview"] = {
            "found": plan.found,
            "tenants": plan.tenants,
            "elsewhere": plan.elsewhere,
            "new": plan.new,
            "waiting": plan.waiting,
            "deletedByHand": plan.by_hand,
            "gone": len(plan.gone),
            "unusable": look.unusable,
        }
    elif record.stored.status.get("preview"):
        status["preview"] = record.stored.status["preview"]
    optional: Object = {
        "lastLookTime": None if look.last is None else to_rfc3339(look.last),
        "known": sorted(look.known)[:KNOWN_MOST],
        "gone": [
            {"mark": mark, "since": to_rfc3339(since)}
            for mark, since in sorted(look.gone.items())[:GONE_MOST]
        ],
        "lastHandledConfirm": look.handled,
    }
    return status | {key: value for key, value in optional.items() if value not in (None, [])}


def _state(conditions: Conditions, record: SetRecord) -> None:
    suspended = record.effective is not None and record.effective.suspend
    plan = record.look.plan
    if plan is None:
        conditions.keep("AwaitsConfirmation")
        conditions.keep("LimitReached")
    else:
        conditions.advise(SET_CONDITIONS["AwaitsConfirmation"], _awaits(record))
        conditions.advise(SET_CONDITIONS["LimitReached"], _limited(record))
    fault = record.invalid or record.fault or record.backoff.work_fault
    if fault is not None and fault.stalled and not suspended:
        conditions.set("Ready", False, fault.reason, fault.message)
        conditions.set("Stalled", True, fault.reason, fault.message)
        return
    conditions.set("Stalled", False, "NoFault", "There is no fault.")
    if suspended:
        conditions.set(
            "Ready", True, "Suspended", "spec.suspend is true: it does not search for new places."
        )
    elif record.look.last is None:
        conditions.set("Ready", None, "NotScanned", "The first search is running.")
    elif fault is not None:
        conditions.set("Ready", True, fault.reason, fault.message)
    elif record.effective is not None and not record.effective.wanted.confirmed:
        conditions.set(
            "Ready", True, "Preview", "Nothing is created; status.preview shows what would be."
        )
    else:
        conditions.set("Ready", True, "Observing", "It creates a tenant for each place found.")


def _awaits(record: SetRecord) -> str | None:
    plan, settings = record.look.plan, record.effective
    assert plan is not None
    said = []
    if plan.new and settings is not None and not settings.wanted.confirmed:
        said.append(
            f"{counted(plan.new, 'tenant')} would be created: set spec.confirm to true if you want that."
        )
    if plan.by_hand:
        said.append(
            f"{counted(plan.by_hand, 'tenant')} that somebody has deleted would come back: set the annotation "
            f'{CONFIRM_ANNOTATION} to a new value, such as "$(date +%s)", if you want that.'
        )
    return " ".join(said) or None


def _limited(record: SetRecord) -> str | None:
    plan, settings = record.look.plan, record.effective
    assert plan is not None
    if not plan.waiting or settings is None:
        return None
    wanted = settings.wanted
    which = (
        f"spec.newPerDay ({wanted.new_per_day})"
        if plan.until_tomorrow
        else f"spec.limit ({wanted.limit})"
    )
    get, they_are = ("gets", "it is") if plan.waiting == 1 else ("get", "all of them are")
    return (
        f"{counted(plan.waiting, 'new one')} {get} no tenant yet because of {which}. See whether {they_are} meant "
        "before you raise it."
    )


def _next(record: SetRecord) -> str:
    settings = record.effective
    if settings is None:
        return "Nothing is done until the spec is valid; see Ready."
    if settings.suspend:
        return "Nothing is looked for while spec.suspend is true."
    if record.fault is not None and record.fault.stalled:
        return f"{record.fault.message} It is tried again with growing pauses."
    return f"It is looked again every {duration_text(round(settings.interval))}."


def is_material(stored: Object, fresh: Object, now: float | None = None) -> bool:  # noqa: ARG001 - as for others
    """Return whether readers of `stored` must learn at once what `fresh` contains."""
    names = ("observedGeneration", "preview", "known", "gone", "lastHandledConfirm")
    if any(stored.get(name) != fresh.get(name) for name in names):
        return True
    return digest(stored.get("conditions")) != digest(fresh.get("conditions"))


def _has_news(record: SetRecord) -> bool:
    suspended = record.effective is not None and record.effective.suspend
    faulty = record.fault is not None or record.invalid is not None
    return record.look.last is not None or faulty or suspended

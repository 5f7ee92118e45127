"""What is decided on for a tenant: a table of what it is and what it gets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.schedule import slots
from baileys_janitor.schedule.cleanup_times import open_slots
from baileys_janitor.schedule.decision import Decision, decide
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord
from tests.controller.pure.world import DAY, HELD, HOUR, NOW, PACE, SCHEDULE, claimed, look, tenant

NOTHING = Decision()
FAULT = Fault("JobDeadline", "The Job ran past its deadline.")


def case(
    counted: int = 100,
    spec: dict[str, Any] | None = None,
    *,
    trigger: bool = False,
    daily: bool = False,
    **more: Any,
) -> TenantRecord:
    """A tenant that was looked at; `trigger` and `daily` say whose slot is not handled yet."""
    known = tenant(spec)
    known.scan.look = look(counted, **more)
    known.timers.trigger_slot = known.timers.daily_slot = NOW
    if trigger:
        known.timers.trigger_slot = NOW - HOUR
    if daily:
        known.timers.daily_slot = NOW - 2 * DAY
    return known


def decided(known: TenantRecord, held: bool = False) -> Decision:
    return decide(known, NOW, HELD if held else SCHEDULE)


def asked(known: TenantRecord, token: str = "now") -> TenantRecord:
    known.resource.request = token
    return known


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (case(100), None),
        (case(179), None),
        (case(180), "Emergency"),
        (case(180, gain=0), None),
        (case(180, identity_state="Unpaired"), None),
        (case(180, identity_state="Corrupt"), None),
        (case(180, identity_state="Absent"), None),
        (case(180, {"mode": "DryRun"}), "Emergency"),
        (case(180, {"mode": "Observe"}), None),
        (case(180, {"suspend": True}), None),
        (case(175, trigger=True), "Trigger"),
        (case(174, trigger=True), None),
        (case(175, trigger=True, reclaimable=0), None),
        (case(175), None),
        (case(175, {"mode": "Observe"}, trigger=True), None),
        (case(100, daily=True), "Daily"),
        (case(100, daily=True, reclaimable=0), None),
        (case(100, {"suspend": True}, daily=True), None),
        (case(100, {"mode": "Observe"}, daily=True), None),
        (case(175, daily=True, trigger=True), "Daily"),
        (case(180, daily=True, trigger=True), "Emergency"),
        (asked(case(180, daily=True, trigger=True)), "Requested"),
        (asked(case(10, gain=0, reclaimable=0)), "Requested"),
        (asked(case(10, {"mode": "DryRun"})), "Requested"),
        (asked(case(10, {"suspend": True})), None),
        (asked(case(10, {"mode": "Observe"})), None),
        (asked(claimed(case(10))), None),
        (claimed(case(180)), None),
    ],
)
def test_the_table_of_reasons(known: TenantRecord, reason: str | None) -> None:
    assert decided(known).reason == reason


def test_the_open_breaker_holds_what_is_automatic_and_forgets_no_slot() -> None:
    for known in (case(175, trigger=True), case(100, daily=True)):
        assert decided(known, held=True) == NOTHING
    assert decided(case(180), held=True).reason == "Emergency"
    assert decided(asked(case(180)), held=True).reason == "Requested"


def test_cooldowns_hold_their_own_timer_and_never_a_request() -> None:
    known = asked(case(180, trigger=True))
    known.cleanup.cooldown_until = known.cleanup.emergency_cooldown_until = (
        known.cleanup.hold_until
    ) = NOW + HOUR
    assert decided(known).reason == "Requested"

    known.resource.request = None
    assert decided(known).reason is None
    known.cleanup.emergency_cooldown_until = known.cleanup.hold_until = NOW
    assert decided(known).reason == "Emergency"
    known.cleanup.emergency_cooldown_until = NOW + HOUR
    known.cleanup.cooldown_until = NOW
    assert decided(known).reason == "Trigger"


def test_the_daily_cleanup_waits_for_no_cooldown() -> None:
    known = case(100, daily=True)
    known.cleanup.cooldown_until = NOW + HOUR
    assert decided(known).reason == "Daily"


@given(
    st.sampled_from(["Daily", "Trigger", "Emergency", "Requested"]),
    st.sampled_from(["Completed", "DryRun", "Capped", "Failed", "Refused"]),
    st.integers(-86_400, 12 * 3600),
    st.booleans(),
)
def test_a_late_daily_cleanup_is_left_out_only_if_its_rules_were_applied_since_it_was_due(
    reason: str, outcome: str, later: int, dry_run: bool
) -> None:
    known = case(daily=True, spec={"mode": "DryRun"} if dry_run else None)
    _, slot = open_slots(known, NOW, SCHEDULE)
    assert slot is not None
    due_at = slot + slots.spread(known.text, "daily", PACE.jitter)
    ended = min(due_at + later, NOW)
    known.cleanup.record({"reason": reason, "outcome": outcome, "time": to_rfc3339(ended)}, {})
    served = (
        reason in {"Daily", "Trigger"}
        and outcome == ("DryRun" if dry_run else "Completed")
        and int(ended) >= due_at
    )
    decision = decided(known)
    assert (decision.reason is None) == served
    assert decision.daily_slot == slot


def test_a_daily_cleanup_with_nothing_to_do_is_recorded_and_starts_no_job() -> None:
    found = decided(case(100, daily=True, reclaimable=0))

    assert found.idle
    assert found.reason is None
    assert found.daily_slot is not None


def test_observing_settles_the_slots_so_that_none_is_overdue_later() -> None:
    found = decided(case(175, {"mode": "Observe"}, trigger=True, daily=True))

    assert found.trigger_slot is not None
    assert found.daily_slot is not None
    assert not found.idle


def test_a_request_under_observe_is_refused_and_handled() -> None:
    found = decided(asked(case(180, {"mode": "Observe"}), "t-1"))

    assert found.request == "t-1"
    assert found.refusal is not None
    assert found.reason is None


def test_a_request_runs_once_for_each_token() -> None:
    known = asked(case(100), "t-1")
    assert decided(known).request == "t-1"
    known.timers.handled_request = "t-1"
    assert decided(known) == NOTHING
    assert decided(asked(known, "t-2")).reason == "Requested"
    known.resource.request = None
    assert decided(known) == NOTHING


def test_a_request_needs_no_look_at_the_files() -> None:
    known = asked(case(100))
    known.scan.look = None
    assert decided(known).reason == "Requested"


@pytest.mark.parametrize(
    ("before", "after"), [("Daily", "Daily"), ("Trigger", "Trigger"), ("Emergency", "Trigger")]
)
def test_a_capped_run_goes_on_at_the_next_tick_below_the_trigger_too(
    before: str, after: str
) -> None:
    known = case(100, trigger=True)
    known.cleanup.record({"outcome": "Capped", "reason": before}, {})
    known.cleanup.cooldown_until = NOW + HOUR
    assert decided(known).reason == after

    known.timers.trigger_slot = NOW
    assert decided(known).reason is None


def cut_short(times: int, reason: str = "Emergency", ended: float = NOW) -> TenantRecord:
    """A tenant in an emergency whose last runs were capped."""
    known = case(180)
    for place in reversed(range(times)):
        when = to_rfc3339(ended - place * HOUR)
        known.cleanup.record(
            {"outcome": "Capped", "reason": reason, "time": when, "removed": 500}, {}
        )
    return known


@pytest.mark.parametrize(
    ("times", "pause"), [(1, 60), (2, 120), (3, 240), (5, 960), (6, 1800), (10, 1800), (14, 1800)]
)
@pytest.mark.parametrize("reason", ["Emergency", "Requested"])
def test_capped_emergencies_go_on_with_growing_pauses(times: int, pause: int, reason: str) -> None:
    assert decided(cut_short(times, reason, NOW - pause + 1)).reason is None
    assert decided(cut_short(times, reason, NOW - pause)).reason == "Emergency"


def test_the_pause_between_capped_emergencies_ends_with_a_completed_one() -> None:
    known = cut_short(6, ended=NOW - HOUR)
    known.cleanup.record(
        {"outcome": "Completed", "reason": "Emergency", "time": to_rfc3339(NOW)}, {}
    )
    assert decided(known).reason == "Emergency"

    again = to_rfc3339(NOW - 60)
    known.cleanup.record({"outcome": "Capped", "reason": "Emergency", "time": again}, {})
    assert decided(known).reason == "Emergency"


def test_a_request_waits_for_no_pause_between_capped_emergencies() -> None:
    assert decided(asked(cut_short(6))).reason == "Requested"


def test_a_capped_daily_cleanup_holds_no_emergency_back() -> None:
    assert decided(cut_short(3, "Daily")).reason == "Emergency"


def test_a_capped_emergency_that_lies_ahead_holds_nothing_back() -> None:
    assert decided(cut_short(6, ended=NOW + DAY)).reason == "Emergency"


@pytest.mark.parametrize("time", [None, "", "soon", 7])
def test_a_capped_emergency_of_unknown_time_holds_nothing_back(time: Any) -> None:
    known = case(180)
    known.cleanup.record({"outcome": "Capped", "reason": "Emergency", "time": time}, {})
    assert decided(known).reason == "Emergency"


def test_a_capped_run_with_nothing_left_to_gain_ends() -> None:
    known = case(100, trigger=True, reclaimable=0)
    known.cleanup.record({"outcome": "Capped", "reason": "Daily"}, {})
    assert decided(known).reason is None


def test_while_the_directory_cannot_be_looked_at_nothing_automatic_starts_or_is_forgotten() -> None:
    for known in (case(180), case(175, trigger=True), case(100, daily=True)):
        known.backoff.fault = FAULT
        assert decided(known) == NOTHING
    known = asked(case(180))
    known.backoff.fault = FAULT
    assert decided(known).reason == "Requested"


def test_before_the_first_look_and_with_an_invalid_spec_nothing_is_decided() -> None:
    known = case(180)
    known.scan.look = None
    assert decided(known) == NOTHING

    known = asked(case(180))
    known.resource.effective = None
    assert decided(known) == NOTHING


def test_the_timers_of_a_tenant_begin_when_it_is_first_seen() -> None:
    known = tenant()
    known.scan.look = look(179)
    assert decided(known).reason is None
    assert decide(known, NOW + DAY + HOUR, SCHEDULE).reason == "Daily"


def test_a_daily_slot_of_before_all_memory_is_nobodys() -> None:
    known = case(100)
    known.timers.daily_slot = None
    found = decided(known)

    assert found.reason is None
    assert found.daily_slot is not None
    assert not found.idle


def test_never_means_no_daily_cleanup() -> None:
    known = case(100, {"schedule": {"dailyCleanup": "Never"}}, daily=True)
    assert open_slots(known, NOW, SCHEDULE)[1] is None
    assert decided(known).reason is None


@given(st.floats(NOW, NOW + 3 * DAY), st.integers(0, 400), st.booleans())
def test_a_slot_that_was_settled_is_not_decided_on_again(
    now: float, counted: int, held: bool
) -> None:
    known = case(counted, trigger=True, daily=True, gain=0)
    first = decide(known, now, HELD if held else SCHEDULE)
    known.timers.trigger_slot = first.trigger_slot or known.timers.trigger_slot
    known.timers.daily_slot = first.daily_slot or known.timers.daily_slot
    again = decide(known, now, HELD if held else SCHEDULE)

    assert (again.reason, again.idle) == (None, False)


def test_a_token_that_came_with_the_manifest_is_no_request() -> None:
    known = tenant(token="from-git")
    known.scan.look = look(100)
    assert known.resource.request == known.timers.handled_request == "from-git"
    assert decided(known).request is None


def test_a_token_that_an_operator_was_down_for_is_one() -> None:
    stored = {"observedGeneration": 1, "lastHandledRequest": "old"}
    known = tenant(status=stored, token="new")
    known.scan.look = look(100)
    assert decided(known).request == "new"

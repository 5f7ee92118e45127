"""The status: composed anew, the same each time, valid for the API server, and written when it matters."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.conditions.conditions import Conditions
from baileys_janitor.api.config.effective import with_scans_only
from baileys_janitor.api.config.last_valid import InForce
from baileys_janitor.api.config.merge import InvalidTenant
from baileys_janitor.api.values import decoding
from baileys_janitor.job.result import CleanResult, KeptCopy, ScanResult
from baileys_janitor.schedule import calendar
from baileys_janitor.schedule.circuit_breaker import Hold
from baileys_janitor.schedule.context import Intervals
from baileys_janitor.schedule.decision import Decision, decide
from baileys_janitor.status import compose, level_and_ready
from baileys_janitor.tenants import record_result
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord
from tests.controller.pure.world import (
    CONTEXT,
    DAY,
    HOUR,
    NOW,
    SCHEDULE,
    STOPPED,
    claimed,
    clean_results,
    cleaned,
    conditions,
    failed_looks,
    kept_copies,
    look,
    looks,
    tenant,
)
from tests.schedule.simulation import applied

Object = dict[str, Any]
CRDS = Path(__file__).parents[3] / "crds"


def schema() -> Object:
    crd = yaml.safe_load((CRDS / "janitor.baileys.dev_baileystenants.yaml").read_text())
    found: Object = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    return dict(_closed(found))


def _closed(node: Any) -> Any:
    # What the schema does not name, the API server prunes: here it is to be seen.
    if isinstance(node, dict):
        shut = {key: _closed(value) for key, value in node.items()}
        if "properties" in node and node.get("type") == "object":
            shut["additionalProperties"] = False
        return shut
    return [_closed(value) for value in node] if isinstance(node, list) else node


VALIDATOR = jsonschema.Draft7Validator(schema())

faults = st.builds(
    Fault, st.sampled_from(["JobRefused", "Evil"]), st.text(max_size=3000), st.booleans()
)
workers = st.lists(looks | failed_looks | clean_results | kept_copies | faults, max_size=6)


def lived(happened: list[object], spec: Object | None = None) -> tuple[TenantRecord, float]:
    """A tenant to which all this happened, a minute apart, and the time after it."""
    known, now = tenant(spec), NOW
    for thing in happened:
        now += 60
        if isinstance(thing, ScanResult):
            record_result.scanned(known, thing, now, used=True)
        elif isinstance(thing, CleanResult):
            record_result.cleaned(claimed(known), thing, now, used=True)
        elif isinstance(thing, KeptCopy):
            record_result.kept(known, thing, None, now)
        elif isinstance(thing, Fault):
            known.fail(thing, now)
            record_result.kept(known, None, thing, now)
        known.take_stored(compose.compose(known, now, CONTEXT))
    return known, now


specs = st.sampled_from([{}, {"mode": "DryRun"}, {"mode": "Observe"}, {"suspend": True}])


@given(workers, specs)
def test_every_status_fits_the_definition_and_its_bounds(
    happened: list[object], spec: Object
) -> None:
    known, now = lived(happened, spec)
    claimed(known)
    found = compose.compose(known, now, CONTEXT)

    assert list(VALIDATOR.iter_errors(found)) == []
    assert all(len(c["message"]) <= 1024 for c in found["conditions"])


@given(workers, specs, st.integers(0, 7200))
def test_composing_twice_says_the_same(happened: list[object], spec: Object, later: int) -> None:
    known, now = lived(happened, spec)
    first = compose.compose(known, now + later, CONTEXT)
    assert compose.compose(known, now + later, CONTEXT) == first

    known.take_stored(deepcopy(first))
    again = compose.compose(known, now + later, CONTEXT)
    assert again == first
    assert not compose.is_material(first, again)
    assert compose.merge_patch(first, again) == {}


RECENT = {
    "attention",
    "next",
    "nextCleanupReason",
    "forecast",
    "trend",
    "levelSince",
    "removedByReason",
}
"""Fields that an older definition does not have."""


def pruned(value: Any) -> Any:
    """What an API server with an older definition stores."""
    if isinstance(value, dict):
        return {k: pruned(v) for k, v in value.items() if k not in RECENT}
    return [pruned(each) for each in value] if isinstance(value, list) else value


@given(workers, specs)
def test_an_api_server_that_prunes_what_is_new_is_not_written_to_again_and_again(
    happened: list[object], spec: Object
) -> None:
    known, now = lived(happened, spec)
    known.take_stored(pruned(compose.compose(known, now, CONTEXT)))
    assert not compose.is_material(known.stored.status, compose.compose(known, now, CONTEXT))


LIVE = {"Ready", "Stalled"}
"""Conditions of this very moment; an operator that has just started knows no fault."""
OF_NOW = {
    "conditions",
    "nextScanTime",
    "level",
    "levelSince",
    "next",
    "nextCleanupTime",
    "nextCleanupReason",
}


@given(workers, specs)
def test_a_restart_loses_nothing_of_what_was_told(happened: list[object], spec: Object) -> None:
    known, now = lived(happened, spec)
    told = decoding.status(compose.compose(known, now, CONTEXT))
    again = tenant(spec, told, now)
    found = compose.compose(again, now, CONTEXT)

    lasting = {k: v for k, v in found.items() if k not in OF_NOW}
    assert lasting == {k: v for k, v in told.items() if k not in OF_NOW}
    before, after = conditions(told), conditions(found)
    assert set(before) == set(after)
    for kind in set(before) - LIVE - set(level_and_ready.LEVELS):
        assert before[kind] == after[kind]
    if told["level"] != "Unknown":
        assert found["level"] == told["level"]


@given(workers, specs, st.integers(0, 7200))
def test_exactly_one_level_is_true_or_all_are_unknown(
    happened: list[object], spec: Object, later: int
) -> None:
    known, now = lived(happened, spec)
    found = compose.compose(known, now + later, CONTEXT)
    said = [conditions(found)[kind]["status"] for kind in level_and_ready.LEVELS]

    if found["level"] == "Unknown":
        assert set(said) == {"Unknown"}
    else:
        assert sorted(said) == ["False", "False", "False", "True"]
        assert conditions(found)[found["level"]]["status"] == "True"


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=8))
def test_the_transition_time_moves_only_when_the_status_does(seen: list[bool | None]) -> None:
    stored: list[Object] = []
    for place, value in enumerate(seen):
        fresh = Conditions(stored, 1, NOW + 60 * place)
        fresh.set("Ready", value, "Because", f"the {place}th time")
        moved = not stored or stored[0]["status"] != fresh.items()[0]["status"]
        same = stored and stored[0]["lastTransitionTime"] == fresh.items()[0]["lastTransitionTime"]
        assert moved != bool(same)
        stored = fresh.items()


# Levels and readiness


@pytest.mark.parametrize(
    ("counted", "level"),
    [(149, "Healthy"), (150, "Warning"), (170, "Critical"), (180, "Emergency"), (999, "Emergency")],
)
def test_the_level_follows_the_count(counted: int, level: str) -> None:
    known, now = lived([look(counted)])
    found = compose.compose(known, now, CONTEXT)

    assert found["level"] == level
    assert ("In danger" in conditions(found)[level]["message"]) == (counted >= 185)


def test_the_message_says_what_keeps_the_count_up_when_nothing_can_be_gained() -> None:
    for more, said in (
        ({"gain": 0}, "60 files are protected"),
        ({"gain": 0, "running": STOPPED}, "stopped"),
        ({"gain": 0, "identity_state": "Corrupt"}, "creds.json"),
    ):
        known, now = lived([look(200, **more)])
        assert said in conditions(compose.compose(known, now, CONTEXT))["Emergency"]["message"]


@pytest.mark.parametrize("state", ["Absent"])
def test_a_tenant_that_was_never_paired_has_no_level(state: str) -> None:
    known, now = lived([look(0, identity_state=state)])
    found = compose.compose(known, now, CONTEXT)

    assert found["level"] == "Unknown"
    assert {conditions(found)[kind]["reason"] for kind in level_and_ready.LEVELS} == {"NotPaired"}
    assert conditions(found)["Ready"]["status"] == "True"


WAITS = Fault("WaitingForFirstConsumer", "It waits.", stalled=False)
STUCK = Fault("ClaimMissing", "It is missing: create it.")


@pytest.mark.parametrize(
    ("spec", "happened", "fault", "ready", "stalled", "reason"),
    [
        ({}, [], None, "Unknown", "False", "NotScanned"),
        ({}, [look()], None, "True", "False", "Observing"),
        ({}, [look(999)], None, "True", "False", "Observing"),
        ({"mode": "DryRun"}, [look()], None, "True", "False", "DryRun"),
        ({"mode": "Observe"}, [look()], None, "True", "False", "Observe"),
        ({"suspend": True}, [], None, "True", "False", "Suspended"),
        ({"suspend": True}, [], STUCK, "True", "False", "Suspended"),
        ({}, [], WAITS, "True", "False", "WaitingForFirstConsumer"),
        ({}, [look()], STUCK, "False", "True", "ClaimMissing"),
    ],
)
def test_ready_says_whether_the_janitor_can_observe_and_act(
    spec: Object,
    happened: list[object],
    fault: Fault | None,
    ready: str,
    stalled: str,
    reason: str,
) -> None:
    known, now = lived(happened, spec)
    known.backoff.fault = fault
    told = conditions(compose.compose(known, now, CONTEXT))

    assert (told["Ready"]["status"], told["Stalled"]["status"]) == (ready, stalled)
    assert told["Ready"]["reason"] == reason
    if stalled == "True":
        assert told["Stalled"]["message"] == told["Ready"]["message"] != ""


def test_the_open_breaker_is_said_and_is_no_fault() -> None:
    known, now = lived([look()])
    hold = Hold(NOW + HOUR, fleet=False, namespaces=("shop",), tenants=("acme", "other"))
    context = compose.StatusContext(NOW, Intervals(0.0, 86_400.0, 3600.0), hold, CONTEXT.advice)
    told = conditions(compose.compose(known, now, context))["Ready"]

    assert (told["status"], told["reason"]) == ("True", "CleanupsHeld")
    assert "in this namespace" in told["message"]
    assert "acme and other" in told["message"]


@pytest.mark.parametrize(
    ("spec", "fault", "held"),
    [({}, None, True), ({}, STUCK, True), ({"suspend": True}, None, False)],
)
def test_a_hold_has_a_condition_of_its_own_whatever_ready_says(
    spec: Object, fault: Fault | None, held: bool
) -> None:
    known, now = lived([look()], spec)
    known.backoff.fault = fault
    hold = Hold(NOW + HOUR, fleet=False, namespaces=("shop",), tenants=("acme",))
    around = compose.StatusContext(NOW, Intervals(0.0, 86_400.0, 3600.0), hold, CONTEXT.advice)
    known.take_stored(compose.compose(known, now, around))
    told = conditions(known.stored.status)

    assert ("CleanupsHeld" in told) == held
    if held:
        assert told["CleanupsHeld"]["status"] == "True"
        assert "acme" in told["CleanupsHeld"]["message"]
        over = conditions(compose.compose(known, now, CONTEXT))["CleanupsHeld"]
        assert (over["status"], over["reason"]) == ("False", "NoHold")


def test_whose_namespaces_opened_the_fleets_breaker_is_nothing_for_a_tenants_status() -> None:
    known, now = lived([look()])
    hold = Hold(NOW + HOUR, fleet=True, namespaces=("bank", "clinic", "school"))
    context = compose.StatusContext(NOW, Intervals(0.0, 86_400.0, 3600.0), hold, CONTEXT.advice)
    told = conditions(compose.compose(known, now, context))["Ready"]["message"]

    assert "in 3 namespaces" in told
    assert not any(name in told for name in hold.namespaces)


def test_an_invalid_spec_stays_the_fault_whatever_late_jobs_bring() -> None:
    known, now = lived([look()])
    refused = InvalidTenant("spec.volume", "spec.volume is wrong.")
    known.resource.set_in_force(InForce(None, refused, "Nothing is done."))
    record_result.scanned(known, look(), now, used=True)
    known.fail(STUCK, now)
    told = compose.compose(known, now, CONTEXT)

    assert conditions(told)["Ready"]["reason"] == "InvalidSpec"
    assert told["level"] == "Unknown"


def test_an_invalid_spec_says_which_settings_are_used_and_what_else_is_wrong() -> None:
    known, now = lived([look(160)])
    assert known.effective is not None
    refused = InvalidTenant("spec.cooldown", "spec.cooldown is wrong.")
    meanwhile = "Until it is valid, other settings are used."
    known.resource.set_in_force(InForce(known.effective, refused, meanwhile))
    told = compose.compose(known, now, CONTEXT)
    ready = conditions(told)["Ready"]

    assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")
    assert ready["message"] == f"spec.cooldown is wrong. {meanwhile}"
    assert conditions(told)["Stalled"]["status"] == "True"
    assert told["level"] == "Warning"
    assert told["next"].startswith(f"spec.cooldown is wrong. {meanwhile} ")
    assert "Trigger cleanup" in told["next"]

    known.fail(STUCK, now)
    told = compose.compose(known, now, CONTEXT)
    assert conditions(told)["Ready"]["message"].endswith(f"Besides: {STUCK.message}")
    assert "The claim is looked at again by itself" in told["next"]


def test_while_only_scans_run_a_request_and_a_claimed_run_wait() -> None:
    known, now = lived([look(190)])
    assert known.effective is not None
    refused = InvalidTenant("spec.mode", "spec.mode is wrong.")
    known.resource.set_in_force(InForce(with_scans_only(known.effective), refused, "Scans only."))
    known.resource.annotate("now", False, None)

    assert decide(known, now, SCHEDULE) == Decision()
    due = {one.reason for one in calendar.upcoming(known, now, SCHEDULE)}
    assert due == {calendar.SCAN, calendar.STATUS}
    claimed(known)
    due = {one.reason for one in calendar.upcoming(known, now, SCHEDULE)}
    assert due == {calendar.SCAN, calendar.STATUS}
    told = compose.compose(known, now, CONTEXT)
    assert told["level"] == "Emergency"
    assert conditions(told)["RequestWaiting"]["reason"] == "InvalidSpec"


# When it is written


def written(more: Object) -> tuple[Object, Object]:
    known, now = lived([look(100)])
    before = compose.compose(known, now, CONTEXT)
    known.take_stored(before)
    for path, value in more.items():
        part, field = path.split(".")
        if path == "cleanup.last":
            known.cleanup.record({}, value)
        else:
            setattr(getattr(known, part), field, value)
    return before, compose.compose(known, now + 30, CONTEXT)


@pytest.mark.parametrize(
    ("more", "material"),
    [
        ({}, False),
        ({"scan.look": look(104)}, False),
        ({"scan.look": look(96)}, False),
        ({"scan.look": look(105)}, True),
        ({"scan.look": look(95)}, True),
        ({"scan.look": look(100, reclaimable=99, bytes=1)}, False),
        ({"scan.last_scan": NOW + 90}, False),
        ({"scan.growth": 77.0}, False),
        ({"timers.trigger_slot": NOW + 90}, False),
        ({"timers.daily_slot": NOW + 90}, True),
        ({"cleanup.run": {"id": "r", "reason": "Trigger"}}, True),
        ({"cleanup.last": {"outcome": "Completed"}}, True),
        ({"timers.handled_request": "t"}, True),
        ({"resource.generation": 2}, True),
        ({"backoff.fault": STUCK}, True),
        ({"scan.look": look(100, free_bytes=0)}, True),
        ({"cleanup.cooldown_until": NOW + HOUR}, True),
        ({"cleanup.cooldown_until": NOW - HOUR}, False),
    ],
)
def test_the_table_of_what_is_worth_a_write(more: Object, material: bool) -> None:
    before, after = written(more)

    assert compose.is_material(before, after) is material


def test_one_file_that_changes_the_level_is_worth_a_write() -> None:
    known, now = lived([look(149)])
    before = compose.compose(known, now, CONTEXT)
    known.scan.look = look(150)

    assert compose.is_material(before, compose.compose(known, now, CONTEXT))


def test_a_cooldown_that_ran_out_is_no_reason_to_write() -> None:
    known, now = lived([look(100)])
    known.cleanup.cooldown_until = now + HOUR
    before = compose.compose(known, now, CONTEXT)
    known.take_stored(before)
    known.scan.checked_at = now + 2 * HOUR

    assert not compose.is_material(before, compose.compose(known, now + 2 * HOUR, CONTEXT))


values = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


@given(objects, objects)
def test_the_patch_turns_what_is_stored_into_what_is_fresh(stored: Object, fresh: Object) -> None:
    patch = compose.merge_patch(stored, fresh)

    assert applied(stored, patch) == fresh
    assert compose.merge_patch(fresh, fresh) == {}


def test_figures_of_another_directory_are_not_told() -> None:
    known, now = lived([look(160)])
    moved = tenant({"volume": {"claimName": "other", "path": "company_1"}}, known.stored.status)
    found = compose.compose(moved, now, CONTEXT)

    assert "files" not in found
    assert found["level"] == "Unknown"
    assert moved.scan.running is None
    assert moved.jobs.rescan


def test_a_dry_run_tells_no_removal_in_the_status() -> None:
    known, now = lived([look(200)], {"mode": "DryRun"})
    record_result.cleaned(claimed(known), cleaned("DryRun"), now, used=True)
    found = compose.compose(known, now + DAY, CONTEXT)

    assert found["lastCleanup"]["outcome"] == "DryRun"
    assert "Would remove" in found["lastCleanup"]["message"]


def test_a_long_message_is_cut_to_what_a_condition_holds() -> None:
    fresh = Conditions(None, 1, NOW)
    fresh.set("Ready", False, "JobRefused", "x" * 5000)

    assert len(fresh.items()[0]["message"]) == 1024


def test_cleanups_that_help_little_again_and_again_recommend_a_rotation() -> None:
    entry = {"run": "r", "time": "2026-11-22T03:00:00Z", "reason": "Daily", "outcome": "Completed"}
    few = [entry | {"removed": number, "after": 172 + number} for number in range(3)]
    # Nearly all that is counted are device lists.
    kinds = [1, 7, 0, 0, 10, 0, 0, 160, 0, 0, 0]
    looked = look(178, floor=172, protected=168, by_kind=kinds)

    def said(*history: Object) -> str:
        known = tenant(status={"observedGeneration": -1, "history": list(history)})
        record_result.scanned(known, looked, NOW, used=True)
        found = conditions(compose.compose(known, NOW, CONTEXT)).get("RotationRecommended", {})
        return str(found["message"]) if found.get("status") == "True" else ""

    assert "The last 3 cleanups removed fewer than 5 files each and left 172 to 174" in said(*few)
    assert "rotate the session" in said(*few)
    dry = entry | {"outcome": "DryRun", "removed": 9, "after": 160}
    assert said(dry, *few) == said(*few)
    assert said(*few[:2]) == ""
    assert said(entry | {"removed": 9, "after": 172}, *few) == ""

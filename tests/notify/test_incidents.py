"""A status says what is wrong with a tenant now, and since when."""

from __future__ import annotations

from typing import Any

import pytest

from baileys_janitor.api.conditions.condition_kinds import Family
from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS, STALLED_SECONDS
from baileys_janitor.notify.incidents import Incident, Place, identify, incidents, moment, states
from tests.notify.world import HOUR, NOW

Object = dict[str, Any]

PLACE = Place("shop", "acme", "962302")
BASE = identify("shop", "acme", "u-1")
SINCE = "2026-11-18T09:00:00Z"


def condition(type_: str, status: str = "True", reason: str = "Said", since: str = SINCE) -> Object:
    return {"type": type_, "status": status, "reason": reason, "lastTransitionTime": since}


def found(status: Object, now: float = NOW) -> dict[str, Incident]:
    return {each.kind.name: each for each in incidents(status, BASE, PLACE, now)}


def level(name: str, **more: Any) -> Object:
    conditions = [
        condition(each, str(each == name))
        for each in ("Healthy", "Warning", "Critical", "Emergency")
    ]
    return {
        "level": name,
        "conditions": conditions,
        "files": {"counted": 190, "limit": 180},
        **more,
    }


def test_a_healthy_tenant_is_no_incident() -> None:
    assert found(level("Healthy")) == {}


@pytest.mark.parametrize("name", ["Warning", "Critical", "Emergency"])
def test_a_level_is_an_incident_since_its_condition_holds(name: str) -> None:
    (incident,) = found(level(name)).values()
    assert incident.kind is INCIDENT_KINDS[f"Tenant{name}"]
    assert incident.since == moment(SINCE)


def test_a_level_that_no_cleanup_can_change_is_told_as_such_instead() -> None:
    status = level("Emergency")
    status["conditions"].append(condition("ThresholdUnreachable"))
    assert list(found(status)) == ["ThresholdUnreachable"]


def test_limits_out_of_reach_are_none_of_a_healthy_tenant() -> None:
    status = level("Healthy")
    status["conditions"].append(condition("ThresholdUnreachable"))
    assert found(status) == {}


def test_a_level_that_is_not_known_any_more_neither_holds_nor_is_over() -> None:
    status = {"level": "Unknown", "conditions": [condition("Healthy", "Unknown", "ScansMissed")]}
    assert {state.family for state in states(status)}.isdisjoint(
        {INCIDENT_KINDS["TenantEmergency"].family}
    )
    assert list(found(status)) == ["ScanStale"]


def test_a_tenant_that_was_never_paired_is_over_the_limit_no_longer() -> None:
    status = {"level": "Unknown", "conditions": [condition("Healthy", "Unknown", "NotPaired")]}
    assert [(s.kind, s.since) for s in states(status) if s.family == 0] == [(None, moment(SINCE))]


@pytest.mark.parametrize(
    "name",
    [
        "CredentialsCorrupt",
        "CredentialsMissing",
        "DiskPressure",
        "SessionInactive",
        "IdentityChanged",
    ],
)
def test_advice_is_an_incident_while_it_holds(name: str) -> None:
    status = level("Healthy")
    status["conditions"].append(condition(name))
    assert list(found(status)) == [name]
    status["conditions"][-1]["status"] = "False"
    assert found(status) == {}


@pytest.mark.parametrize(
    ("was", "now"),
    [("CredentialsCorrupt", "CredentialsMissing"), ("CredentialsMissing", "CredentialsCorrupt")],
)
def test_of_two_kinds_of_one_family_the_one_that_holds_is_told_and_never_as_over(
    was: str, now: str
) -> None:
    status = level("Healthy")
    status["conditions"] += [condition(was), condition(now)]
    for ended in status["conditions"][-2:-1]:
        ended["status"] = "False"
    (state,) = (s for s in states(status) if s.family == Family.CREDENTIALS)
    assert state.kind is INCIDENT_KINDS[now]


def test_cleanups_fail_since_the_first_of_those_that_failed_in_a_row() -> None:
    history = [
        {"outcome": "Failed", "time": "2026-11-18T09:00:00Z"},
        {"outcome": "Failed", "time": "2026-11-18T08:00:00Z"},
        {"outcome": "Completed", "time": "2026-11-18T07:00:00Z"},
    ]
    (incident,) = found(level("Healthy", history=history)).values()
    assert incident.kind is INCIDENT_KINDS["CleanupFailing"]
    assert incident.since == moment("2026-11-18T08:00:00Z")
    assert found(level("Healthy", history=history[2:])) == {}


@pytest.mark.parametrize(
    ("outcomes", "failing"),
    [
        (["Killed"], False),
        (["Killed", "Killed", "Completed"], False),
        (["Killed", "Killed", "Killed"], True),
        (["Killed", "Failed", "Completed"], True),
        (["Completed", "Failed"], False),
    ],
)
def test_a_killed_cleanup_goes_on_by_itself_until_several_in_a_row_are(
    outcomes: list[str], failing: bool
) -> None:
    history = [{"outcome": outcome, "time": SINCE} for outcome in outcomes]
    assert ("CleanupFailing" in found(level("Healthy", history=history))) == failing


def test_a_fault_is_worth_telling_when_it_has_lasted() -> None:
    status = {"conditions": [condition("Ready", "False", "ClaimMissing")]}
    (incident,) = found(status).values()
    assert incident.kind is INCIDENT_KINDS["ScanStale"]
    assert incident.begins == incident.since + STALLED_SECONDS


def test_what_has_no_time_is_since_now_and_what_lies_ahead_too() -> None:
    ahead = level("Emergency")
    for each in ahead["conditions"]:
        each["lastTransitionTime"] = "2036-11-18T09:00:00Z"
    without: Object = {"level": "Emergency"}
    for status in (ahead, without):
        (incident,) = found(status, NOW).values()
        assert incident.since == NOW


@pytest.mark.parametrize("status", [{}, {"conditions": []}, {"observedGeneration": -1}])
def test_a_status_that_says_nothing_is_no_incident(status: Object) -> None:
    assert found(status) == {}


def test_tenants_and_families_have_numbers_of_their_own() -> None:
    assert max(Family) < 16
    numbers = {identify(f"n{i}", "acme", "u") for i in range(10_000)}
    assert len(numbers) == 10_000
    assert all(number & 0xF == 0 and number < 2**48 for number in numbers)
    assert identify("shop", "acme", "u-1") == BASE != identify("shop", "acme", "u-2")


def test_every_state_that_can_be_told_is_one_that_the_configuration_names() -> None:
    from typing import get_args

    from baileys_janitor.api.config.notification_config import Reason, Severity

    assert set(get_args(Reason)) == set(INCIDENT_KINDS)
    assert {kind.severity for kind in INCIDENT_KINDS.values()} == set(get_args(Severity))


def test_a_later_time_is_used_as_it_is() -> None:
    (incident,) = found(level("Warning"), NOW + HOUR).values()
    assert incident.since == moment(SINCE)

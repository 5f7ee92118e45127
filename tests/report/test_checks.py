"""The checklists answer what the data shows, and say so where it shows nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.report.collect import Collector
from baileys_janitor.report.incident import incident_of
from baileys_janitor.report.model import CLUSTER, DIRECTORIES, SourceKind
from baileys_janitor.report.words import rfc3339
from tests.report.sample import DAY, LIMITS, NOW, RUNS, SESSIONS, finished, run, session


def answers(*added: tuple[Any, list[Any]], source: SourceKind = DIRECTORIES) -> dict[str, Any]:
    """Answer and text of each point, by its id."""
    collector = Collector(NOW, 30)
    for one, runs in added:
        collector.add(one, runs, critical=170)
    checks = finished(collector, source)["checks"]
    return {
        each["id"]: each for each in (*checks["success"], *checks["weekly"], *checks["monthly"])
    }


def test_a_directory_that_nothing_is_known_of_is_guessed_nothing_about() -> None:
    found = answers((session(reclaimable=0), []))
    unknown = {id_ for id_, each in found.items() if each["answer"] == "NotKnown"}
    assert unknown == {
        "noSessionLost", "noManualActs", "allMonitored", "trends", "automation", "effective",
    }  # fmt: skip
    assert "watch" in found["automation"]["text"]


def test_a_month_of_daily_cleanups_is_good() -> None:
    runs = [run(day + 0.1, before=160, after=150) for day in range(31)]
    found = answers((session(recordedSince=runs[-1]["time"], growthPerDay=10.0), runs))
    good = {id_ for id_, each in found.items() if each["answer"] == "Good"}
    assert good >= {
        "countsBelowCritical", "cleanupsRemoveEnough", "noManualActs", "automation", "effective",
        "trends", "thresholds",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"reason": "Requested"}, "Attention"),
        ({"undone": True}, "Attention"),
        ({"reason": "Repair"}, "Attention"),
        ({"reason": "Restore", "before": 0, "after": 0}, "Attention"),
        ({"reason": "CommandLine"}, "NotKnown"),
        ({"reason": "Daily"}, "Good"),
    ],
)
def test_acts_of_people_are_told_from_those_of_the_janitor(
    fields: dict[str, Any], answer: str
) -> None:
    runs = [run(3, **fields), run(31)]
    found = answers((session(recordedSince=runs[-1]["time"]), runs))
    assert found["noManualActs"]["answer"] == answer


def test_a_short_record_is_no_proof() -> None:
    runs = [run(3)]
    found = answers((session(recordedSince=runs[-1]["time"]), runs))
    assert found["noManualActs"]["answer"] == "NotKnown"


def test_a_count_that_was_too_high_is_not_forgotten() -> None:
    found = answers((session(), [run(2, before=175, after=150)]))
    assert found["countsBelowCritical"]["answer"] == "Attention"
    assert "acme" in found["countsBelowCritical"]["text"]


def test_what_stays_high_after_two_cleanups_is_named() -> None:
    runs = [run(1, before=190, after=178), run(2, before=190, after=177)]
    found = answers((session(), runs))
    assert "acme" in found["effective"]["text"]
    assert found["effective"]["answer"] == "Attention"


def test_a_session_that_was_paired_again_is_named() -> None:
    found = answers((session(pairedAgain=True), []), (session("other", pairedAgain=False), []))
    assert found["noSessionLost"]["answer"] == "Attention"
    assert "acme" in found["noSessionLost"]["text"]


def test_old_automation_is_stale_only_while_something_could_go() -> None:
    assert answers((session(), [run(4)]))["automation"]["answer"] == "Attention"
    assert answers((session(reclaimable=0), [run(4)]))["automation"]["answer"] == "Good"


def test_a_limit_that_comes_near_is_a_matter_of_whether_anything_cleans() -> None:
    soon = {"warning": None, "critical": None, "emergency": rfc3339(NOW + 3 * DAY)}
    near = session(growthPerDay=20.0, forecast=soon)
    assert answers((near, []))["trends"]["answer"] == "Attention"
    assert answers((near, [run(4)]))["trends"]["answer"] == "Attention"
    assert answers((near, [run(1)]))["trends"]["answer"] == "Good"
    assert answers((near, []), source=CLUSTER)["trends"]["answer"] == "Good"
    assert "acme" in answers((near, []))["trends"]["text"]


def test_a_tenant_without_a_level_is_not_monitored() -> None:
    lost = answers((session(level="Unknown", identity=None), []), source=CLUSTER)
    new = answers((session(level="Unknown", identity="Unpaired"), []), source=CLUSTER)
    assert (lost["allMonitored"]["answer"], new["allMonitored"]["answer"]) == ("Attention", "Good")


@pytest.mark.parametrize(
    ("copies", "identity", "answer"),
    [(0, "Paired", "Attention"), (0, "Unpaired", "Good"), (2, "Paired", "Good")],
)
def test_a_paired_session_without_a_copy_of_its_credentials_is_named(
    copies: int, identity: str, answer: str
) -> None:
    kept = {"count": copies, "newest": None}
    found = answers((session(identity=identity, credentialsCopies=kept), []))
    assert found["copies"]["answer"] == answer
    assert "copies" not in answers((session(), []))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(SESSIONS, RUNS), max_size=4), st.sampled_from([DIRECTORIES, CLUSTER]))
def test_every_question_has_an_answer_whatever_comes_in(
    added: list[tuple[Any, list[Any]]], source: SourceKind
) -> None:
    found = answers(*added, source=source)
    assert len(found) in {11, 12}, "copies are asked for only where they can be known"
    assert all(each["text"] for each in found.values())


@settings(max_examples=40, deadline=None)
@given(SESSIONS, RUNS, st.sampled_from([DIRECTORIES, CLUSTER]))
def test_an_incident_has_all_points_of_the_recovery_checklist(
    lost: Any, runs: list[Any], source: SourceKind
) -> None:
    found = incident_of(lost, runs, LIMITS, source, NOW)
    assert [each["id"] for each in found["checks"]] == [
        "credentials", "lastCleanup", "countsBefore", "errors", "trigger", "schedules", "thresholds",
    ]  # fmt: skip
    times = [each["time"] for each in found["timeline"]]
    assert times == sorted(times, reverse=True)


def test_whoever_lost_credentials_is_told_not_to_stop_the_process() -> None:
    copies = {"count": 2, "newest": "2026-11-27T03:00:00Z"}
    lost = session(identity="Corrupt", credentialsCopies=copies)
    steps = incident_of(lost, [], LIMITS, DIRECTORIES, NOW)["steps"]
    assert steps[0].startswith("Do not stop")
    assert not [step for step in steps if step.startswith("Stop")]
    assert [step for step in steps if "2 kept copies" in step]
    paired = incident_of(session(), [], LIMITS, DIRECTORIES, NOW)["steps"]
    assert [step for step in paired if step.startswith("Stop")]


def test_a_trigger_that_did_not_fire_is_seen() -> None:
    runs = [run(1, before=178, reason="CommandLine")]
    checks = incident_of(session(), runs, LIMITS, DIRECTORIES, NOW)["checks"]
    [trigger] = [each for each in checks if each["id"] == "trigger"]
    assert trigger["answer"] == "Attention"

"""What the operator tells of itself: what it did, and whether it keeps up."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from baileys_janitor import __version__
from baileys_janitor.api.status import CleanupReason
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.controller.jobs.tracker import TrackedJob
from baileys_janitor.controller.metrics.process import OperatorMetrics
from baileys_janitor.job.result import OUTCOMES
from baileys_janitor.metrics.definitions import (
    ACTIONS,
    BREAKERS,
    DEFINITIONS,
    OLDEST_MOST,
    OTHER,
)
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.schedule.circuit_breaker import Hold
from baileys_janitor.status.changes import (
    CRASH_SITES,
    CleanupFinished,
    Crashed,
    JobEnded,
    LevelChanged,
)
from tests.controller.metrics.fleets import Heart, Series, StandingClock, of, series
from tests.controller.pure.world import HOUR, NOW, look, tenant


def told(process: OperatorMetrics) -> Series:
    return series(generate_latest(process.registry).decode())


def cleanup(outcome: str = "Completed", **entry: object) -> CleanupFinished:
    return CleanupFinished(tenant(), {"reason": "Trigger", "outcome": outcome, **entry})


def test_a_standby_says_that_it_does_not_lead_and_tells_of_no_tenant() -> None:
    process, heart = OperatorMetrics(StandingClock()), Heart()
    heart.tenant()
    assert of(told(process), "baileys_janitor_leader") == 0
    assert of(told(process), "baileys_janitor_tenants", level="Healthy") is None
    process.leads(heart.reconciler)
    assert of(told(process), "baileys_janitor_leader") == 1
    assert of(told(process), "baileys_janitor_tenants", level="Healthy") == 1
    process.stands_by()
    assert of(told(process), "baileys_janitor_leader") == 0
    assert of(told(process), "baileys_janitor_tenants", level="Healthy") is None


def test_the_version_is_told() -> None:
    found = told(OperatorMetrics(StandingClock()))
    assert of(found, "baileys_janitor_build_info", version=__version__) == 1
    assert of(found, "process_resident_memory_bytes")


def test_a_cleanup_counts_by_reason_and_outcome_with_what_it_removed() -> None:
    process, heart = OperatorMetrics(StandingClock()), Heart()
    process.leads(heart.reconciler)
    before = told(process)
    assert of(before, "baileys_janitor_cleanups_total", reason="Trigger", outcome="Failed") == 0
    assert of(before, "baileys_janitor_files_removed_total", file_type="session") == 0
    kinds = {"session": 30, "preKey": 2}
    heart.bus.publish(cleanup(removed=32, removedByKind=kinds, freedBytes=4096))
    heart.bus.publish(cleanup("Capped", removed=10, freedBytes=1000))
    heart.bus.publish(cleanup("Failed", removed=0))
    found = told(process)
    for outcome in ("Completed", "Capped", "Failed"):
        name = "baileys_janitor_cleanups_total"
        assert of(found, name, reason="Trigger", outcome=outcome) == 1
    removed = "baileys_janitor_files_removed_total"
    assert of(found, removed, file_type="session") == 30
    assert of(found, removed, file_type="preKey") == 2
    assert of(found, removed, file_type="unknown") == 10
    assert of(found, "baileys_janitor_freed_bytes_total") == 5096


def test_a_dry_run_has_removed_nothing() -> None:
    process = OperatorMetrics(StandingClock())
    process.listen(cleanup("DryRun", removed=32, removedByKind={"session": 32}, freedBytes=4096))
    found = told(process)
    name = "baileys_janitor_cleanups_total"
    assert of(found, name, reason="Trigger", outcome="DryRun") == 1
    assert of(found, "baileys_janitor_files_removed_total", file_type="session") == 0
    assert of(found, "baileys_janitor_freed_bytes_total") == 0


def test_jobs_are_timed_by_action_and_failures_counted_by_reason() -> None:
    process = OperatorMetrics(StandingClock())
    process.listen(JobEnded("shop", "scan", 40, 3.2, "Completed"))
    process.listen(JobEnded("shop", "scan", 2, 61.0, "JobDeadline"))
    found = told(process)
    name = "baileys_janitor_job_duration_seconds"
    assert of(found, f"{name}_count", action="scan") == 2
    assert of(found, f"{name}_sum", action="scan") == 64.2
    assert of(found, f"{name}_bucket", action="scan", le="5.0") == 1
    assert of(found, "baileys_janitor_job_tenants_total", action="scan") == 42
    failures = "baileys_janitor_job_failures_total"
    assert of(found, failures, action="scan", reason="JobDeadline") == 1


def test_reasons_and_actions_of_a_foreign_image_do_not_make_series_without_end() -> None:
    process = OperatorMetrics(StandingClock())
    for number in range(1000):
        process.listen(JobEnded("shop", f"a{number}", 1, 1.0, f"Reason{number}"))
        process.listen(Crashed(f"site{number}"))
        process.listen(cleanup(f"Outcome{number}"))
    names = [name for name, _ in told(process)]
    assert names.count("baileys_janitor_job_failures_total") == 1
    assert names.count("baileys_janitor_internal_errors_total") == len(CRASH_SITES) + 1
    reasons = [dict(labels) for name, labels in told(process) if name.endswith("_cleanups_total")]
    assert {each["outcome"] for each in reasons} >= {OTHER}
    assert len(reasons) < 40


def test_requests_count_by_verb_and_code() -> None:
    process = OperatorMetrics(StandingClock())
    for status in (200, 200, 409, 0):
        process.answered("PATCH", "/apis/x", status)
    found = told(process)
    name = "baileys_janitor_api_requests_total"
    counts = {code: of(found, name, verb="PATCH", code=code) for code in ("200", "409", "<error>")}
    assert counts == {"200": 2, "409": 1, "<error>": 1}


def test_the_queue_is_as_deep_as_tenants_wait_and_lags_as_long_as_the_first_of_them() -> None:
    process, heart = OperatorMetrics(StandingClock()), Heart()
    process.leads(heart.reconciler)
    assert of(told(process), "baileys_janitor_queue_depth") == 0
    assert of(told(process), "baileys_janitor_scheduling_lag_seconds") == 0
    heart.cache.schedule(heart.tenant("due"), NOW + 10)
    heart.cache.schedule(heart.tenant("later"), NOW + HOUR)
    waiting = heart.tenant("waiting", look(155))
    waiting.jobs.waiting = True
    heart.queue.append(waiting)
    heart.time = NOW + 40
    found = told(process)
    assert of(found, "baileys_janitor_queue_depth") == 2
    assert of(found, "baileys_janitor_scheduling_lag_seconds") == 30
    heart.time = NOW + 100
    assert of(told(process), "baileys_janitor_scheduling_lag_seconds") == 90
    heart.time = NOW + 160
    waiting.queue.due, waiting.queue.busy = NOW + 160, True
    assert of(told(process), "baileys_janitor_scheduling_lag_seconds") == 150


def test_jobs_in_flight_and_the_circuit_breaker_show() -> None:
    process, heart = OperatorMetrics(StandingClock()), Heart()
    process.leads(heart.reconciler)
    heart.tracker.add(TrackedJob("shop", "one", "scan", []))
    heart.tracker.add(TrackedJob("shop", "two", "clean", [], started=NOW))
    heart.tracker.add(TrackedJob("shop", "three", "clean", [], settled=True))
    heart.held = Hold(NOW + HOUR, fleet=False, namespaces=("shop",))
    name = "baileys_janitor_circuit_breaker_namespace_open"
    assert of(told(process), name, namespace="shop") == 1
    assert of(told(process), "baileys_janitor_circuit_breaker_open") == 0
    heart.held = Hold(NOW + HOUR, fleet=True, namespaces=tuple(f"n{i}" for i in range(500)))
    found = told(process)
    assert sum(key[0] == name for key in found) == BREAKERS
    assert of(found, "baileys_janitor_jobs_in_flight") == 2
    assert of(found, "baileys_janitor_pods_pending") == 1
    assert of(found, "baileys_janitor_circuit_breaker_open") == 1


def test_operations_that_are_not_over_are_counted_and_the_oldest_named() -> None:
    process, heart = OperatorMetrics(StandingClock()), Heart()
    process.leads(heart.reconciler)
    heart.operation("one", "Clean", age=40)
    heart.operation("two", "Clean", age=90)
    begun = to_rfc3339(NOW - 30)
    heart.operation("three", "Backup", "bank", age=500, phase="Working", startTime=begun)
    heart.operation("four", "Undo", age=500, phase="Failed")
    heart.operation("five", "FromLater", age=7)
    found = told(process)
    active, age = "baileys_janitor_operations_active", "baileys_janitor_operation_age_seconds"
    assert of(found, active, action="Clean", phase="Pending") == 2
    assert of(found, active, action="Backup", phase="Working") == 1
    assert of(found, active, action="Undo", phase="Working") == 0
    assert of(found, active, action=OTHER, phase="Pending") == 1
    assert of(found, age, tenant="acme", action="Clean", phase="Pending") == 90
    assert of(found, age, tenant="bank", action="Backup", phase="Working") == 30
    assert of(found, age, action="Undo") is None


def test_a_thousand_operations_name_the_oldest_alone() -> None:
    process, heart = OperatorMetrics(StandingClock()), Heart()
    process.leads(heart.reconciler)
    for number in range(1000):
        heart.operation(f"o{number}", "Clean", f"t{number}", age=number)
    shown = [
        dict(labels) for name, labels in told(process) if name.endswith("operation_age_seconds")
    ]
    assert {each["tenant"] for each in shown} == {
        f"t{number}" for number in range(1000 - OLDEST_MOST, 1000)
    }


def test_tenants_are_counted_by_level() -> None:
    process, heart = OperatorMetrics(StandingClock()), Heart()
    process.leads(heart.reconciler)
    for name, counted in (("a", 10), ("b", 155), ("c", 156), ("d", 181)):
        heart.tenant(name, look(counted))
    found = told(process)
    levels = ("Unknown", "Healthy", "Warning", "Critical", "Emergency")
    counts = [of(found, "baileys_janitor_tenants", level=level) for level in levels]
    assert counts == [0, 1, 2, 0, 1]


def test_news_that_no_metric_is_about_are_let_pass() -> None:
    process = OperatorMetrics(StandingClock())
    before = told(process)
    process.listen(LevelChanged(tenant(), "Healthy", "Warning", ""))
    after = told(process)
    own = [key for key in before if key[0].startswith("baileys_")]
    assert {key: before[key] for key in own} == {key: after[key] for key in own}


WORDS = st.sampled_from([*ACTIONS, *OUTCOMES, *KINDS, *get_args(CleanupReason)]) | st.text(
    max_size=9
)


@given(st.lists(st.tuples(WORDS, WORDS, WORDS, st.integers(0, 99)), max_size=20))
def test_whatever_is_told_the_series_stay_within_the_stated_bounds(
    story: list[tuple[str, str, str, int]],
) -> None:
    process, heart = OperatorMetrics(StandingClock()), Heart()
    process.leads(heart.reconciler)
    for first, second, kind, count in story:
        entry = {"reason": first, "outcome": second, "removed": count, "freedBytes": count}
        process.listen(CleanupFinished(tenant(), {**entry, "removedByKind": {kind: count}}))
        process.listen(JobEnded("shop", first, count, float(count), second))
    shown = [name for name, _ in told(process)]
    for each in DEFINITIONS:
        stem = each.name.removesuffix("_total")
        mine = [name for name in shown if name.removesuffix("_total").startswith(stem)]
        if each.kind != "histogram":
            mine = [name for name in mine if name == each.name]
        assert each.most is None or len(mine) <= each.most, each.name

"""When a tenant is due: nothing is forgotten or repeated over an outage, and nothing spins."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.schedule import calendar, cleanup_times, growth, scan_times
from baileys_janitor.schedule import slots as slots_of
from baileys_janitor.schedule.context import Context, Intervals
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.timers import REQUESTS_AT_ONCE, REQUESTS_WITHIN_SECONDS
from baileys_janitor.volume.files.disk_space import FULL_BYTES
from tests.all_checks import one_in
from tests.controller.pure.world import (
    DAY,
    HOUR,
    NOW,
    PACE,
    STOPPED,
    claimed,
    conditions,
    look,
    tenant,
)
from tests.schedule.simulation import Cluster, Directory

QUIET = {"schedule": {"triggerInterval": "7d", "scanInterval": "2h"}}


def cluster(spec: dict[str, Any] | None = None, **directory: Any) -> Cluster:
    made = Cluster(Directory(**directory), spec or {})
    made.start()
    return made


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(1, 40), st.floats(1, 4 * DAY)), max_size=4))
def test_after_any_outage_exactly_one_overdue_daily_cleanup_runs(
    periods: list[tuple[int, float]],
) -> None:
    made = cluster(QUIET)
    delay = slots_of.spread("shop/acme", "daily", PACE.jitter)
    for up, down in [*periods, (5, 0.0)]:
        for hours in range(up):
            # Right after a start the last count still holds, and the first scan comes when it is due.
            made.run(HOUR if hours else 2 * HOUR + 30)
            slots = [slots_of.daily_slot("0 3 * * *", "UTC", delay, when) for when, _ in made.begun]
            latest = slots_of.daily_slot("0 3 * * *", "UTC", delay, made.now - 60)
            assert latest is not None
            assert len(slots) == len(set(slots))
            assert latest <= NOW or latest in slots
        made.stop()
        made.run(down)
        made.start()
    assert len(made.directory.journal) == len(made.begun)
    assert {reason for _, reason in made.begun} <= {"Daily"}


@settings(max_examples=15)
@given(st.lists(st.tuples(st.floats(600, 6 * HOUR), st.floats(1, 9 * HOUR)), max_size=5))
def test_after_any_outage_each_trigger_slot_has_at_most_one_cleanup_and_an_overdue_one_runs(
    periods: list[tuple[float, float]],
) -> None:
    spec = {
        "cooldown": "0s",
        "schedule": {"triggerInterval": "1h", "scanInterval": "10m", "dailyCleanup": "Never"},
        "thresholds": {"trigger": 175, "emergency": 900, "danger": 900},
    }
    made = cluster(spec, counted=500.0, reclaimable=1)
    offset = slots_of.spread("shop/acme", "trigger", HOUR)
    for up, down in [*periods, (600.0, 0.0)]:
        made.run(up)
        made.stop()
        made.run(down)
        made.start()
    # What was missed is caught up on within the jitter after the last start.
    made.run(PACE.jitter + 600)
    slots = [slots_of.trigger_slot(3600, offset, when) for when, _ in made.begun]

    assert len(slots) == len(set(slots))
    if any(down > HOUR + 600 for _, down in periods[-1:]):
        assert made.begun
        assert slots_of.trigger_slot(3600, offset, made.now) in (slots[-1], slots[-1] + 3600)


def test_a_cleanup_whose_operator_died_is_not_run_twice() -> None:
    made = cluster(QUIET)
    made.run(30)
    made.edit(token="please")
    made.run(1)
    assert [reason for _, reason in made.begun] == ["Requested"]
    made.stop()
    made.run(HOUR)
    made.start()
    made.run(HOUR)

    assert len(made.directory.journal) == 1
    assert made.status["lastCleanup"]["outcome"] == "Completed"
    assert made.status["lastHandledRequest"] == "please"
    assert len(made.status["history"]) == 1


MODES: list[dict[str, Any]] = [
    {},
    {"mode": "DryRun"},
    {"mode": "Observe"},
    {"suspend": True},
    {"schedule": {"scanInterval": "10s", "triggerInterval": "1m", "dailyCleanup": "*/30 * * * *"}},
    {"cooldown": "0s", "emergencyCooldown": "0s", "schedule": {"triggerInterval": "1m"}},
    {"thresholds": {"warning": 400}},  # above the inherited critical: not valid
]
DIRECTORIES: list[dict[str, Any]] = [
    {},
    {"counted": 160.0},
    {"counted": 200.0},
    {"counted": 200.0, "reclaimable": 0},
    {"counted": 100.0, "grows": 2000.0},
    {"error": "DirectoryMissing"},
    {"more": {"identity_state": "Absent", "counted": 0, "total": 0}},
    {"counted": 200.0, "more": {"identity_state": "Corrupt", "gain": 0, "reclaimable": 0}},
    {"counted": 150.0, "more": {"running": STOPPED, "newest_activity": int(NOW) - 9 * 86400}},
    {"counted": 300_000.0, "reclaimable": 0, "more": {"bytes": None, "identity_state": None}},
    {"counted": 190.0, "more": {"free_bytes": 0, "trash_runs": 3, "trash_oldest": int(NOW)}},
]


LIVES = one_in(
    3, itertools.product(range(len(DIRECTORIES)), range(len(MODES)), (None, "JobDeadline"))
)


@pytest.mark.parametrize(("number", "mode", "broken"), LIVES)
def test_no_tenant_makes_a_busy_loop_nor_a_flood_of_writes_or_jobs(
    number: int, mode: int, broken: str | None
) -> None:
    directory, spec = DIRECTORIES[number], MODES[mode]
    made = cluster(spec, **directory)
    made.run(100)
    made.broken = broken
    before = made.considered, made.writes, made.jobs
    often = "10s" in str(spec)
    hours = 1 if often else 2
    made.run(hours * HOUR)

    considered, writes, jobs = (
        now - then
        for now, then in zip((made.considered, made.writes, made.jobs), before, strict=True)
    )
    assert considered <= (1500 if often else 300) * hours
    assert jobs <= (400 if often else 130) * hours
    assert writes <= 70 * hours
    if "grows" not in directory and directory.get("counted", 0) < 175 and not often:
        assert writes <= 6 * hours


@pytest.mark.parametrize("broken", ["JobDeadline", "ImagePullFailed"])
def test_a_tenant_whose_jobs_all_fail_is_asked_again_ever_less_often(broken: str) -> None:
    made = cluster()
    made.run(100)
    made.broken = broken
    made.run(6 * HOUR)

    assert made.considered < 60
    assert made.status["level"] == "Unknown"
    assert conditions(made.status)["Ready"]["reason"] == broken
    made.broken = None
    made.run(HOUR)
    assert made.status["level"] == "Healthy"


@pytest.mark.parametrize("spec", [{"suspend": True}, {"thresholds": {"warning": 400}}, {}])
def test_every_generation_of_the_spec_is_observed_within_seconds(spec: dict[str, Any]) -> None:
    made = cluster(spec)
    made.run(30)
    assert made.status["observedGeneration"] == 1
    for other in ({"suspend": True}, {"thresholds": {"warning": 400}}, {"mode": "Observe"}):
        made.edit(other)
        made.run(30)
        assert made.status["observedGeneration"] == made.generation
    assert conditions(made.status)["Ready"]["reason"] == "Observe"


def test_an_invalid_spec_without_a_directory_is_said_once_and_recovers() -> None:
    made = cluster({"volume": {"claimName": "a b"}})
    made.run(DAY)
    told = conditions(made.status)
    assert (told["Ready"]["status"], told["Stalled"]["reason"]) == ("False", "InvalidSpec")
    assert made.writes == 1
    assert made.considered < 60

    made.edit({})
    made.run(60)
    assert conditions(made.status)["Ready"]["status"] == "True"
    assert made.status["level"] == "Healthy"


def test_while_suspended_the_trash_is_purged_and_nothing_else_happens() -> None:
    made = cluster({"undoWindow": "1h"}, counted=200.0)
    made.run(60)
    made.edit(token="please")
    made.run(60)
    assert made.directory.trash
    made.edit({"undoWindow": "1h", "suspend": True})
    made.run(60)
    jobs = made.jobs
    made.stop()
    made.start()
    made.run(2 * DAY)

    assert made.directory.trash == 0
    assert made.jobs == jobs + 1
    assert conditions(made.status)["Ready"]["reason"] == "Suspended"


def test_a_suspended_request_waits_and_then_runs_once() -> None:
    made = cluster({"suspend": True})
    made.run(60)
    made.edit(token="please")
    made.run(DAY)
    assert made.begun == []
    made.edit({})
    made.run(DAY)
    reasons = [reason for _, reason in made.begun]
    assert reasons[0] == "Requested"
    assert reasons.count("Requested") == 1


def test_a_request_waits_for_no_back_off() -> None:
    known = tenant()
    for _ in range(10):
        known.fail(Fault("JobDeadline", "Slow."), NOW)
    made = Cluster(Directory(), tenant=known)
    made.cache.tenants[known.key] = known
    known.resource.version = "1"
    made.edit(token="please")

    when = calendar.next_time(known, NOW + 1, Context(NOW, PACE))
    assert when is not None
    assert when <= NOW + 1


def test_a_flood_of_requests_is_spread_and_the_last_one_is_answered() -> None:
    made = cluster()
    made.run(600)
    for second in range(1800):
        made.edit(token=f"please-{second}")
        made.run(1)
    made.run(900)
    times = [when for when, reason in made.begun if reason == "Requested"]
    assert REQUESTS_AT_ONCE < len(times) <= REQUESTS_AT_ONCE * 5
    for first, fourth in zip(times, times[REQUESTS_AT_ONCE:], strict=False):
        assert fourth - first >= REQUESTS_WITHIN_SECONDS
    assert made.status["lastHandledRequest"] == "please-1799"


def test_the_first_requests_wait_for_nothing() -> None:
    made = cluster()
    made.run(600)
    for number in range(REQUESTS_AT_ONCE):
        made.edit(token=f"please-{number}")
        made.run(10)
    assert [reason for _, reason in made.begun] == ["Requested"] * REQUESTS_AT_ONCE


def test_whoever_edits_a_spec_every_second_has_no_scan_every_second() -> None:
    made = cluster()
    made.run(600)
    jobs = made.jobs
    for second in range(300):
        made.edit({"schedule": {"scanInterval": "1m" if second % 2 else "2m"}})
        made.run(1)
    assert made.jobs - jobs <= 300 / scan_times.RESCAN_SECONDS + 1


@pytest.mark.parametrize("level", ["Healthy", "Emergency"])
def test_nothing_is_due_before_the_end_of_a_back_off(level: str) -> None:
    known = tenant()
    known.scan.look = look(100)
    known.scan.last_scan = known.scan.checked_at = NOW
    known.take_stored({"level": level, "observedGeneration": 1})
    known.resource.request = "please"
    known.backoff.retry_at = NOW + 1800

    for later in range(0, 1800, 7):
        when = calendar.next_time(known, NOW + later, Context(NOW, PACE))
        assert when is not None
        assert when >= NOW + 1800


def test_a_request_that_must_wait_for_a_job_does_not_spin() -> None:
    known = tenant()
    known.scan.look = look()
    known.resource.request = "please"
    known.take_stored({"observedGeneration": 1})
    assert calendar.next_time(known, NOW, Context(NOW, PACE)) == NOW
    for action in ("scan", "clean"):
        known.jobs.start(action, "j", NOW)
        when = calendar.next_time(known, NOW, Context(NOW, PACE))
        assert when is not None
        assert NOW < when <= NOW + 2
        known.jobs.end("j")


def test_a_claimed_run_is_taken_up_again_but_not_while_suspended() -> None:
    known = claimed(tenant())
    known.take_stored({"observedGeneration": 1})
    assert calendar.next_time(known, NOW, Context(NOW, PACE)) == known.backoff.retry_at
    known.jobs.work = "clean"
    later = calendar.next_time(known, NOW, Context(NOW, PACE))
    assert later is not None
    assert later >= NOW

    suspended = claimed(tenant({"suspend": True}))
    suspended.take_stored({"observedGeneration": 1})
    assert calendar.next_time(suspended, NOW, Context(NOW, PACE)) is None


def test_a_purge_is_due_after_the_undo_window_or_at_once_on_a_full_disk() -> None:
    known = tenant({"undoWindow": "1h"})
    assert calendar.purge_time(known) is None
    known.scan.trash = (1, NOW)
    assert calendar.purge_time(known) == NOW + HOUR
    for free, at_once in ((None, False), (FULL_BYTES, False), (FULL_BYTES - 1, True), (0, True)):
        known.scan.look = look(free_bytes=free)
        when = calendar.purge_time(known)
        assert when is not None
        assert (when <= NOW) is at_once
    known.jobs.work = "purge"
    after = calendar.next_time(known, NOW, Context(NOW, PACE))
    assert after is not None
    assert after > 0


def test_the_first_scans_after_a_start_are_spread_and_a_wrong_clock_delays_none() -> None:
    known = tenant()
    first = scan_times.scan_time(known, NOW)
    assert first is not None
    assert NOW <= first <= NOW + scan_times.START_SECONDS

    known = tenant(status={"observedGeneration": 1, "lastScanTime": "2036-01-01T00:00:00Z"})
    first = scan_times.scan_time(known, NOW)
    assert first is not None
    assert first <= NOW + 60


@given(st.lists(st.floats(60, 61.999), min_size=2, max_size=50))
def test_tenants_that_come_together_share_their_first_scan(moments: list[float]) -> None:
    first: dict[float, set[float]] = {}
    for number, moment in enumerate(moments):
        known = tenant(name=f"acme-{number}")
        known.resource.seen_at = NOW + moment
        due = scan_times.scan_time(known, NOW)
        assert due is not None
        assert known.resource.seen_at < due <= known.resource.seen_at + scan_times.GATHER_SECONDS
        first.setdefault(known.resource.seen_at // scan_times.GATHER_SECONDS, set()).add(due)
    assert all(len(times) == 1 for times in first.values())


@given(st.integers(2, 200), st.floats(60, 2 * HOUR))
def test_what_an_outage_has_delayed_is_spread_over_the_jitter(tenants: int, jitter: float) -> None:
    names = [f"acme-{number}" for number in range(tenants)]
    times = [
        cleanup_times.catch_up_time(tenant(name=name), Context(NOW, Intervals(jitter, DAY, HOUR)))
        for name in names
    ]
    looked = min(growth.QUIET_LIMIT_SECONDS, jitter / 2)
    assert all(NOW + looked <= when <= NOW + jitter for when in times)
    assert len(set(times)) == tenants
    context = Context(NOW, Intervals(jitter, DAY, HOUR))
    assert times == [cleanup_times.catch_up_time(tenant(name=name), context) for name in names]


def test_quiet_tenants_of_one_namespace_start_together_and_namespaces_apart() -> None:
    def first(namespace: str, name: str, **status: Any) -> float:
        quiet = {
            "observedGeneration": 1,
            "lastScanTime": to_rfc3339(NOW - 60),
            "growthPerDay": 1,
            "files": {"counted": 20},
            **status,
        }
        when = scan_times.scan_time(tenant(namespace=namespace, name=name, status=quiet), NOW)
        assert when is not None
        return when - NOW

    assert first("shop", "one") == first("shop", "two")
    assert len({first(f"shop-{number}", "one") for number in range(50)}) == 50
    assert max(first(f"shop-{number}", "one") for number in range(50)) > 300
    assert all(first(f"shop-{number}", "one") <= growth.QUIET_LIMIT_SECONDS for number in range(50))
    # What could reach a warning meanwhile, or is there already, does not wait.
    for hasty in ({"files": {"counted": 149}, "growthPerDay": 5000}, {"files": {"counted": 170}}):
        assert all(first(f"shop-{number}", "one", **hasty) <= 61 for number in range(50))

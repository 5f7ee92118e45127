"""The operator's clock is set: ahead, back, and right again. What is due stays due."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.controller.clock import MonotonicClock, WatchedClock
from baileys_janitor.schedule.clock_steps import STEP_SECONDS
from tests.controller.pure.world import DAY, HOUR, NOW, body, tenant
from tests.schedule.simulation import Cluster, Directory

MINUTE = 60.0
STEPS = st.sampled_from([-400 * DAY, -DAY, -HOUR, -90.0, 90.0, HOUR, DAY, 400 * DAY])
OFTEN = {"schedule": {"scanInterval": "1m", "adaptive": False, "dailyCleanup": "Never"}}


class Hands:
    """A clock whose hands a test moves, and whose time passes besides."""

    def __init__(self) -> None:
        self.wall = NOW
        self.passed = 0.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.passed

    def go(self, seconds: float) -> None:
        self.wall += seconds
        self.passed += seconds

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        self.go(max(0.0, (until or 0.0) - self.wall))


def test_a_clock_that_is_set_is_noticed_before_anybody_is_told_the_new_time() -> None:
    hands, workers = Hands(), list[float]()
    watched = WatchedClock(hands, workers.append)
    hands.go(1000)
    assert watched.now() == NOW + 1000
    hands.wall -= HOUR
    assert watched.now() == NOW + 1000 - HOUR
    hands.go(10)
    watched.now()
    hands.wall += 400 * DAY
    watched.now()
    assert workers == [pytest.approx(-HOUR), pytest.approx(400 * DAY)]


def test_what_a_time_server_corrects_little_by_little_is_no_step_until_it_has_become_one() -> None:
    hands, workers = Hands(), list[float]()
    watched = WatchedClock(hands, workers.append)
    for _ in range(50):
        hands.go(10)
        hands.wall -= STEP_SECONDS / 20
        watched.now()
    assert workers == [pytest.approx(-STEP_SECONDS, abs=0.2)] * 2


async def test_who_only_measures_how_long_something_lasts_is_told_of_no_step() -> None:
    hands = Hands()
    measured = MonotonicClock(hands)
    before = measured.now()
    hands.wall += 400 * DAY
    await measured.wait(asyncio.Event(), measured.now() + 30)
    assert measured.now() - before == pytest.approx(30)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 600), STEPS), min_size=1, max_size=5))
def test_whatever_the_clock_is_set_to_scans_go_on_and_an_emergency_is_cleaned(
    workers: list[tuple[int, float]],
) -> None:
    cluster = Cluster(Directory(counted=100), spec=OFTEN)
    cluster.start()
    cluster.run(600)
    for wait, step in workers:
        cluster.run(wait)
        cluster.set_clock(step)
        jobs = cluster.jobs
        cluster.run(5 * MINUTE)
        assert 4 <= cluster.jobs - jobs <= 6, "a scan a minute"
        assert cluster.status["level"] == "Healthy"
    cluster.directory.counted, cluster.directory.reclaimable = 340, 250
    cluster.run(5 * MINUTE)
    assert [reason for _, reason in cluster.begun] == ["Emergency"]
    assert cluster.status["level"] == "Healthy"


@pytest.mark.parametrize("back_after", [40.0, 2 * HOUR])
@pytest.mark.parametrize("ahead", [HOUR, 400 * DAY])
def test_what_a_clock_that_went_ahead_has_written_holds_nothing_after_a_restart(
    ahead: float, back_after: float
) -> None:
    cluster = Cluster(Directory(counted=190, reclaimable=60), spec={"emergencyCooldown": "30m"})
    cluster.start()
    cluster.set_clock(ahead)
    cluster.run(back_after)
    begun = len(cluster.begun)
    assert begun, "cleaned by the wrong clock"
    # The operator ends before it notices that the clock is right again.
    cluster.stop()
    cluster.now -= ahead
    cluster.directory.touched = cluster.now
    cluster.start()
    cluster.directory.counted = 340
    cluster.directory.reclaimable = 250
    cluster.run(35 * MINUTE)
    assert [reason for _, reason in cluster.begun[begun:]] == ["Emergency"]
    for name in ("cooldownUntil", "emergencyCooldownUntil"):
        assert (from_rfc3339(cluster.status.get(name)) or 0) <= cluster.now + 6 * HOUR
    slots = cluster.status["timers"]
    assert all((from_rfc3339(slot) or 0) <= cluster.now for slot in slots.values())
    assert (from_rfc3339(cluster.status["lastScanTime"]) or 0) <= cluster.now


def test_a_daily_cleanup_that_a_wrong_clock_has_dated_ahead_keeps_none_from_running() -> None:
    cluster = Cluster(Directory(counted=100, reclaimable=5))
    cluster.start()
    cluster.run(600)
    cluster.set_clock(40 * DAY)
    cluster.run(DAY)
    cluster.set_clock(-40 * DAY)
    begun = len(cluster.begun)
    cluster.run(3 * DAY)
    assert [reason for _, reason in cluster.begun[begun:]] == ["Daily"] * 3


@given(STEPS)
def test_to_set_the_clock_there_and_back_changes_nothing(step: float) -> None:
    known = tenant({"schedule": {"dailyCleanup": "Never"}})
    known.scan.last_scan = known.scan.checked_at = NOW - 40
    known.cleanup.cooldown_until, known.backoff.retry_at = NOW + HOUR, NOW + 15
    before = [
        known.scan.last_scan,
        known.scan.checked_at,
        known.cleanup.cooldown_until,
        known.backoff.retry_at,
    ]
    for seconds in (step, -step):
        known.shift(seconds)
        known.cut(NOW + (step if seconds == step else 0.0))
    after = [
        known.scan.last_scan,
        known.scan.checked_at,
        known.cleanup.cooldown_until,
        known.backoff.retry_at,
    ]
    assert after == before


def test_a_body_of_a_clock_that_is_ahead_is_cut_when_it_is_seen() -> None:
    ahead = "2028-01-01T00:00:00Z"
    known = tenant(
        status=body()["status"]
        | {
            "lastScanTime": ahead,
            "activeSince": ahead,
            "cooldownUntil": ahead,
            "timers": {"trigger": ahead, "daily": ahead},
            "trash": {"runs": 1, "oldestTime": ahead},
        }
    )
    assert (
        known.scan.last_scan
        == known.scan.active_since
        == known.timers.trigger_slot
        == known.timers.daily_slot
        == NOW
    )
    assert known.cleanup.cooldown_until == NOW + 6 * HOUR
    assert known.scan.trash == (1, NOW)

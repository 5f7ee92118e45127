"""Days of rounds in virtual time: what the schedule promises is done, over restarts, kills and clocks that jump."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.watch.roster import FORGET_SECONDS
from tests.schedule.simulation import Directory
from tests.watch.world import DAY, HOUR, MINUTE, Server


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path / "state" / "watch.json", {"acme": Directory(counted=100)})


def test_a_quiet_directory_is_looked_at_less_often_and_a_full_one_each_minute(
    server: Server,
) -> None:
    server.directories["full"] = Directory(counted=160, reclaimable=0)
    server.start()
    server.live(6 * HOUR)
    scans = [d for d in server.deeds if d.what == "scan"]
    quiet = [d for d in scans if d.name == "acme" and d.time > server.hands.wall - 3 * HOUR]
    full = [d for d in scans if d.name == "full" and d.time > server.hands.wall - 3 * HOUR]
    assert len(quiet) in range(17, 20)
    assert len(full) in range(178, 182)


def test_the_daily_cleanup_runs_once_a_day_in_its_half_hour(server: Server) -> None:
    server.start()
    server.live(3 * DAY)
    times = [d.time for d in server.cleaned("acme", by="Daily")]
    assert len(times) == 3
    assert all(3 * HOUR <= when % DAY < 3.5 * HOUR + MINUTE for when in times)
    assert len({round(when % DAY) for when in times}) == 1


def test_an_emergency_is_cleaned_at_the_look_that_finds_it(server: Server) -> None:
    server.start()
    server.live(HOUR)
    server.directories["acme"].counted = 200
    server.directories["acme"].reclaimable = 40
    server.live(11 * MINUTE)
    assert [d.what for d in server.deeds if d.what == "Emergency"] == ["Emergency"]
    assert server.record("acme").stored.level == "Warning"


def test_the_trigger_waits_for_its_slot_and_for_the_cooldown(server: Server) -> None:
    server.directories["acme"] = Directory(counted=177, reclaimable=2, grows=0)
    server.start()
    server.live(31 * MINUTE)
    assert len(server.cleaned("acme", by="Trigger")) == 1
    server.directories["acme"].counted = 177
    server.live(5 * HOUR)
    assert len(server.cleaned("acme", by="Trigger")) == 1
    server.live(2 * HOUR)
    assert len(server.cleaned("acme", by="Trigger")) == 2


@pytest.mark.parametrize("killed", [False, True])
def test_a_restart_keeps_cooldowns_slots_and_what_was_learned(server: Server, killed: bool) -> None:
    server.directories["acme"] = Directory(counted=177, reclaimable=2)
    server.start()
    server.live(31 * MINUTE)
    assert len(server.cleaned("acme", by="Trigger")) == 1
    server.directories["acme"].counted = 177
    for _ in range(5):
        server.live(50 * MINUTE)
        server.restart(killed=killed)
    assert len(server.cleaned("acme", by="Trigger")) == 1
    server.live(3 * HOUR)
    assert len(server.cleaned("acme", by="Trigger")) == 2


@pytest.mark.parametrize("moment", ["clean", "cleaned"])
def test_a_kill_around_a_cleanup_repeats_nothing(server: Server, moment: str) -> None:
    kills = [moment]
    server.kill_at = lambda what, _: bool(kills) and what == kills[0] and bool(kills.pop())
    server.directories["acme"] = Directory(counted=200, reclaimable=40)
    server.start()
    server.live(5 * MINUTE)
    assert not kills
    assert len(server.cleaned("acme")) == 1
    assert server.directories["acme"].counted == 160
    last = server.record("acme").cleanup.last
    assert last is not None
    assert last["outcome"] == "Completed"
    # Its cooldown counts, whoever has seen the end of it.
    assert server.record("acme").cleanup.emergency_cooldown_until is not None


def test_missed_daily_cleanups_are_caught_up_on_once(server: Server) -> None:
    server.start()
    server.live(HOUR)
    server.stop()
    server.hands.pass_(3 * DAY)
    server.start()
    server.live(2 * HOUR)
    assert len(server.cleaned("acme", by="Daily")) == 1


def test_what_cron_cleans_beside_the_watch_starts_the_cooldown_and_is_told(server: Server) -> None:
    server.directories["acme"] = Directory(counted=100, reclaimable=5)
    server.start()
    server.live(HOUR)
    run = server.clean_by_cron("acme")
    server.directories["acme"].counted = 178
    server.live(2 * HOUR)
    assert server.cleaned("acme", by="Trigger") == []
    record = server.record("acme")
    assert record.cleanup.last is not None
    assert record.cleanup.last["run"] == run
    server.restart(killed=True)
    server.live(HOUR)
    assert server.cleaned("acme", by="Trigger") == []
    server.live(4 * HOUR)
    assert len(server.cleaned("acme", by="Trigger")) == 1


def test_another_watch_on_the_directory_is_told_once(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.start()
    server.live(HOUR)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            server.clean_by_cron("acme", reason="Trigger")
            server.live(HOUR)
    assert sum("Somebody else looks after" in each.message for each in caplog.records) == 1


def test_a_journal_that_lies_ahead_or_says_nothing_holds_nothing_back(server: Server) -> None:
    server.directories["acme"] = Directory(counted=177, reclaimable=2)
    server.start()
    server.hands.wall += 10 * HOUR
    server.clean_by_cron("acme")
    server.hands.wall -= 10 * HOUR
    server.directories["acme"].counted = 177
    server.directories["acme"].touched = server.hands.wall
    server.live(HOUR)
    assert len(server.cleaned("acme", by="Trigger")) == 1


def test_directories_that_come_are_found_and_those_that_go_are_told_once(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.start()
    server.live(10 * MINUTE)
    server.directories["new"] = Directory(counted=200, reclaimable=40)
    server.live(3 * MINUTE)
    assert len(server.cleaned("new", by="Emergency")) == 1
    gone = server.directories.pop("new")
    with caplog.at_level(logging.INFO):
        server.live(HOUR)
        server.restart()
        server.live(HOUR)
    told = [each.message for each in caplog.records if getattr(each, "tenant", "") == "new"]
    assert told.count("A session directory is gone") == 1
    assert server.record("new").stored.readiness == "DirectoryMissing"
    server.directories["new"] = gone
    server.live(2 * MINUTE)
    assert server.record("new").stored.level == "Warning"
    del server.directories["new"]
    server.live(FORGET_SECONDS + 10 * MINUTE)
    assert list(server.watch.records) == [("server1", "acme")]  # type: ignore[union-attr]


@pytest.mark.parametrize("step", [5 * HOUR, -5 * HOUR, 40 * DAY, -40 * DAY])
def test_a_clock_that_is_set_moves_what_lasts_and_repeats_nothing(
    server: Server, step: float
) -> None:
    server.directories["acme"] = Directory(counted=177, reclaimable=2)
    server.start()
    server.live(31 * MINUTE)
    assert len(server.cleaned("acme", by="Trigger")) == 1
    server.hands.wall += step
    server.directories["acme"].touched += step
    server.directories["acme"].counted = 177
    server.live(4 * HOUR)
    # Six hours of cooldown are six hours, whatever the clock shows.
    assert len(server.cleaned("acme", by="Trigger")) == 1
    server.live(3 * HOUR)
    assert len(server.cleaned("acme")) >= 2


def test_a_machine_that_slept_has_let_time_pass(server: Server) -> None:
    server.start()
    server.live(HOUR)
    server.hands.pass_(20 * HOUR)
    server.live(HOUR)
    assert len(server.cleaned("acme", by="Daily")) == 1


def test_the_hour_that_the_zone_repeats_has_one_cleanup(tmp_path: Path) -> None:
    server = Server(
        tmp_path / "watch.json",
        {"acme": Directory(counted=100)},
        {"schedule": {"timeZone": "Europe/Berlin", "dailyCleanup": "30 2 * * *"}},
    )
    server.hands.wall = from_rfc3339("2026-10-24T10:00:00Z") or 0.0
    server.directories["acme"].touched = server.hands.wall
    server.start()
    server.live(2 * DAY)
    assert len(server.cleaned("acme", by="Daily")) == 2


def test_suspended_and_watched_only_directories_are_not_cleaned(server: Server) -> None:
    server.config = {"directories": {"asleep": {"suspend": True}, "look-*": {"mode": "Observe"}}}
    for name in ("asleep", "look-1"):
        server.directories[name] = Directory(counted=200, reclaimable=40)
    server.start()
    server.live(18 * HOUR)
    assert server.cleaned("asleep") == server.cleaned("look-1") == []
    assert server.cleaned("acme", by="Daily")
    assert not [d for d in server.deeds if d.name == "asleep" and d.what == "scan"]
    assert [d for d in server.deeds if d.name == "look-1" and d.what == "scan"]


def test_a_dry_run_removes_nothing_and_cools_down(server: Server) -> None:
    server.config = {"modeCeiling": "DryRun"}
    server.directories["acme"] = Directory(counted=200, reclaimable=40)
    server.start()
    server.live(HOUR)
    assert {d.outcome for d in server.deeds if d.what == "clean"} == {"DryRun"}
    assert server.directories["acme"].counted >= 200


def test_other_settings_are_taken_over_at_once(server: Server) -> None:
    server.start()
    server.live(HOUR)
    server.config = {"thresholds": {"warning": 50, "critical": 60, "trigger": 70, "emergency": 80}}
    assert server.watch is not None
    server.watch.reload(server.settings())
    server.live(2 * MINUTE)
    assert server.record("acme").stored.status["files"]["limit"] == 80
    assert len(server.cleaned("acme", by="Emergency")) == 1


def test_many_abnormal_cleanups_open_the_circuit_breaker(server: Server) -> None:
    server.config = {"circuitBreaker": {"runs": 3}}
    for number in range(6):
        server.directories[f"t{number}"] = Directory(counted=200, reclaimable=150)
    server.start()
    server.live(10 * MINUTE)
    assert server.watch is not None
    assert server.watch.breaker.any(server.hands.wall) is not None
    status = server.record("acme").stored
    server.live(40 * MINUTE)
    assert "CleanupsHeld" in server.record("acme").stored.signs, status.signs
    server.restart(killed=True)
    assert server.watch.breaker.any(server.hands.wall) is not None


def test_a_run_of_cron_after_the_other_does_what_a_watch_does(tmp_path: Path) -> None:
    server = Server(tmp_path / "watch.json", {"acme": Directory(counted=100)}, once=True)
    for _ in range(2 * 24 * 4):
        server.start().look_at_all()
        server.stop(killed=True)
        server.hands.pass_(15 * MINUTE)
    times = [d.time for d in server.cleaned("acme", by="Daily")]
    assert len(times) == 2
    assert all(3 * HOUR <= when % DAY < 3.75 * HOUR for when in times)
    server.directories["acme"].counted = 190
    server.start().look_at_all()
    assert len(server.cleaned("acme", by="Emergency")) == 1


def test_an_error_of_ours_in_one_directory_leaves_the_others_alone(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.directories["odd"] = Directory(counted=100, more={"by_kind": "no list"})
    server.start()
    server.live(HOUR)
    assert server.record("acme").stored.level == "Healthy"
    assert any(each.message.startswith("Unforeseen") for each in caplog.records)
    assert server.record("odd").stored.level in {None, "Unknown"}


steps = st.one_of(
    st.tuples(st.just("live"), st.floats(1.0, 8 * HOUR)),
    st.tuples(st.just("fill"), st.integers(100, 220)),
    st.tuples(st.just("cron"), st.just(0)),
    st.tuples(st.just("restart"), st.booleans()),
    st.tuples(st.just("away"), st.floats(1.0, 30 * HOUR)),
    st.tuples(st.just("kill"), st.sampled_from(["clean", "cleaned", "scan"])),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(steps, min_size=1, max_size=12))
def test_over_any_history_cleanups_keep_their_distance_and_none_is_done_twice(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, float]]
) -> None:
    server = Server(tmp_path_factory.mktemp("w") / "watch.json", {"acme": Directory(counted=120)})
    server.start()
    away = 0.0
    for what, value in history:
        if what == "live":
            server.live(value)
        elif what == "fill":
            server.directories["acme"].counted = value
        elif what == "cron":
            server.clean_by_cron("acme")
        elif what == "restart":
            server.restart(killed=bool(value))
        elif what == "away":
            server.stop()
            server.hands.pass_(value)
            away += value
            server.start()
        else:
            pending = [str(value)]
            server.kill_at = lambda what, _, p=pending: bool(p) and what == p[0] and bool(p.pop())
    done = server.cleaned("acme")
    assert len({d.run for d in done}) == len(done)
    days = {int((d.time - 3 * HOUR) // DAY) for d in server.cleaned("acme", by="Daily")}
    assert len(days) == len(server.cleaned("acme", by="Daily"))
    kinds = {"Trigger": 6 * HOUR, "Emergency": 30 * MINUTE}
    for reason, least in kinds.items():
        times = [d.time for d in server.cleaned("acme", by=reason) if d.outcome in {"Completed"}]
        assert all(b - a >= least - 1 for a, b in pairwise(times)), reason

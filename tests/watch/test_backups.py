"""Backups and drills of a watch in virtual time: each slot once, whatever happens to the watch and the stores."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.api.conditions.conditions import Conditions
from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.status import backup as status_of_backups
from baileys_janitor.watch.backups import manager
from tests.schedule.simulation import Directory
from tests.watch.world import DAY, HOUR, MINUTE, Server

RECIPIENT = "age1" + "q" * 58
MAIN = {"name": "main", "url": "/var/backups/one"}
OTHER = {"name": "other", "url": "/var/backups/two"}
IDENTITY = {"identityFile": "/etc/baileys/identity.txt"}


def group(**more: Any) -> dict[str, Any]:
    return {"recipients": [RECIPIENT], "repositories": [MAIN], **more}


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path / "watch.json", {"acme": Directory(counted=100)}, {"backup": group()})


def condition(server: Server, kind: str, name: str = "acme") -> tuple[str, str]:
    """Status and reason."""
    for each in server.record(name).stored.status["conditions"]:
        if each["type"] == kind:
            return each["status"], each["reason"]
    return "", ""


def skip(server: Server, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only backups and drills happen for so long; nothing may be wrong with them at any time."""
    monkeypatch.setattr(manager, "LOOK_SECONDS", 40 * DAY)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    watch, hands = server.start(), server.hands
    watch.find(hands.wall)
    end, record = hands.wall + seconds, server.record("acme")
    while hands.wall < end:
        until = watch.backups.step(hands.wall)
        working = watch.backups.is_working
        hands.pass_(max(server.vault.ends_in(hands) if working else until - hands.wall, 0.001))
        fresh = Conditions([], 1, hands.wall)
        status_of_backups.state(fresh, record.backup, watch.backups.context(record), hands.wall)
        assert "False" not in {each["status"] for each in fresh.items()}


def test_the_first_backup_comes_at_once_and_then_one_an_hour(server: Server) -> None:
    server.start()
    server.live(10 * HOUR)
    times = [each.time for each in server.vault.of("acme")]
    assert len(times) == 11
    assert times[0] - times[1] < HOUR
    assert all(
        later - earlier == pytest.approx(HOUR, abs=2) for earlier, later in pairwise(times[1:])
    )
    assert condition(server, "BackedUp") == ("True", "UpToDate")


def test_without_backups_in_the_configuration_nothing_is_told_of_them(tmp_path: Path) -> None:
    server = Server(tmp_path / "watch.json", {"acme": Directory(counted=100)})
    server.start()
    server.live(2 * HOUR)
    assert server.vault.tries == []
    assert "backup" not in server.record("acme").stored.status
    assert condition(server, "BackedUp") == condition(server, "Restorable") == ("", "")


def test_what_is_promised_is_kept(server: Server) -> None:
    server.start()
    server.live(HOUR)
    for _ in range(5):
        promised = server.record("acme").stored.status["backup"]["nextTime"]
        before = len(server.vault.of("acme"))
        server.live(HOUR)
        assert server.vault.of("acme")[before].time == pytest.approx(from_rfc3339(promised), abs=2)


def test_many_directories_share_processes(server: Server) -> None:
    server.directories = {f"t{n}": Directory(counted=50) for n in range(30)}
    server.start()
    server.live(2 * HOUR)
    assert max(server.vault.starts) == 25
    assert sum(server.vault.starts) == 90
    assert len(server.vault.starts) <= 10
    assert all(len(server.vault.of(name)) == 3 for name in server.directories)


@pytest.mark.parametrize("killed", [False, True])
def test_a_restart_repeats_no_slot(server: Server, killed: bool) -> None:
    server.start()
    server.live(HOUR)
    for _ in range(6):
        server.live(10 * MINUTE)
        server.restart(killed=killed)
    assert len(server.vault.of("acme")) in {2, 3}
    server.live(HOUR)
    times = [each.time for each in server.vault.of("acme")]
    assert all(later - earlier > 30 for earlier, later in pairwise(times))
    assert len(times) <= 4


def test_days_that_were_missed_are_caught_up_on_once(server: Server) -> None:
    server.start()
    server.live(HOUR)
    server.stop()
    before = len(server.vault.of("acme"))
    server.hands.pass_(3 * DAY + 30 * MINUTE)
    server.start()
    server.live(10 * MINUTE)
    assert len(server.vault.of("acme")) == before + 1


def test_a_stopped_session_keeps_one_archive_a_week_for_a_year(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.config = {"backup": group(schedule="0 */6 * * *", drill=IDENTITY)}
    server.vault.digests["acme"] = "0123456789abcdef"
    skip(server, 365 * DAY, monkeypatch)
    puts = [each.time for each in server.vault.of("acme")]
    assert len(puts) == 53
    assert all(later - earlier <= 7 * DAY + HOUR for earlier, later in pairwise(puts))
    # Every slot was tried, and each counts as a backup: what is there is what there is to keep.
    assert len(server.vault.tried("Backup", "acme")) in range(365 * 4, 365 * 4 + 3)
    assert len(server.vault.tried("Drill", "acme")) == 13


def test_an_outage_is_tried_again_with_growing_pauses_and_told_after_three_failures(
    server: Server,
) -> None:
    server.start()
    server.live(HOUR)
    server.vault.broken["main"] = "Unreachable"
    server.live(HOUR)
    tried = server.vault.tried("Backup", "acme")[2:]
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert pauses[:4] == pytest.approx([60, 120, 240, 480], abs=2)
    assert all(pause <= 902 for pause in pauses)
    assert condition(server, "BackedUp") == ("False", "Unreachable")
    server.vault.broken.clear()
    server.live(20 * MINUTE)
    assert condition(server, "BackedUp") == ("True", "UpToDate")


def test_one_failure_that_passes_is_not_told(server: Server) -> None:
    server.start()
    server.live(HOUR)
    failed = []
    server.vault.broken["main"] = "ServerError"
    while not failed:
        server.live(MINUTE)
        failed = server.vault.tried("Backup", "acme")[2:]
    server.vault.broken.clear()
    server.live(5 * MINUTE)
    said = [c for c in server.record("acme").stored.status["conditions"] if c["type"] == "BackedUp"]
    assert said[0]["status"] == "True"
    assert len(server.vault.tried("Backup", "acme")) == 4


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("SecretMissing", "SecretMissing"),
        ("Forbidden", "Forbidden"),
        ("NoSuchBucket", "NoSuchBucket"),
        ("WrongRegion", "Failing"),
    ],
)
def test_what_somebody_must_mend_is_told_by_its_name_and_tried_less_often(
    server: Server, code: str, reason: str
) -> None:
    server.vault.broken["main"] = code
    server.start()
    server.live(6 * HOUR)
    assert condition(server, "BackedUp") == ("False", reason)
    assert len(server.vault.tried("Backup", "acme")) in range(8, 12)


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("Forbidden", "False", "Forbidden"),
        ("Unreachable", "Unknown", "Unreachable"),
        ("ServerError", "Unknown", "Failing"),
    ],
)
def test_what_the_first_attempt_meets_is_told_at_once(
    server: Server, code: str, status: str, reason: str
) -> None:
    server.vault.broken["main"] = code
    server.start()
    server.live(40)
    assert len(server.vault.tried("Backup", "acme")) == 1
    assert condition(server, "BackedUp") == (status, reason)


def test_one_dead_repository_leaves_the_other_one_alone(server: Server) -> None:
    server.config = {"backup": group(repositories=[MAIN, OTHER])}
    server.vault.broken["other"] = "Unreachable"
    server.start()
    server.live(5 * HOUR)
    assert len(server.vault.of("acme", "main")) == 6
    assert server.vault.of("acme", "other") == []
    assert len(server.vault.tried("Backup", "acme", "main")) == 6
    assert condition(server, "BackedUp") == ("False", "Unreachable")


def test_an_endless_store_holds_up_nobody_longer_than_its_budget(server: Server) -> None:
    server.directories = {f"t{n}": Directory(counted=50) for n in range(3)}
    server.vault.seconds = 1e9
    server.start()
    server.live(20 * MINUTE)
    for name in server.directories:
        (each,) = server.record(name).stored.status["backup"]["repositories"]
        assert each["reason"] == "TooSlow"
        assert each["failures"] >= 2
    server.vault.seconds = 0.5
    server.live(HOUR)
    assert all(
        condition(server, "BackedUp", name) == ("True", "UpToDate") for name in server.directories
    )


def test_a_task_that_kills_its_process_is_tried_with_pauses_and_the_others_go_on(
    server: Server,
) -> None:
    server.directories = {f"t{n}": Directory(counted=50) for n in range(5)}
    server.vault.dies = lambda task: task.name == "t2"
    server.start()
    server.live(HOUR)
    assert all(server.vault.of(name) for name in server.directories if name != "t2")
    assert condition(server, "BackedUp", "t2") == ("False", "Failing")
    assert len(server.vault.starts) < 20


def test_archives_of_one_path_beneath_two_roots_have_names_of_their_own(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {}
    server.directories = {name: Directory(counted=50) for name in ("one", "two")}
    server.start()
    server.live(1)
    for name in server.directories:
        record = server.record(name)
        monkeypatch.setattr(record, "root", f"/srv/{name}/")
        monkeypatch.setattr(record, "path", "acme")
    monkeypatch.setattr(
        server.vault, "dies", lambda task: names.update({task.name: task.archived_as})
    )
    server.live(5 * MINUTE)
    assert sorted(names.values(), key=len) == ["acme", "/srv/two/acme"]


def test_a_watch_that_is_killed_in_the_middle_counts_a_failure_and_goes_on(server: Server) -> None:
    server.vault.seconds = 60.0
    server.start()
    server.live(45)
    assert server.watch is not None
    assert server.watch.backups.is_working
    server.restart(killed=True)
    (each,) = server.record("acme").backup.repositories.values()
    assert (each.failures, each.code) == (1, "Interrupted")
    server.live(5 * MINUTE)
    assert len(server.vault.of("acme")) == 1
    assert condition(server, "BackedUp") == ("True", "UpToDate")


def test_a_watch_that_ends_in_the_middle_counts_no_failure(server: Server) -> None:
    server.vault.seconds = 60.0
    server.start()
    server.live(45)
    assert server.watch is not None
    server.watch.end()
    server.restart(killed=True)
    (each,) = server.record("acme").backup.repositories.values()
    assert each.failures == 0
    server.live(5 * MINUTE)
    assert len(server.vault.of("acme")) == 1


def test_a_backup_that_is_overdue_because_nobody_watched_is_told_and_then_over(
    server: Server,
) -> None:
    server.start()
    server.live(HOUR)
    server.stop()
    server.hands.pass_(8 * HOUR)
    server.vault.seconds = 100.0
    server.start()
    server.live(100)
    assert condition(server, "BackedUp") == ("False", "Overdue")
    server.live(10 * MINUTE)
    assert condition(server, "BackedUp") == ("True", "UpToDate")


def test_a_session_that_cannot_be_backed_up_is_told_at_once_and_looked_at_at_each_slot(
    server: Server,
) -> None:
    server.vault.broken["acme"] = "SessionTooLarge"
    server.start()
    server.live(5 * HOUR)
    assert condition(server, "BackedUp") == ("False", "TooLarge")
    assert len(server.vault.tried("Backup", "acme")) == 6


def test_where_nobody_is_paired_yet_there_is_nothing_to_do_and_nothing_to_tell(
    server: Server,
) -> None:
    server.vault.broken["acme"] = "NothingToDo"
    server.start()
    server.live(5 * HOUR)
    assert condition(server, "BackedUp") == ("Unknown", "NothingToDo")


def test_suspended_directories_and_those_that_are_gone_are_left_alone(server: Server) -> None:
    server.config["directories"] = {"asleep": {"suspend": True}}
    server.directories["asleep"] = Directory(counted=50)
    server.directories["gone"] = Directory(counted=50)
    server.start()
    server.live(HOUR)
    del server.directories["gone"]
    server.live(2 * MINUTE)
    before = len(server.vault.tries)
    server.live(3 * HOUR)
    later = server.vault.tries[before:]
    assert {tenant for _, _, tenant, _ in later} == {"acme"}
    assert server.vault.of("asleep") == []


def test_a_directory_may_have_other_repositories_or_none(server: Server) -> None:
    server.config["directories"] = {
        "apart": {"backup": {"repositories": [OTHER]}},
        "not": {"backup": {"repositories": []}},
    }
    server.directories["apart"] = Directory(counted=50)
    server.directories["not"] = Directory(counted=50)
    server.start()
    server.live(HOUR)
    assert {(each.tenant, each.repository) for each in server.vault.puts} == {
        ("acme", "main"),
        ("apart", "other"),
    }


@pytest.mark.parametrize("step", [5 * HOUR, -5 * HOUR, 40 * DAY, -40 * DAY])
def test_a_clock_that_is_set_repeats_no_backup_and_loses_none(server: Server, step: float) -> None:
    server.start()
    server.live(2 * HOUR)
    before = len(server.vault.tried("Backup", "acme"))
    server.hands.wall += step
    server.directories["acme"].touched += step
    server.live(4 * HOUR)
    assert len(server.vault.tried("Backup", "acme")) - before in {3, 4, 5}
    assert condition(server, "BackedUp") == ("True", "UpToDate")


def test_a_run_of_cron_after_the_other_backs_up_as_a_watch_does(server: Server) -> None:
    server.once = True
    for _ in range(4 * 10):
        server.start().look_at_all()
        server.stop(killed=True)
        server.hands.pass_(15 * MINUTE)
    assert len(server.vault.tried("Backup", "acme")) in {10, 11}


# Drills


def test_the_first_drill_follows_the_first_backup(server: Server) -> None:
    server.config = {"backup": group(schedule="0 3 * * *", drill=IDENTITY)}
    server.start()
    server.live(5 * MINUTE)
    assert len(server.vault.tried("Drill", "acme")) == 1
    assert condition(server, "Restorable") == ("True", "DrillPassed")


def test_without_an_identity_no_drill_runs_and_it_is_not_green(server: Server) -> None:
    server.start()
    server.live(HOUR)
    assert server.vault.tried("Drill", "acme") == []
    assert condition(server, "Restorable") == ("Unknown", "NoIdentity")


def test_a_drill_that_fails_is_told_at_once_and_stays_until_one_passes(server: Server) -> None:
    server.config = {"backup": group(drill=IDENTITY)}
    server.vault.undrilled["main"] = "ArchiveDamaged"
    server.start()
    server.live(10 * MINUTE)
    assert condition(server, "Restorable") == ("False", "DrillFailed")
    server.live(DAY)
    assert condition(server, "Restorable") == ("False", "DrillFailed")
    assert len(server.vault.tried("Drill", "acme")) in range(4, 7)
    server.vault.undrilled.clear()
    server.live(DAY)
    assert condition(server, "Restorable") == ("True", "DrillPassed")


def test_a_drill_that_no_store_answers_has_not_failed_at_once(server: Server) -> None:
    server.config = {"backup": group(drill=IDENTITY)}
    server.vault.undrilled["main"] = "Unreachable"
    server.start()
    server.live(4 * MINUTE)
    assert condition(server, "Restorable") == ("Unknown", "NeverDrilled")
    server.live(HOUR)
    assert condition(server, "Restorable") == ("False", "DrillFailed")

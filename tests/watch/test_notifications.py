"""What the watch tells its channels: the operator's messages, each once, whatever happens to the watch."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from tests.schedule.simulation import Directory
from tests.watch.world import DAY, HOUR, MINUTE, Server

SCHEMA = json.loads((files("baileys_janitor.notify") / "schema" / "message.v1.json").read_text())
CHANNELS = {"channels": [{"name": "ops", "webhook": {"urlKey": "URL"}}], "runbookBaseUrl": ""}


@pytest.fixture
def server(tmp_path: Path) -> Server:
    full = Directory(counted=200, reclaimable=40, more={"floor": 120})
    config = {"notifications": CHANNELS, "directories": {"full": {"mode": "Observe"}}}
    return Server(tmp_path / "watch.json", {"acme": Directory(counted=100), "full": full}, config)


def test_an_emergency_that_nothing_ends_is_told_once_and_again_when_it_lasts(
    server: Server,
) -> None:
    server.start()
    server.live(HOUR)
    assert server.sent.titles == ["Emergency: server1/full has 200 files, the limit is 180"]
    server.live(8 * HOUR)
    assert len(server.sent.titles) == 3
    assert "still, for" in server.sent.titles[1]


def test_what_to_do_is_a_command_of_the_server(server: Server) -> None:
    server.start()
    server.live(HOUR)
    (request,) = server.sent.arrived
    document = request["document"]
    jsonschema.validate(document | {"text": ""}, SCHEMA)
    (group,) = document["groups"]
    assert group["command"] == "baileys-janitor status full"
    assert group["tenants"][0]["kind"] == "directory"
    assert "kubectl" not in str(document)
    assert "namespace" not in group["does"] + group["todo"] + group["means"]


def test_its_end_is_told_after_a_while(server: Server) -> None:
    server.start()
    server.live(HOUR)
    server.directories["full"].counted = 100
    server.live(HOUR)
    assert server.sent.titles[-1].startswith("Resolved: Emergency of server1/full after")


@pytest.mark.parametrize("killed", [False, True])
def test_a_restart_repeats_nothing(server: Server, killed: bool) -> None:
    server.start()
    server.live(HOUR)
    for _ in range(3):
        server.restart(killed=killed)
        server.live(20 * MINUTE)
    assert len(server.sent.titles) == 1


def test_a_kill_before_the_arrival_is_known_repeats_the_message_under_its_id(
    server: Server,
) -> None:
    server.sent.lost_answers = 1
    server.start()
    server.live(HOUR)
    assert len(server.sent.arrived) == 2
    first, second = (each["document"] for each in server.sent.arrived)
    assert first["id"] == second["id"]


def test_what_a_dead_channel_missed_is_sent_when_it_works_again(server: Server) -> None:
    server.sent.works = False
    server.start()
    server.live(HOUR)
    assert server.sent.titles == []
    assert len(server.sent.begun) < 20
    server.restart(killed=True)
    server.sent.works = True
    server.live(20 * MINUTE)
    assert server.sent.titles == ["Emergency: server1/full has 200 files, the limit is 180"]


def test_cleanups_are_told_together_and_the_day_is_summed_up(server: Server) -> None:
    server.directories["full"].counted = 100
    server.start()
    server.live(DAY)
    told = [title for title in server.sent.titles if "cleanup" in title.lower()]
    assert any("Cleanup of server1/acme" in each or "cleanups" in each for each in told)
    assert sum(title.startswith("Daily summary") for title in server.sent.titles) == 1


def test_nobody_is_notified_of_a_directory_that_is_muted(server: Server) -> None:
    server.config = {**server.config, "directories": {"full": {"mode": "Observe", "notify": False}}}
    server.start()
    server.live(2 * HOUR)
    assert server.sent.titles == []


def test_a_directory_that_is_gone_is_told_after_a_while(server: Server) -> None:
    server.start()
    server.live(HOUR)
    del server.directories["acme"]
    server.live(2 * HOUR)
    assert any("acme" in title for title in server.sent.titles)


def test_cron_sends_what_is_due(server: Server) -> None:
    server.once = True
    for _ in range(4):
        server.start().look_at_all()
        server.stop(killed=True)
        server.hands.pass_(5 * MINUTE)
    assert server.sent.titles == ["Emergency: server1/full has 200 files, the limit is 180"]

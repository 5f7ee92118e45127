"""What the watch tells of backups: messages, the daily summary, metrics, and nothing of a cluster."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from baileys_janitor.metrics import text
from baileys_janitor.metrics.tenants import FAMILIES
from tests.schedule.simulation import Directory
from tests.watch.test_backups import IDENTITY, MAIN, OTHER, group
from tests.watch.test_wording import FOREIGN, sentences
from tests.watch.world import DAY, HOUR, MINUTE, Server

SCHEMA = json.loads((files("baileys_janitor.notify") / "schema" / "message.v1.json").read_text())
CHANNELS = {"channels": [{"name": "ops", "webhook": {"urlKey": "URL"}}], "runbookBaseUrl": ""}


@pytest.fixture
def server(tmp_path: Path) -> Server:
    config = {"backup": group(drill=IDENTITY), "notifications": CHANNELS}
    return Server(tmp_path / "watch.json", {"acme": Directory(counted=100)}, config)


def messages(server: Server, *words: str) -> list[dict[str, Any]]:
    """Messages that arrived whose title has all these words; every one fits the schema."""
    documents = [each["document"] for each in server.sent.arrived]
    for each in documents:
        jsonschema.validate(each | {"text": ""}, SCHEMA)
    return [each for each in documents if all(word in each["title"] for word in words)]


def test_failing_backups_are_told_with_the_reason_and_their_end_too(server: Server) -> None:
    server.start()
    server.live(30 * MINUTE)
    assert messages(server) == []
    server.vault.broken["main"] = "Forbidden"
    server.live(2 * HOUR)
    (told,) = messages(server, "the backup of server1/acme fails")
    assert told["severity"] == "Critical"
    (one,) = told["groups"]
    assert one["command"] == "baileys-janitor status acme"
    assert "It says Forbidden: do what helps." in one["tenants"][0]["message"]
    assert one["tenants"][0]["summary"] == "Forbidden"
    server.vault.broken.clear()
    server.live(2 * HOUR)
    (over,) = messages(server, "Resolved: failing backups of server1/acme after")
    assert over["status"] == "resolved"


def test_one_outage_of_many_directories_is_one_message(server: Server) -> None:
    server.directories = {f"t{n}": Directory(counted=50) for n in range(10)}
    server.vault.broken["main"] = "Unreachable"
    server.start()
    server.live(HOUR)
    (told,) = messages(server)
    assert told["title"] == "Critical: the backups of 10 tenants fail"
    assert told["groups"][0]["command"] == "baileys-janitor status"


def test_a_failed_drill_is_told_until_one_passes(server: Server) -> None:
    server.vault.undrilled["main"] = "ArchiveDamaged"
    server.start()
    server.live(30 * MINUTE)
    assert len(messages(server, "could not be restored in a drill")) == 1
    server.vault.undrilled.clear()
    server.live(5 * HOUR)
    assert len(messages(server, "Resolved: failed drill of server1/acme")) == 1


def test_a_backup_that_nobody_made_for_hours_is_told(server: Server) -> None:
    server.start()
    server.live(HOUR)
    server.stop()
    server.hands.pass_(10 * HOUR)
    server.vault.seconds = 115.0
    server.start()
    server.live(3 * MINUTE)
    assert len(messages(server, "the backup of server1/acme is overdue")) == 1


def test_what_is_not_backed_up_any_more_is_not_told_for_ever(server: Server) -> None:
    server.vault.broken["main"] = "Forbidden"
    server.start()
    server.live(HOUR)
    assert len(messages(server, "fails")) == 1
    del server.config["backup"]
    assert server.watch is not None
    server.watch.reload(server.settings())
    server.live(9 * HOUR)
    assert messages(server, "still") == []
    assert "backup" not in server.record("acme").stored.status


def test_nobody_is_told_of_a_directory_that_is_muted(server: Server) -> None:
    server.config["directories"] = {"acme": {"notify": False}}
    server.vault.broken["main"] = "Forbidden"
    server.start()
    server.live(2 * HOUR)
    assert messages(server) == []


def test_the_summary_has_a_line_that_validates_the_backups(server: Server) -> None:
    server.directories["bad"] = Directory(counted=50)
    server.vault.broken["bad"] = "CredentialsCorrupt"
    server.start()
    server.live(DAY)
    (told,) = messages(server, "Daily summary")
    assert told["summary"]["backups"] == {
        "sessions": 2,
        "backedUp": 1,
        "fresh": 1,
        "archives": 21,
        "files": 906,
        "bytes": 89_000,
        "drilled": 1,
        "drilledOfLate": 1,
        "drillsFailed": 0,
        "slowestDrill": 0.2,
        "oldest": "2026-11-18T12:00:30Z",
    }
    (line,) = [each for each in told["lines"] if each.startswith("Backups")]
    assert line.startswith("Backups: 1 of 2 sessions up to date, 1 not; 1 with a new archive")


def test_metrics_have_each_repository_and_no_more(server: Server) -> None:
    server.config["backup"] = group(repositories=[MAIN, OTHER], drill=IDENTITY)
    server.vault.broken["other"] = "Unreachable"
    server.start()
    server.live(HOUR)
    lines = {
        each.name: text.whole_family(each, [server.record("acme")], server.hands.wall)
        for each in FAMILIES
        if each.name.startswith("baileys_backup_")
    }
    labels = 'namespace="server1",tenant="acme",company_id="acme",repository='
    assert f'baileys_backup_failed{{{labels}"main"}} 0\n' in lines["baileys_backup_failed"]
    assert f'baileys_backup_failed{{{labels}"other"}} 1\n' in lines["baileys_backup_failed"]
    assert f'{labels}"main"}} 2\n' in lines["baileys_backup_archives"]
    assert f'{labels}"main"}} 89000\n' in lines["baileys_backup_bytes"]
    assert f'{labels}"main"}} 0.5\n' in lines["baileys_backup_duration_seconds"]
    assert '"other"' not in lines["baileys_backup_last_success_timestamp_seconds"]
    assert f'{labels}"main"}} 0\n' in lines["baileys_backup_drill_failed"]
    assert f'{labels}"main"}} 0.2\n' in lines["baileys_backup_drill_duration_seconds"]
    when = server.vault.of("acme")[-1].time
    assert f'"main"}} {when!r}\n' in lines["baileys_backup_last_success_timestamp_seconds"]


def test_no_sentence_about_backups_speaks_of_a_cluster(server: Server) -> None:
    for number, code in enumerate(("Forbidden", "Unreachable", "SessionTooLarge", "NothingToDo")):
        name = f"t{number}"
        server.directories[name] = Directory(counted=50)
        server.vault.broken[name] = code
    server.directories["asleep"] = Directory(counted=50)
    server.config["directories"] = {"t1": {"backup": {"drill": {"schedule": "Never"}}}}
    seen: set[str] = set()
    server.start()
    for _ in range(3):
        server.live(20 * MINUTE)
        for name in server.directories:
            seen.update(sentences(server, name))
    assert any("t" in each and "There is no backup yet." in each for each in seen)
    assert [each for each in sorted(seen) if FOREIGN.search(each)] == []

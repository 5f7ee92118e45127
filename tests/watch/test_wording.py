"""A server's user reads nothing of clusters."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from baileys_janitor.status import forecast, level_and_ready
from baileys_janitor.tenants import record_result
from baileys_janitor.volume.errors import SENTENCES
from baileys_janitor.watch.record import DirectoryRecord
from baileys_janitor.watch.wording import PHRASES, said
from tests.schedule.simulation import Directory
from tests.watch.world import DAY, HOUR, Server

FOREIGN = re.compile(
    r"\bspec\b|\bJobs?\b|namespace|\bclaim\b|\bpods?\b|kubectl|\bKubernetes\b|\boperator\b"
)


def sentences(server: Server, name: str) -> list[str]:
    status = server.record(name).stored.status
    last = status.get("lastCleanup") or {}
    told = [status.get("next") or "", last.get("message") or ""]
    return told + [each.get("message") or "" for each in status["conditions"]]


def scenes(server: Server) -> None:
    """Let all kinds of things happen."""
    more = {
        "broken": Directory(error="PermissionDenied"),
        "corrupt": Directory(more={"identity_state": "Corrupt"}),
        "unpaired": Directory(more={"identity_state": "Unpaired"}),
        "absent": Directory(more={"identity_state": "Absent"}),
        "full": Directory(counted=300, reclaimable=0),
        "asleep": Directory(),
        "disk": Directory(more={"free_bytes": 100}),
        "capped": Directory(counted=200, reclaimable=90, cap=5),
        **{f"t{n}": Directory(counted=200, reclaimable=150) for n in range(3)},
    }
    server.directories.update(more)
    server.start()


def test_no_sentence_of_a_status_speaks_of_a_cluster(tmp_path: Path) -> None:
    config = {"circuitBreaker": {"runs": 2}, "directories": {"asleep": {"suspend": True}}}
    server = Server(tmp_path / "w.json", {}, config)
    kills = ["cleaned"]
    server.kill_at = lambda what, _: bool(kills) and what == kills[0] and bool(kills.pop())
    scenes(server)
    seen: set[str] = set()
    for _ in range(4):
        server.live(HOUR / 3)
        for name in server.directories:
            seen.update(sentences(server, name))
    server.hands.pass_(DAY)
    server.live(60)
    for name in server.directories:
        seen.update(sentences(server, name))
    assert len(seen) > 60
    assert [each for each in sorted(seen) if FOREIGN.search(each)] == []


@pytest.mark.parametrize("code", [*SENTENCES, "Unexpected", "odd code"])
def test_a_fault_names_the_way_out_without_a_cluster(code: str) -> None:
    fault = DirectoryRecord("server1", "acme", "acme").fault_of(code)
    assert not FOREIGN.search(fault.message)
    assert len(fault.message) > 20


def test_every_phrase_that_is_replaced_is_still_written_somewhere() -> None:
    code = "".join(
        each.read_text()
        for module in (forecast, level_and_ready, record_result)
        for each in Path(module.__file__ or "").parent.parent.rglob("*.py")
        if each.name != "wording.py" or "watch" not in each.parts
    )
    flat = re.sub(r'"\s*f?"', "", code)
    # Of a sentence with a number in the middle, the words around it are there.
    gone = [theirs for theirs, _ in PHRASES if theirs not in flat and "Cleanups in" not in theirs]
    assert gone == []
    assert said("spec.suspend is true: no Job runs.") == "suspend is true: nothing runs."

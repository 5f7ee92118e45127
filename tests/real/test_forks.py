"""Forks of Baileys write other names: their sessions are counted, cleaned, rotated, backed up and put back."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.cli.main import main
from baileys_janitor.cli.restore import restore_command
from baileys_janitor.policy.files.file_kinds import classify
from tests.real import forks, sessions
from tests.real.directory import Written, snapshot, untouchable
from tests.running_time import remember
from tests.volume.rotations import roll_back, rotate

FORKS = [name for name in forks.WRITTEN if not name.endswith("-single-file")]
DEVICES = {"session-12015550100.0.json", "session-12015550100-3.0.json"}
BY_KIND = {
    "creds": 1, "appStateSync": 6, "senderKey": 10, "senderKeyMemory": 2,
}  # fmt: skip
OF_A_FORK = {
    "whaileys": {"preKey": 60, "session": 17, "tcToken": 4},
    "adiwajshing-5": {"preKey": 46, "session": 14},
    "adiwajshing-4": {"preKey": 60, "session": 14},
}

by_fork = pytest.mark.parametrize("fork", FORKS)
talking = pytest.mark.skipif(
    not sessions.ALL_CHECKS, reason="ALL_CHECKS=1 runs it: that needs the forks' packages from npm"
)


@pytest.fixture
def node() -> None:
    if reason := sessions.node_missing(forks.TOOL):
        pytest.skip(reason)


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore_command, "pause", lambda seconds: None)


def unpacked(fork: str, path: Path) -> Path:
    """A fork's session whose tenant has had messages every day."""
    return remember(forks.unpack(fork, path / "sessions" / "acme", peers=path / "peers"))


def janitor(*words: object) -> dict[str, Any]:
    """Run a command; what it says of the one directory."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        type_(*words, "-o", "json")
    [found] = json.loads(said.getvalue())["directories"]
    return dict(found)


def type_(*words: object) -> None:
    """Run a command, which must be done."""
    assert main([str(each) for each in words]) == 0


def cleaned(session: Path, *options: str) -> dict[str, Written]:
    """Clean a session for good; the files that went."""
    before = snapshot(session)
    janitor("clean", session, "--apply", *options)
    left = snapshot(session)
    return {name: file for name, file in before.items() if name not in left}


@by_fork
def test_every_name_of_a_fork_is_known(fork: str, tmp_path: Path) -> None:
    session = unpacked(fork, tmp_path)
    files = snapshot(session)
    found = janitor("scan", session)
    assert Counter(classify(name)[0] for name in files) == BY_KIND | OF_A_FORK[fork]
    assert {kind: n for kind, n in found["byKind"].items() if n} == BY_KIND | OF_A_FORK[fork]
    assert (found["identity"], found["level"]) == ("Paired", "Healthy")
    assert snapshot(session) == files


@by_fork
def test_a_dry_run_names_what_a_cleanup_takes_and_touches_nothing(
    fork: str, tmp_path: Path
) -> None:
    session = unpacked(fork, tmp_path)
    files = snapshot(session)
    planned = janitor("clean", session)
    assert snapshot(session) == files
    assert len(cleaned(session)) == planned["removed"] > 0


@by_fork
@pytest.mark.parametrize("options", [(), ("--emergency", "--critical", "1", "--warning", "1")])
def test_a_cleanup_takes_only_what_was_not_used_for_long(
    fork: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    session = unpacked(fork, tmp_path)
    before = snapshot(session)
    gone = cleaned(session, *options)
    left = snapshot(session)
    assert Counter(classify(name)[0] for name in gone).keys() == {
        "session", "senderKey", "senderKeyMemory",
    }  # fmt: skip
    assert left.keys() >= DEVICES, "sessions with the tenant's own devices never go"
    assert untouchable(left) == untouchable(before)
    assert {name for name in before if "tc-token" in name} <= left.keys()
    groups = {name.split("--")[0] for name in gone if "--12015550100-7--0" in name}
    assert groups == {
        name.replace("memory-", "").removesuffix(".json") for name in gone if "memory" in name
    }


@by_fork
def test_an_undo_puts_every_byte_and_time_back(fork: str, tmp_path: Path) -> None:
    session = unpacked(fork, tmp_path)
    before = snapshot(session)
    assert cleaned(session)
    type_("undo", session)
    assert snapshot(session) == before


@by_fork
def test_a_rotation_moves_the_pairing_and_a_rollback_brings_it_back(
    fork: str, tmp_path: Path
) -> None:
    session = unpacked(fork, tmp_path)
    before = snapshot(session)
    assert rotate(session).outcome == "Completed"
    assert snapshot(session) == {}, "a fork has no LID mappings"
    assert roll_back(session).outcome == "Completed"
    assert snapshot(session) == before


def restored(session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Back the session up, lose it, and put it back from the archive."""
    store, key = tmp_path / "store", tmp_path / "backup.key"
    store.mkdir()
    type_("backup", "keygen", "-o", key)
    [public] = [line for line in key.read_text().split() if line.startswith("age1")]
    type_("backup", session, "--to", store, "--recipient", public)
    capsys.readouterr()
    type_("backup", "fingerprints", session)
    fingerprints = tmp_path / "fingerprints.txt"
    fingerprints.write_text(capsys.readouterr().out)
    shutil.rmtree(session)
    os.mkdir(session)
    which = ["--from", store, "--identity", key, "--fingerprints", fingerprints]
    type_("restore", session, *which, "--stopped", "--apply")


@by_fork
def test_a_restore_brings_back_all_that_breaks_nothing(
    fork: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = unpacked(fork, tmp_path)
    before = snapshot(session)
    restored(session, tmp_path, capsys)
    output = capsys.readouterr()
    after = snapshot(session)
    out = {classify(name)[0] for name in before.keys() - after.keys()}
    assert out == {"session", "senderKey", "senderKeyMemory"}, "a fork cannot use closed sessions"
    assert "LibraryTooOld" in output.out + output.err
    assert {name for name in before if classify(name)[0] == "senderKey"} - after.keys() == {
        name for name in before if "--12015550100-7--0" in name
    }
    same = {name for name in after if name != "creds.json"}
    assert {name: before[name] for name in same} == {name: after[name] for name in same}


@pytest.mark.parametrize("name", ["auth_info.json", "creds.json"])
def test_a_single_file_with_everything_in_it_is_never_touched(name: str, tmp_path: Path) -> None:
    session = forks.unpack("adiwajshing-4-single-file", tmp_path / "acme")
    os.rename(session / "auth_info.json", session / name)
    files = snapshot(session)
    for words in (["clean", "--apply"], ["clean", "--apply", "--emergency"]):
        main([*words, str(session), "-q"])
        assert snapshot(session) == files
    assert main(["rotate", str(session), "--stopped", "--apply"]) == 1
    assert snapshot(session) == files


@pytest.mark.parametrize("fork", forks.WRITTEN)
def test_no_number_is_anybodys(fork: str, tmp_path: Path) -> None:
    session = forks.unpack(fork, tmp_path / "session")
    texts = [path.name + path.read_text() for path in session.iterdir()]
    numbers = {number for text in texts for number in re.findall(r"(\d{10,})(?=[-:@\d]*@)", text)}
    assert numbers
    fictional = r"1\d{3}55501\d\d|240000000000000|24111111111111\d|12036300000000000\d"
    assert all(re.fullmatch(fictional, number) for number in numbers)


@talking
@by_fork
@pytest.mark.usefixtures("node")
def test_a_fork_goes_on_after_a_cleanup_and_a_restore(
    fork: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session, peers = unpacked(fork, tmp_path), tmp_path / "peers"
    assert forks.check(fork, session, peers)["passed"]
    cleaned(session, "--emergency", "--critical", "1", "--warning", "1")
    found = forks.check(fork, session, peers)
    assert (found["passed"], found["ownLost"], found["groups"]["deaf"]) == (True, 0, 0)
    assert found["healed"] > 0
    restored(session, tmp_path, capsys)
    found = forks.check(fork, session, peers)
    assert (found["paired"], found["lost"], found["groups"]["deaf"]) == (True, 0, 0)
    assert found["newContacts"] == found["waiting"]

"""Keys, backup, loss, restore: what a person types, into a directory and an S3 server, until the library goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from baileys_janitor.cli.main import main
from baileys_janitor.cli.restore import restore_command
from tests.all_checks import one_in
from tests.backup import servers
from tests.real import judging, sessions
from tests.real.directory import names, snapshot

pytestmark = pytest.mark.usefixtures("node")


@pytest.fixture(params=one_in(2, ["directory", "s3"]))
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """Where archives are put, as a person types it."""
    if request.param == "directory":
        (tmp_path / "store").mkdir()
        yield [str(tmp_path / "store")]
        return
    for name, value in servers.ENVIRON.items():
        monkeypatch.setenv(name, value)
    with servers.rclone(tmp_path) as server:
        yield [f"s3://{server.bucket()}/prod", "--endpoint", server.url, "--region", servers.REGION]


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore_command, "pause", lambda seconds: None)


def test_a_session_that_was_lost_goes_on_from_its_archive(
    store: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session, peers, key = tmp_path / "sessions/acme", tmp_path / "peers", tmp_path / "backup.key"
    session.parent.mkdir()
    sessions.unpack("healthy", session, peers=peers)
    type_("backup", "keygen", "-o", key)
    [public] = [line for line in key.read_text().split() if line.startswith("age1")]
    type_("backup", session, "--to", *store, "--recipient", public)
    capsys.readouterr()
    type_("backup", "fingerprints", session)
    fingerprints = tmp_path / "fingerprints.txt"
    fingerprints.write_text(capsys.readouterr().out)
    amounts = {"messages": 1, "groups": 1, "patches": 1, "preKeys": judging.UPLOADED}
    assert sessions.talk(session, peers, **amounts)["passed"]

    shutil.rmtree(session)
    os.mkdir(session)
    which = ["--from", *store, "--identity", key, "--fingerprints", fingerprints]
    type_("restore", session, *which)
    assert os.listdir(session) == [], "a dry run"
    type_("restore", session, *which, "--stopped", "--apply")

    report = sessions.judge(session, peers, contacts=12)
    assert judging.broken(report) == []
    assert not names(snapshot(session), "sender-key-memory-")


def type_(*words: object) -> None:
    """Run a command, which must be done."""
    assert main([str(each) for each in words]) == 0

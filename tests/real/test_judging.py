"""The real library judges restores: everybody goes on where they were, though the backup is older."""

from __future__ import annotations

from pathlib import Path

import pytest

from baileys_janitor.cli import restore_command
from baileys_janitor.cli.main import main
from tests.real import judging, sessions
from tests.real.judging import Life

#: New contacts that write; `ALL_CHECKS=1` takes as many as the targets speak of.
CONTACTS = judging.NEW_CONTACTS if sessions.ALL_CHECKS else 12


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return judging.lived("healthy", tmp_path, exchanges=1)


@pytest.mark.usefixtures("node")
def test_a_session_that_only_lived_on_is_judged_whole(life: Life) -> None:
    report = sessions.judge(life.session, life.peers, contacts=CONTACTS)

    assert judging.broken(report) == []


@pytest.mark.usefixtures("node")
def test_everything_put_back_as_it_was_fails_the_judgement(life: Life) -> None:
    report = sessions.judge(life.backup, life.peers, contacts=CONTACTS)

    broken = judging.broken(report)
    assert broken == ["outgoing", "toOwnDevices", "ownDevices", "ownGroups", "givenTwice", "again"]


@pytest.mark.usefixtures("node")
def test_a_kept_copy_of_torn_credentials_passes_the_judgement(
    life: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore_command, "pause", lambda seconds: None)
    torn = life.lost_by("nothing lost", tmp_path / "torn")
    (torn / "creds.json").write_bytes((life.backup / "creds.json").read_bytes())
    assert main(["keep", str(torn), "-q"]) == 0
    judging.ACCIDENTS["creds.json torn"](torn)

    assert main(["restore", str(torn), "--mode", "Credentials", "--stopped", "--apply"]) == 0

    report = sessions.judge(torn, life.peers, contacts=CONTACTS)
    assert judging.broken(report) == []
    assert report["incoming"]["first"] == report["incoming"]["sent"]

"""The real library judges restores: everybody goes on where they were, though the backup is older."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.policy.archives.restore_codes import (
    CREDENTIALS,
    NOTHING_RAN_SINCE,
    SAFE,
    WHOLE,
)
from tests.real import judging, restore_lab, sessions
from tests.real.directory import OWN_USERS, names, snapshot
from tests.real.judging import Life

pytestmark = pytest.mark.usefixtures("node")

#: New contacts that write; `ALL_CHECKS=1` takes as many as the targets speak of.
CONTACTS = judging.NEW_CONTACTS if sessions.ALL_CHECKS else 12
every = pytest.mark.skipif(not sessions.ALL_CHECKS, reason="ALL_CHECKS=1 runs it: more restores")


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return judging.lived("healthy", tmp_path, exchanges=1)


def broken(life: Life, session: Path) -> list[str]:
    return judging.broken(sessions.judge(session, life.peers, contacts=CONTACTS))


def test_everybody_goes_on_after_everything_was_lost(life: Life, tmp_path: Path) -> None:
    session = life.lost_by("all lost", tmp_path / "restored")

    result = judging.put_back(life.archive, session)

    assert result.outcome == "Completed"
    assert not names(snapshot(session), "sender-key-memory-")
    assert broken(life, session) == []


def test_everything_put_back_as_it_was_fails_the_judgement(life: Life) -> None:
    found = broken(life, life.backup)

    assert found == ["outgoing", "toOwnDevices", "ownDevices", "ownGroups", "givenTwice", "again"]


@every
def test_a_session_that_only_lived_on_is_judged_whole(life: Life) -> None:
    assert broken(life, life.session) == []


@every
@pytest.mark.parametrize("exchanges", restore_lab.EXCHANGES)
@pytest.mark.parametrize("world", restore_lab.WORLDS)
def test_everybody_goes_on_after_every_accident(world: str, exchanges: int, tmp_path: Path) -> None:
    known = restore_lab.WORLDS[world]
    found = {
        accident: {*judging.broken(report)} - known.unmet
        for accident, report in restore_lab.judged(known, exchanges, tmp_path / "lives")
    }

    assert {accident: gone for accident, gone in found.items() if gone} == {}


@every
@pytest.mark.parametrize("accident", ["creds.json torn", "all lost"])
def test_credentials_of_an_archive_alone_lose_no_message(
    accident: str, life: Life, tmp_path: Path
) -> None:
    session = life.lost_by(accident, tmp_path / "restored")

    assert judging.put_back(life.archive, session, CREDENTIALS).outcome == "Completed"

    report = sessions.judge(session, life.peers, contacts=CONTACTS)
    if accident == "creds.json torn":
        assert judging.broken(report) == []
    else:  # the rest heals by retries; app state does not
        assert (report["incoming"]["lost"], report["newContacts"]["lost"]) == (0, 0)
        assert report["outgoing"]["first"] == report["outgoing"]["sent"]
        assert (report["givenTwice"], len(report["appState"]["failed"])) == (0, 5)


@every
def test_a_stopped_session_moves_whole(tmp_path: Path) -> None:
    session, peers = tmp_path / "session", tmp_path / "peers"
    sessions.unpack("healthy", session, peers=peers)
    archive = judging.archived(session, quiesced=True)
    moved = tmp_path / "moved"
    moved.mkdir()

    result = judging.put_back(archive, moved, WHOLE, [NOTHING_RAN_SINCE])

    assert result.outcome == "Completed"
    before, after = snapshot(session), snapshot(moved)
    assert {name: file.digest for name, file in after.items()} == {
        name: file.digest for name, file in before.items()
    }
    report = sessions.check(moved, peers, contacts=CONTACTS)
    assert [each["name"] for each in report["properties"] if not each["passed"]] == []


def without_lid(session: Path) -> None:
    """A session of a library that was not told its LID, and has not learned it."""
    edit(session, lambda creds: creds["me"].pop("lid"))
    for name in (f"lid-mapping-{OWN_USERS[0]}.json", "lid-mapping-240000000000000_reverse.json"):
        (session / name).unlink()


def under_lid(session: Path) -> None:
    """A session that goes by its LID alone."""
    edit(session, lambda creds: creds["me"].update(id=creds["me"].pop("lid")))


def edit(session: Path, change: Callable[[dict[str, Any]], object]) -> None:
    creds = json.loads((session / "creds.json").read_text())
    change(creds)
    (session / "creds.json").write_text(json.dumps(creds))


@every
@pytest.mark.parametrize("form", [without_lid, under_lid])
def test_nothing_under_a_lid_comes_back_that_could_be_the_tenants_own(
    form: Callable[[Path], None], life: Life, tmp_path: Path
) -> None:
    form(life.backup)
    session = life.lost_by("all lost", tmp_path / "restored")

    assert judging.put_back(judging.archived(life.backup), session).outcome == "Completed"

    files = snapshot(session)
    assert [each for each in names(files, "session-") if "_1." in each] == []
    assert [each for each in names(files, "sender-key-") if "_1--" in each] == []
    report = sessions.judge(session, life.peers, contacts=CONTACTS)
    assert {*judging.broken(report)} <= {"memberGroups", "again"}  # members' keys come by a retry
    assert report["groups"]["incoming"]["lost"] == 0


@every
def test_devices_in_the_user_part_of_a_name_are_the_tenants_own_too(tmp_path: Path) -> None:
    session = sessions.unpack("six", tmp_path / "session")
    for path in session.glob("sender-key-1*--7.json"):
        path.rename(session / path.name.replace("--7.json", "-7--0.json"))
    own = f"--{OWN_USERS[0]}-7--0.json"
    assert any(path.name.endswith(own) for path in session.iterdir())
    target = tmp_path / "restored"
    target.mkdir()

    result = judging.put_back(judging.archived(session), target, SAFE)

    assert result.outcome == "Completed"
    assert names(snapshot(target), "sender-key-")
    assert not any(path.name.endswith(own) for path in target.iterdir())

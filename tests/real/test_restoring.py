"""A creds.json that was torn comes back from a kept copy, and the session goes on: the real library says so.

After the copy was kept everybody went on talking and more pre-keys were uploaded, so the copy is old when it goes back.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from baileys_janitor.cli.main import main
from baileys_janitor.cli.restore import restore_command
from tests.real import sessions
from tests.real.directory import Written, snapshot

UPLOADED = 10
OWN_LID = "240000000000000:7@lid"
TEARS: dict[str, Callable[[Path], object]] = {
    "cut": lambda creds: os.truncate(creds, 100),
    "empty": lambda creds: os.truncate(creds, 0),
    "missing": os.unlink,
}
SCENARIOS = ("healthy", "emergency", "old", "six")


class Torn(NamedTuple):
    """A session whose credentials were torn, its peers, and its other files."""

    session: Path
    peers: Path
    others: dict[str, Written]
    ids: list[int]


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore_command, "pause", lambda seconds: None)


def tear(scenario: str, path: Path, how: str, messages: int = 1) -> Torn:
    """A session that lived on after a copy of its credentials was kept, until they were torn."""
    session, peers = path / "session", path / "peers"
    sessions.unpack(scenario, session, peers=peers)
    assert main(["keep", str(session), "-q"]) == 0
    lived = sessions.talk(session, peers, messages=messages, preKeys=UPLOADED)
    assert lived["passed"]
    TEARS[how](session / "creds.json")
    return Torn(session, peers, others(session), lived["ids"])


def others(session: Path) -> dict[str, Written]:
    return {name: file for name, file in snapshot(session).items() if name != "creds.json"}


def restore(session: Path) -> int:
    return main(["restore", str(session), "--mode", "Credentials", "--stopped", "--apply"])


def everybody_goes_on(torn: Torn) -> list[int]:
    """Everybody talks at the first try, in both directions, own devices and groups too; the server's ids."""
    found: dict[str, Any] = sessions.talk(torn.session, torn.peers, messages=1, preKeys=UPLOADED)
    assert (found["read"], found["passed"]) == (found["sent"], True)
    return list(found["ids"])


def new_contacts_come_through(torn: Torn, contacts: int) -> None:
    report = sessions.check(
        torn.session, torn.peers, only=["newContacts", "preKeys"], contacts=contacts, messages=10
    )
    by_name = {each["name"]: each for each in report["properties"]}
    assert by_name["newContacts"]["arrived"] == contacts
    assert by_name["preKeys"]["unanswered"] == 0


@pytest.fixture(params=TEARS if sessions.ALL_CHECKS else ["cut"])
def torn(request: pytest.FixtureRequest, tmp_path: Path) -> Torn:
    return tear("healthy", tmp_path, request.param)


@pytest.mark.usefixtures("node")
def test_everybody_goes_on_talking_after_a_restore(torn: Torn) -> None:
    assert restore(torn.session) == 0
    assert others(torn.session) == torn.others

    ids = everybody_goes_on(torn)

    assert len(ids) == len(set(ids))  # no id was handed out a second time
    assert set(torn.ids) < set(ids)
    assert min(set(ids) - set(torn.ids)) > max(torn.ids) + UPLOADED
    new_contacts_come_through(torn, 10)


@pytest.mark.skipif(
    not sessions.ALL_CHECKS, reason="ALL_CHECKS=1 runs it: other libraries, all properties"
)
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.usefixtures("node")
def test_every_library_goes_on_after_a_restore(scenario: str, tmp_path: Path) -> None:
    torn = tear(scenario, tmp_path, "empty", messages=3)
    assert restore(torn.session) == 0

    report = sessions.check(torn.session, torn.peers, contacts=60)

    failed = {each["name"]: each for each in report["properties"] if not each["passed"]}
    # Raised counters have no latest pre-key: the library uploads one at its next login.
    identity = failed.pop("identity")
    assert (identity["changed"], identity["counters"], identity["lastPreKey"]) == ([], True, False)
    assert failed == {}
    ids = everybody_goes_on(torn)
    assert len(ids) == len(set(ids))


@pytest.mark.skipif(not sessions.ALL_CHECKS, reason="ALL_CHECKS=1 runs it: what raising prevents")
@pytest.mark.usefixtures("node")
def test_a_copy_put_back_as_it_is_hands_out_ids_twice(torn: Torn) -> None:
    """What the restore prevents: so would a person with a backup and `cp`."""
    [copy] = torn.session.glob(".janitor~creds~*")
    (torn.session / "creds.json").write_bytes(copy.read_bytes())

    found = sessions.talk(torn.session, torn.peers, messages=1, preKeys=UPLOADED)

    assert len(found["ids"]) - len(set(found["ids"])) == UPLOADED


@pytest.mark.skipif(not sessions.ALL_CHECKS, reason="ALL_CHECKS=1 runs it: a login over a socket")
@pytest.mark.usefixtures("node")
def test_the_library_logs_in_and_uploads_ids_that_nobody_has_used(tmp_path: Path) -> None:
    torn = tear("healthy", tmp_path, "empty")
    assert restore(torn.session) == 0

    found = sessions.login(torn.session, OWN_LID, "rc14")

    assert found["passed"]
    made = set(snapshot(torn.session)) - set(torn.others) - {"creds.json"}
    ids = sorted(int(name.removeprefix("pre-key-").removesuffix(".json")) for name in made)
    assert ids
    assert ids[0] == max(torn.ids) + 1000

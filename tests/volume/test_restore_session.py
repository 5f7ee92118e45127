"""Putting an archived session back: nothing is replaced, creds.json comes last, and an undo takes it away again."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.volume import operations
from baileys_janitor.volume.report.run_results import UndoResult
from baileys_janitor.volume.restoring.restore_session import (
    SessionOutlook,
    SessionRestoreResult,
    SessionRestoring,
)
from baileys_janitor.volume.scanning import credentials
from tests.archived import COMES_BACK, CONTENT, MEMORY, OWN_KEY, archived, record
from tests.pairings import whole
from tests.volume.directories import DAY, HOUR, NOW, held, opened, trashed, write

RAISED = 1030
TORN = b'{"noiseKey":{"pri'
SOURCE = archived(CONTENT, NOW - DAY)
FINGERPRINT = SOURCE.identity.fingerprint


@pytest.fixture(autouse=True)
def _a_torn_file_is_read_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "PAUSES_SECONDS", (0.0, 0.0))


@pytest.fixture
def session(room: Path) -> Path:
    """A directory in which somebody has lost everything."""
    path = room / "session"
    path.mkdir()
    return path


def restoring(
    directory: int, run: str = "r1", content: Mapping[str, bytes] = CONTENT, **more: Any
) -> SessionRestoring:
    source = more.pop("source", None) or archived(content, NOW - DAY)
    more.setdefault("expected", source.identity.fingerprint)
    return SessionRestoring(
        directory, run, source, content.__getitem__, now=NOW, pause=lambda _: None, **more
    )


def restore(path: Path, run: str = "r1", **more: Any) -> SessionRestoreResult:
    with opened(path) as directory:
        return restoring(directory, run, **more).apply()


def look(path: Path, **more: Any) -> SessionOutlook:
    with opened(path) as directory:
        return restoring(directory, "", **more).look()


def undo(path: Path, run: str | None = None) -> UndoResult:
    with opened(path) as directory:
        return operations.undo(directory, run, now=NOW)


def own_names(path: Path, part: str = "") -> list[str]:
    return [name for name in os.listdir(path) if name.startswith(".janitor~" + part)]


def raised(data: bytes, number: int = RAISED) -> bytes:
    document = json.loads(data)
    document.update(nextPreKeyId=number, firstUnuploadedPreKeyId=number)
    return json.dumps(document).encode()


def test_everything_that_may_come_back_does(session: Path) -> None:
    result = restore(session)
    assert (result.outcome, result.code) == ("Completed", None)
    there = held(session)
    assert there.keys() == COMES_BACK
    assert there["creds.json"] == raised(CONTENT["creds.json"])
    assert b'"closed": -1' not in there["session-2201.0.json"]
    untouched = [name for name in COMES_BACK if not name.startswith(("creds", "session-"))]
    assert {name: there[name] for name in untouched} == {name: CONTENT[name] for name in untouched}
    assert sum(result.restored_by_kind.values()) == len(COMES_BACK)
    assert result.kept_back == {
        "OwnSenderKey": {"senderKey": 1},
        "MemoryFile": {"senderKeyMemory": 1},
    }
    assert own_names(session, "new~") == own_names(session, "plan~") == []


def test_an_undo_takes_away_what_was_put_and_nothing_else(session: Path) -> None:
    write(session / "notes.txt", b"mine", NOW - HOUR)
    restore(session)
    result = undo(session)
    assert (result.outcome, result.taken_away) == ("Completed", len(COMES_BACK))
    assert held(session) == {"notes.txt": b"mine"}
    assert own_names(session) == [".janitor~journal"]


def test_files_get_the_times_of_the_archive_and_the_mode_of_those_beside_them(
    session: Path,
) -> None:
    write(session / "session-2209.0.json", record(-1), NOW - HOUR)
    os.chmod(session / "session-2209.0.json", 0o640)
    restore(session)
    found = os.stat(session / "session-2201.0.json")
    assert (stat.S_IMODE(found.st_mode), found.st_mtime) == (0o640, NOW - DAY - HOUR)


def test_a_torn_creds_json_comes_back_by_an_undo(session: Path) -> None:
    write(session / "creds.json", TORN, NOW - HOUR)
    restore(session)
    assert held(session)["creds.json"] == raised(CONTENT["creds.json"])
    assert trashed(session) == {"creds.json": TORN}
    assert undo(session).outcome == "Completed"
    assert held(session) == {"creds.json": TORN}
    assert own_names(session) == [".janitor~journal"]


def test_a_look_writes_nothing(session: Path) -> None:
    content = {**CONTENT, "session-2202.0.json": b'{"form": "unknown"}'}
    outlook = look(session, content=content)
    assert outlook.plan.refused is None
    assert outlook.plan.kept_back["SessionFormUnknown"] == {"session": 1}
    assert os.listdir(session) == []


def test_credentials_that_can_be_read_stay_as_they_are(session: Path) -> None:
    mine = whole(nextPreKeyId=41, firstUnuploadedPreKeyId=41)
    write(session / "creds.json", mine, NOW - HOUR)
    write(session / "session-2201.0.json", record(-1), NOW - HOUR)
    result = restore(session, expected="")
    assert result.outcome == "Completed"
    there = held(session)
    assert there["creds.json"] == mine
    assert there["session-2201.0.json"] == record(-1)
    assert there.keys() == COMES_BACK


@pytest.mark.parametrize(
    "of_newer_libraries", ["tctoken-2201@lid.json", "identity-key-2201.0.json"]
)
def test_sessions_come_back_only_where_a_file_tells_of_a_library_that_asks_for_open_ones(
    of_newer_libraries: str, session: Path
) -> None:
    old = {
        name: data
        for name, data in CONTENT.items()
        if not name.startswith(("tctoken-", "identity-key-"))
    }
    theirs = b'{"token": "x"}'
    of_a_fork = {**old, "contacts-tc-token-2201.json": theirs}
    assert look(session, content=of_a_fork).plan.kept_back["LibraryTooOld"] == {"session": 3}
    write(session / of_newer_libraries, theirs, NOW - HOUR)
    assert look(session, content=old).plan.restored_by_kind["session"] == 3


def test_a_memory_whose_key_was_lost_is_moved_aside_and_stays_so(session: Path) -> None:
    other_memory, other_key = (name.replace("1@g.us", "2@g.us") for name in (MEMORY, OWN_KEY))
    for name in (MEMORY, other_memory, other_key):
        write(session / name, b"{}", NOW - HOUR)
    assert look(session).plan.told[-1] == "LoneMemories"
    assert held(session).keys() == {MEMORY, other_memory, other_key}

    result = restore(session)

    assert (result.outcome, result.told[-1]) == ("Completed", "LoneMemories")
    assert held(session).keys() == COMES_BACK | {other_memory, other_key}
    assert trashed(session) == {MEMORY: b"{}"}
    assert undo(session).outcome == "Completed"
    assert held(session).keys() == {other_memory, other_key}
    assert trashed(session) == {MEMORY: b"{}"}


def test_a_memory_stays_where_its_key_may_be_under_a_lid_that_nobody_knows(session: Path) -> None:
    creds = whole("a", me={"id": "1100:3@s.whatsapp.net"})
    for name in (MEMORY, OWN_KEY):
        write(session / name, b"{}", NOW - HOUR)
    result = restore(session, content={**CONTENT, "creds.json": creds})
    assert "LoneMemories" not in result.told
    assert MEMORY in held(session)


def test_a_restore_that_has_nothing_to_put_moves_nothing(session: Path) -> None:
    restore(session)
    write(session / MEMORY, b"{}", NOW - HOUR)
    assert restore(session, "r2").outcome == "NothingToDo"
    assert MEMORY in held(session)

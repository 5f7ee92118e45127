"""Putting an archived session back: nothing is replaced, creds.json comes last, and an undo takes it away again."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.volume import credentials, operations
from baileys_janitor.volume.restore_session import (
    SessionOutlook,
    SessionRestoreResult,
    SessionRestoring,
)
from baileys_janitor.volume.run_results import UndoResult
from tests.archived import COMES_BACK, CONTENT, archived, record
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

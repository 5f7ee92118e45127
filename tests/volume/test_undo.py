"""Undo puts a run back: as units, never over a file that exists, never into another identity."""

from __future__ import annotations

from pathlib import Path

import pytest

from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume import operations as sessions
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.report.run_results import UndoResult
from baileys_janitor.volume.runs.journal import UNDOING, Journal
from baileys_janitor.volume.scanning.activity import Known
from tests.running_time import always_running
from tests.volume.directories import (
    DAY,
    DUE,
    FILES,
    NOW,
    content,
    credentials,
    held,
    in_trash,
    memory,
    no_memory_without_its_key,
    opened,
    own_key,
    trashed,
    write,
)

ALL = {name: content(name) for name in FILES}
VICTIM = "session-2220.0.json"
ALWAYS = Known(always_running(NOW))


@pytest.fixture
def cleaned(session: Path) -> Path:
    with opened(session) as directory:
        assert sessions.clean(directory, DEFAULTS, run="r1", now=NOW).removed == len(DUE)
    return session


def undo(path: Path, run: str | None = "r1", **more: object) -> UndoResult:
    with opened(path) as directory:
        return sessions.undo(directory, run, now=NOW + 60, **more)  # type: ignore[arg-type]


def test_everything_comes_back_as_it_was(session: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in session.iterdir()}
    with opened(session) as directory:
        sessions.clean(directory, DEFAULTS, run="r1", now=NOW)
    result = undo(session)
    assert (result.outcome, result.restored, result.kept) == ("Completed", len(DUE), {})
    assert sum(result.restored_by_kind or ()) == len(DUE)
    assert held(session) == ALL
    assert {path.name: path.stat().st_mtime_ns for path in session.glob("[!.]*")} == before
    assert {each.name for each in session.glob(".janitor~*")} == {
        ".janitor~activity",
        ".janitor~journal",
    }


def test_without_a_run_id_the_latest_run_comes_back(cleaned: Path) -> None:
    write(cleaned / VICTIM, b"second life", NOW - 40 * DAY)
    with opened(cleaned) as directory:
        assert sessions.clean(directory, DEFAULTS, run="r2", now=NOW, known=ALWAYS).removed == 1
    assert undo(cleaned, None).run == "r2"
    assert (cleaned / VICTIM).read_bytes() == b"second life"
    assert undo(cleaned, None).run == "r1"
    assert (cleaned / VICTIM).read_bytes() == b"second life"


def test_a_file_that_exists_is_never_replaced(cleaned: Path) -> None:
    (cleaned / VICTIM).write_bytes(b"newer")
    result = undo(cleaned)
    assert (result.outcome, result.restored, result.kept) == (
        "Capped",
        len(DUE) - 1,
        {"NewerExists": 1},
    )
    assert (cleaned / VICTIM).read_bytes() == b"newer"
    assert trashed(cleaned) == {VICTIM: content(VICTIM)}


@pytest.mark.parametrize("name", [own_key(), memory()])
def test_a_pair_of_which_one_file_exists_stays_in_the_trash(cleaned: Path, name: str) -> None:
    (cleaned / own_key()).write_bytes(b"newer")
    if name == memory():
        (cleaned / memory()).write_bytes(b"newer")
    result = undo(cleaned)
    assert result.restored == len(DUE) - 2
    assert {own_key(), memory()} <= trashed(cleaned).keys()
    assert (cleaned / own_key()).read_bytes() == b"newer"
    assert (cleaned / memory()).exists() == (name == memory())


def test_a_key_does_not_come_back_beside_a_newer_memory_file(cleaned: Path) -> None:
    (cleaned / memory()).write_bytes(b"newer")
    result = undo(cleaned)
    assert result.restored == len(DUE) - 2
    assert result.kept == {"NewerExists": 1, "WithItsPair": 1}
    assert {own_key(), memory()} <= trashed(cleaned).keys()
    assert not (cleaned / own_key()).exists()


def test_a_memory_file_never_comes_back_without_its_own_key(cleaned: Path) -> None:
    in_trash(cleaned, own_key()).unlink()
    result = undo(cleaned)
    assert (result.kept or {})["OwnKeyMissing"] == 1
    assert no_memory_without_its_key(cleaned)


def test_a_repair_is_not_undone(session: Path) -> None:
    (session / own_key()).unlink()
    with opened(session) as directory:
        sessions.clean(directory, DEFAULTS, run="r1", now=NOW)
    assert memory() in trashed(session)
    undo(session)
    assert memory() in trashed(session)
    assert no_memory_without_its_key(session)


def test_a_memory_file_never_comes_back_beside_an_empty_key(session: Path) -> None:
    write(session / own_key(), b"", NOW - 10 * DAY)
    with opened(session) as directory:
        assert sessions.clean(directory, DEFAULTS, run="r1", now=NOW).removed == len(DUE)
    undo(session)
    assert memory() in trashed(session)
    assert not (session / memory()).exists()


@pytest.mark.parametrize(("identity", "back"), [("AAAA", True), ("BBBB", False)])
def test_a_killed_undo_is_finished_into_the_same_identity_alone(
    cleaned: Path, identity: str, back: bool
) -> None:
    with opened(cleaned) as directory:
        Journal(directory, owners_of(directory)).mark(UNDOING, "r1", int(NOW))
    (cleaned / "creds.json").write_bytes(credentials(identity))
    with opened(cleaned) as directory:
        sessions.purge(directory, now=NOW)
    assert trashed(cleaned).keys() == (set() if back else DUE)
    assert (held(cleaned) == ALL) == back


def test_after_a_new_pairing_nothing_comes_back(cleaned: Path) -> None:
    (cleaned / "creds.json").write_bytes(credentials("BBBB"))
    before = held(cleaned)
    result = undo(cleaned)
    assert (result.outcome, result.code, result.restored) == ("Refused", "IdentityChanged", 0)
    assert held(cleaned) == before
    assert trashed(cleaned).keys() == DUE


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "CredentialsCorrupt"), (b"{}", "NotPaired"), (None, "CredentialsAbsent")],
)
def test_without_a_known_identity_nothing_comes_back(
    cleaned: Path, data: bytes | None, code: str
) -> None:
    (cleaned / "creds.json").unlink()
    if data is not None:
        (cleaned / "creds.json").write_bytes(data)
    assert undo(cleaned).code == code
    assert trashed(cleaned).keys() == DUE


def test_an_old_run_that_still_lies_in_the_trash_can_be_undone(cleaned: Path) -> None:
    with opened(cleaned) as directory:
        result = sessions.undo(directory, "r1", now=NOW + 90 * DAY)
    assert (result.outcome, result.restored) == ("Completed", len(DUE))


def test_unknown_purged_and_undone_runs_are_told_apart(cleaned: Path) -> None:
    assert undo(cleaned, "never").code == "RunUnknown"
    assert undo(cleaned).outcome == "Completed"
    assert undo(cleaned).outcome == "NothingToDo"
    write(cleaned / VICTIM, b"x", NOW - 40 * DAY)
    with opened(cleaned) as directory:
        sessions.clean(directory, DEFAULTS, run="r2", now=NOW, known=ALWAYS)
        assert sessions.purge(directory, now=NOW, undo_window=0).files > 0
    assert undo(cleaned, "r2").code == "RunPurged"


def test_where_nothing_was_ever_cleaned_an_undo_leaves_no_trace(session: Path) -> None:
    assert undo(session, None).outcome == "NothingToDo"
    assert undo(session, "r1").code == "RunUnknown"
    assert not list(session.glob(".janitor*"))


def test_an_undo_that_is_asked_to_end_goes_on_the_next_time(cleaned: Path) -> None:
    result = undo(cleaned, stop=lambda: "Interrupted" if (cleaned / VICTIM).exists() else None)
    assert (result.outcome, result.code) == ("Capped", "Interrupted")
    assert 0 < result.restored < len(DUE)
    assert undo(cleaned).restored == len(DUE) - result.restored
    assert held(cleaned) == ALL

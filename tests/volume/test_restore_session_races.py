"""Somebody else changes the directory while a session is restored, or the restore is undone: nothing of theirs goes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from baileys_janitor.volume.restoring.restore_session import SessionRestoreResult
from baileys_janitor.volume.scanning import credentials
from tests.all_checks import steps
from tests.archived import COMES_BACK, CONTENT, MEMORY, archived, record
from tests.pairings import whole
from tests.volume.directories import DAY, HOUR, NOW, held, opened, scratch, trashed, write
from tests.volume.test_restore import with_step
from tests.volume.test_restore_session import own_names, raised, restore, restoring, undo
from tests.volume.test_restore_session_kills import FEW, MINE, build

SAVED_CREDS = whole(nextPreKeyId=77, firstUnuploadedPreKeyId=77)
SAVED_SESSION = record(3, -1)
#: What a process may write: what is put back, what is there, and what neither knows.
WRITTEN = {
    "session-2201.0.json": SAVED_SESSION,
    "session-2299.0.json": SAVED_SESSION,
    "session-2288.0.json": SAVED_SESSION,
    "creds.json": SAVED_CREDS,
}


@pytest.fixture(autouse=True)
def _a_torn_file_is_read_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "PAUSES_SECONDS", (0.0, 0.0))


def save(path: Path, *, in_place: bool) -> None:
    """A process saves as the library does, or by renames."""
    for name, data in WRITTEN.items():
        if in_place:
            (path / name).write_bytes(data)
        else:
            (path / (name + ".tmp")).write_bytes(data)
            os.rename(path / (name + ".tmp"), path / name)


def with_saves(
    act: Callable[[Path], object], path: Path, step: int, *, in_place: bool
) -> tuple[object, bool]:
    """Do something, with a process that saves right before its `step`-th change; whether it did."""
    saved: list[int] = []

    def then() -> None:
        saved.append(step)
        save(path, in_place=in_place)

    return with_step(step, lambda: act(path), then), bool(saved)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("state", ["torn", "absent", "behind"])
def test_what_a_process_saves_at_any_step_of_a_restore_stays(state: str, in_place: bool) -> None:
    for step in steps(3):
        with scratch() as room:
            path = build(room, state)
            result, saved = with_saves(
                lambda path: restore(path, content=FEW), path, step, in_place=in_place
            )
            assert isinstance(result, SessionRestoreResult)
            if not saved:
                assert result.outcome == "Completed"
                break
            there = held(path)
            creds = there.pop("creds.json")
            # Saved credentials of the same pairing stay, if need be with their counters above what was restored.
            assert creds in (SAVED_CREDS, raised(SAVED_CREDS, 1076)), step
            assert {name: there[name] for name in WRITTEN if name != "creds.json"} == {
                name: data for name, data in WRITTEN.items() if name != "creds.json"
            }, step
            assert result.code in (None, "CredentialsSaved", "CredentialsChanging")
            assert undo(path, "r1").restored == 0
            assert held(path)["session-2288.0.json"] == SAVED_SESSION
    assert step > 40


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("state", ["torn", "absent", "behind"])
def test_what_a_process_saves_at_any_step_of_an_undo_stays(state: str, in_place: bool) -> None:
    for step in steps(3):
        with scratch() as room:
            path = build(room, state)
            assert restore(path, content=FEW).outcome == "Completed"
            _, saved = with_saves(lambda path: undo(path, "r1"), path, step, in_place=in_place)
            if not saved:
                break
            there = held(path)
            assert {name: there.get(name) for name in WRITTEN} == WRITTEN, step
    assert step > 15


def test_an_undo_leaves_all_of_it_once_the_process_has_run(room: Path) -> None:
    for name in WRITTEN:
        path = build_in(room, name)
        restore(path, content=FEW)
        before = held(path)
        write(path / name, WRITTEN[name], NOW + HOUR)
        result = undo(path, "r1")
        assert (result.outcome, result.code, result.taken_away) == ("Refused", "SessionWritten", 0)
        assert held(path) == {**before, name: WRITTEN[name]}


def build_in(room: Path, name: str) -> Path:
    (room / name).mkdir()
    return build(room / name, "torn")


def test_an_undo_looks_only_at_what_was_written_since(room: Path) -> None:
    """Neither a time in the future from before nor a file that is no session file is a sign of a process."""
    path = build(room, "torn")
    write(path / "session-2277.0.json", record(-1), NOW + 90 * DAY)
    restore(path, content=FEW)
    write(path / "notes.txt", b"mine", NOW + HOUR)
    os.chmod(path / "session-2299.0.json", 0o600)
    assert undo(path, "r1").outcome == "Completed"


def test_a_file_that_appears_between_plan_and_deed_stays(room: Path) -> None:
    path = build(room, "torn")
    with opened(path) as directory:
        act = restoring(directory, "r1", FEW)
        outlook = act.look()
        write(path / "session-2201.0.json", SAVED_SESSION, NOW)
        result = act.apply()
    assert outlook.plan.restored_by_kind["session"] == 1
    assert "session" not in result.restored_by_kind
    assert result.kept_back["AlreadyThere"]["session"] == 2
    assert held(path)["session-2201.0.json"] == SAVED_SESSION


def test_another_pairing_between_plan_and_deed_is_refused(room: Path) -> None:
    path = build(room, "torn")
    with opened(path) as directory:
        act = restoring(directory, "r1", FEW)
        assert act.look().plan.refused is None
        write(path / "creds.json", whole("b"), NOW)
        result = act.apply()
    assert (result.outcome, result.code) == ("Refused", "AnotherIdentity")


def test_whatever_bears_a_files_name_stays(room: Path) -> None:
    path = build(room, "torn")
    (path / "session-2201.0.json").mkdir()
    (path / "pre-key-30.json").symlink_to("elsewhere")
    result = restore(path, content=FEW)
    assert (result.outcome, result.restored_by_kind) == ("Completed", {"creds": 1})
    assert (path / "session-2201.0.json").is_dir()
    assert (path / "pre-key-30.json").is_symlink()
    assert undo(path).code is None
    assert (path / "session-2201.0.json").is_dir()


def test_a_link_in_the_place_of_creds_json_is_not_followed(room: Path) -> None:
    path = build(room, "absent")
    (path / "creds.json").symlink_to("elsewhere.json")
    assert restore(path, content=FEW).code == "CredentialsNoFile"


def test_beside_a_busy_process_none_of_its_files_is_touched(room: Path) -> None:
    """A process that was said to be stopped writes all the while: the last of each of its writes is there."""
    path = build(room, "behind")
    names = [f"session-22{number:02}.0.json" for number in range(30)]
    content = {**FEW, **{name: record(-1) for name in names}}
    writer = os.fork()
    if writer == 0:
        for number in range(3_000):
            data = b'{"n": %d}' % number
            file = os.open(
                path / names[number * 7 % 30], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600
            )
            os.write(file, data)
            os.close(file)
        os._exit(0)
    runs = 0
    while os.waitpid(writer, os.WNOHANG) == (0, 0):
        runs += 1
        restore(path, f"r{runs}", content=content)
        undo(path, f"r{runs}")
    last = {names[number * 7 % 30]: number for number in range(3_000)}
    assert {name: (path / name).read_bytes() for name in names} == {
        name: b'{"n": %d}' % number for name, number in last.items()
    }
    assert MEMORY not in held(path)


def test_a_busy_lock_is_told(room: Path) -> None:
    path = build(room, "torn")
    with opened(path) as directory:
        outer = restoring(directory, "r1", FEW)
        codes: list[str | None] = []

        def meanwhile(done: int, total: int) -> None:
            if not codes:
                codes.append(restore(path, "r2", content=FEW).code)

        outer.progress = meanwhile
        assert outer.apply().outcome == "Completed"
    assert codes == ["Busy"]


def test_a_restore_that_is_asked_to_end_between_two_files_is_gone_on_with(room: Path) -> None:
    path = build(room, "torn")
    seen: list[int] = []
    with opened(path) as directory:
        act = restoring(
            directory,
            "r1",
            FEW,
            stop=lambda: "Interrupted" if len(seen) > 4 else None,
            progress=lambda done, total: seen.append(done),
        )
        result = act.apply()
    assert (result.outcome, result.code) == ("Capped", "Interrupted")
    assert own_names(path, "new~") == []
    assert restore(path, "r2", content=FEW).outcome == "Completed"
    undo(path, "r2")
    undo(path, "r1")
    assert trashed(path) == {}
    assert held(path).keys() == {"creds.json", *MINE}


def test_a_bot_that_clears_its_session_meanwhile_ends_the_restore(room: Path) -> None:
    path = build(room, "torn")

    def clear(done: int, total: int) -> None:
        if done == 3:
            for name in os.listdir(path):
                os.unlink(path / name)

    with opened(path) as directory:
        result = restoring(directory, "r1", FEW, progress=clear).apply()
    assert result.outcome == "Failed"
    assert result.code in ("StateVanished", "LockLost", "DirectoryMissing")
    assert "creds.json" not in held(path)


def test_the_archive_of_the_tests_is_as_one_should_be() -> None:
    assert CONTENT.keys() > COMES_BACK
    assert archived(CONTENT, NOW).credentials.lid_user

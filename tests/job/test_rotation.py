"""A Job that rotates a session, and one that rolls it back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from baileys_janitor.job.listing import ListTask, Page, decode
from baileys_janitor.job.listing import carry_out as listing_job
from baileys_janitor.job.result import CleanResult, UndoResult
from baileys_janitor.job.task import BadTask, Member, Task
from tests.job.test_process import run_job
from tests.volume.directories import build, credentials, held, trashed, write

STAYS = {"lid-mapping-2201.json", "lid-mapping-3301_reverse.json", "notes.txt"}


def task_of(volume: Path, action: str, **more: object) -> Task:
    how: dict[str, object] = {"run": "r1", "undo_window": 7 * 86_400, **more}
    how = {"watch": 0, "watch_after": 0, **how}
    return Task(action, [Member(str(volume), "a")], [], **how)  # type: ignore[arg-type]


def test_a_session_is_rotated_once_and_rolled_back_once(tmp_path: Path) -> None:
    session, log = build(tmp_path / "a"), tmp_path / "log"
    before = held(session)

    def act(action: str, **more: object) -> object:
        code, result, said = run_job(log, task_of(tmp_path, action, **more))
        assert (code, said, result.action) == (0, "", action)
        numbers = {number for name in before for number in re.findall(r"\d{4,}", name)}
        leaked = {number for number in numbers if len(number) > 5 and number in log.read_text()}
        assert not leaked
        return result.members[0]

    dry = act("rotate", dry_run=True)
    assert isinstance(dry, CleanResult)
    assert (dry.outcome, held(session)) == ("DryRun", before)
    rotated = act("rotate")
    assert isinstance(rotated, CleanResult)
    assert (rotated.outcome, rotated.removed, rotated.in_trash) == (
        "Completed",
        len(before) - len(STAYS),
        len(before) - len(STAYS),
    )
    assert (rotated.removed, rotated.removed_by_kind) == (dry.removed, dry.removed_by_kind)
    assert held(session).keys() == STAYS
    again = act("rotate")
    assert isinstance(again, CleanResult)
    assert (again.outcome, again.code) == ("Repeated", "Completed")
    dry_back = act("rollback", dry_run=True)
    assert isinstance(dry_back, UndoResult)
    assert (dry_back.outcome, dry_back.restored) == ("DryRun", rotated.removed)
    back = act("rollback")
    assert isinstance(back, UndoResult)
    assert (back.run, back.outcome, back.restored) == ("r1", "Completed", rotated.removed)
    assert (held(session), trashed(session)) == (before, {})
    once_more = act("rollback")
    assert isinstance(once_more, UndoResult)
    assert (once_more.outcome, once_more.code) == ("NothingToDo", None)


def test_a_rollback_after_a_new_pairing_is_refused(tmp_path: Path) -> None:
    session, log = build(tmp_path / "a"), tmp_path / "log"
    run_job(log, task_of(tmp_path, "rotate"))
    write(session / "creds.json", credentials("BBBB"), 1_795_000_000)
    code, result, _ = run_job(log, task_of(tmp_path, "rollback", run=None))
    back = result.members[0]
    assert isinstance(back, UndoResult)
    assert (code, back.outcome, back.code) == (0, "Refused", "PairedSince")


@pytest.mark.parametrize("action", ["rotate", "rollback"])
def test_a_directory_that_is_not_there_has_a_result(tmp_path: Path, action: str) -> None:
    code, result, _ = run_job(tmp_path / "log", task_of(tmp_path, action))
    member = result.members[0]
    assert isinstance(member, (CleanResult, UndoResult))
    assert (code, member.outcome, member.code) == (0, "Failed", "DirectoryMissing")


def test_a_task_says_for_how_long_it_looks_for_writes() -> None:
    member = Member("/volumes/0")
    task = Task.from_json(Task("rotate", [member], [], run="r1").to_json())
    assert (task.watch, task.watch_after) == (60, 10)
    task = Task("rollback", [member], [], watch=5, watch_after=0)
    assert (Task.from_json(task.to_json()).watch, task.watch_after) == (5, 0)


@pytest.mark.parametrize("more", [{"run": None}, {"watch": -1}, {"watch": "x"}])
def test_a_rotation_that_makes_no_sense_is_no_task(more: dict[str, object]) -> None:
    how: dict[str, object] = {"run": "r1", **more}
    with pytest.raises(BadTask, match=r"run:|watch:"):
        Task("rotate", [Member("/volumes/0")], [], **how).to_json()  # type: ignore[arg-type]


def test_a_rotation_is_for_one_directory() -> None:
    with pytest.raises(BadTask, match="a rotate is for one directory"):
        Task("rotate", [Member("/volumes/0"), Member("/volumes/1")], [], run="r1").to_json()


def test_a_directory_whose_session_was_rotated_out_is_still_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, log = build(tmp_path / "volume" / "a"), tmp_path / "log"
    for each in session.glob("lid-mapping-*"):
        each.unlink()
    run_job(log, task_of(tmp_path / "volume", "rotate"))
    assert held(session).keys() == {"notes.txt"}
    (tmp_path / "volume" / "b").mkdir()
    monkeypatch.chdir(tmp_path)  # a list leaves the process in the volume
    found = decode(listing_job(ListTask(str(tmp_path / "volume"), ".", None)).decode())
    assert isinstance(found, Page)
    assert found.paths == ["a"]

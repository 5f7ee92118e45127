"""Killed at any instant, nothing is lost, and the next run finds what was done."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import baileys_janitor.volume.runs.clean  # noqa: F401  # imported before the children are made
from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume import operations as sessions
from baileys_janitor.volume.files import noreplace
from baileys_janitor.volume.report.run_results import CleanResult, PurgeResult, UndoResult
from tests.all_checks import steps
from tests.running_time import remember
from tests.volume.directories import DUE as WHOLE_DUE
from tests.volume.directories import (
    FILES,
    GROUP,
    NOW,
    build,
    content,
    held,
    in_trash,
    no_memory_without_its_key,
    opened,
    protected,
    scratch,
    trashed,
)

#: Every call by which the janitor changes anything.
CHANGING = (
    "open",
    "mkdir",
    "rename",
    "link",
    "unlink",
    "rmdir",
    "write",
    "fsync",
    "ftruncate",
    "utime",
    "fchown",
)
#: Fewer files mean fewer steps: seven to remove, two of them a unit.
STAY = ("2203", "2206", "2209", "2212", "3302", "3303")
GO = ("2215", "2216", "2217", "3304", "3305")
FEW = {
    name: age
    for name, age in FILES.items()
    if any(number in name for number in STAY + GO)
    or not name.startswith(("session-22", f"sender-key-{GROUP}--33"))
}
DUE = WHOLE_DUE & FEW.keys()
ALL = {name: content(name) for name in FEW}
KEPT = {name: data for name, data in ALL.items() if name not in DUE}


HALF_WAY = 4
#: The file system is tried first: a rename onto a taken name, one to a free name, one back. Then the line about
#: the tenant's running time is replaced.
RENAMES_BEFORE = 4


@pytest.fixture
def session(room: Path) -> Path:
    return remember(build(room / "session", FEW), NOW)


def die_at(step: int, calls: Sequence[str]) -> None:
    """Let this process kill itself before its `step`-th change; a write dies half done."""
    count = 0

    def deadly(real: Callable[..., object], name: str) -> Callable[..., object]:
        def call(*arguments: object, **more: object) -> object:
            nonlocal count
            count += 1
            if count == step:
                if name == "write":
                    data = arguments[1]
                    assert isinstance(data, bytes)
                    real(arguments[0], data[: len(data) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **more)

        return call

    for name in calls:
        setattr(os, name, deadly(getattr(os, name), name))
    if "rename" in calls:
        noreplace.rename_no_replace = deadly(noreplace.rename_no_replace, "rename")  # type: ignore[assignment]


def survives(act: Callable[[], object], step: int, calls: Sequence[str] = CHANGING) -> bool:
    """Run `act` in a child that dies at a step. False when it was killed, True when it got through."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            die_at(step, calls)
            act()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


def clean(path: Path, run: str, now: float = NOW) -> CleanResult:
    with opened(path) as directory:
        return sessions.clean(directory, DEFAULTS, run=run, now=now)


def kill_half_way(path: Path) -> int:
    """Kill a run after some removals; their number."""
    assert not survives(lambda: clean(path, "r1"), RENAMES_BEFORE + HALF_WAY + 1, ("rename",))
    assert len(trashed(path)) == HALF_WAY
    return HALF_WAY


def undo(path: Path, run: str) -> UndoResult:
    with opened(path) as directory:
        return sessions.undo(directory, run, now=NOW)


def purge(path: Path) -> PurgeResult:
    with opened(path) as directory:
        return sessions.purge(directory, now=NOW, undo_window=0)


def nothing_is_lost(path: Path) -> None:
    assert {**trashed(path), **held(path)} == ALL
    assert protected(path).keys() == {name for name in KEPT if name in protected(path)}
    left = held(path)
    assert {name: left.get(name) for name in KEPT} == KEPT
    assert no_memory_without_its_key(path)


def test_a_clean_killed_at_every_step_loses_nothing_and_the_next_one_finishes() -> None:
    for step in steps(3):
        with scratch() as room:
            path = remember(build(room / "session", FEW), NOW)
            through = survives(lambda path=path: clean(path, "r1"), step)
            nothing_is_lost(path)
            moved = len(trashed(path))
            again = clean(path, "r1")  # the same Job, started twice
            second = clean(path, "r2")
            nothing_is_lost(path)
            assert held(path) == KEPT
            assert trashed(path).keys() == DUE
            # Each file is counted in one run only: the killed one, or one after it.
            assert again.removed + second.removed == len(DUE)
            if again.outcome == "Repeated":  # at most one half unit went back
                assert moved - 1 <= again.removed <= moved
            else:
                assert (again.outcome, moved) == ("Completed", 0)
            assert clean(path, "r3").outcome == "NothingToDo"
            assert not list(path.glob(".cleanup.lock*"))
            assert not list(path.glob(".janitor~new~*"))
            if through:
                break
    assert step > 20


def test_an_undo_killed_at_every_step_is_finished_by_the_next_run() -> None:
    for step in steps(3):
        with scratch() as room:
            path = remember(build(room / "session", FEW), NOW)
            clean(path, "r1")
            through = survives(lambda path=path: undo(path, "r1"), step)
            nothing_is_lost(path)
            undo(path, "r1")
            nothing_is_lost(path)
            assert held(path) == ALL
            assert trashed(path) == {}
            if through:
                break
    assert step > 20


def test_a_purge_killed_at_every_step_touches_only_the_trash() -> None:
    for step in steps(3):
        with scratch() as room:
            path = remember(build(room / "session", FEW), NOW)
            clean(path, "r1")
            through = survives(lambda path=path: purge(path), step)
            assert held(path) == KEPT
            purge(path)
            assert held(path) == KEPT
            assert trashed(path) == {}
            assert not list(path.glob(".janitor~plan~*"))
            assert undo(path, "r1").code == "RunPurged"
            if through:
                break
    assert step > 20


def test_a_recovery_killed_at_every_step_is_recovered_in_turn() -> None:
    for step in steps(3):
        with scratch() as room:
            path = remember(build(room / "session", FEW), NOW)
            kill_half_way(path)
            through = survives(lambda path=path: clean(path, "r2"), step)
            nothing_is_lost(path)
            last = clean(path, "r3")
            nothing_is_lost(path)
            assert held(path) == KEPT
            assert last.outcome in ("Completed", "NothingToDo")
            if through:
                break
    assert step > 20


def test_a_killed_run_can_be_undone_once_it_was_looked_after(session: Path) -> None:
    kill_half_way(session)
    result = undo(session, "r1")
    assert (result.outcome, held(session)) == ("Completed", ALL)


def test_who_asks_for_a_killed_run_again_learns_what_became_of_it(session: Path) -> None:
    moved = kill_half_way(session)
    second = clean(session, "r2")
    there = len(trashed(session)) - second.removed
    record = clean(session, "r1")
    assert (record.outcome, record.code, record.removed) == ("Repeated", "Killed", there)
    assert moved - 1 <= record.removed <= moved


def test_what_was_written_into_the_trash_of_a_killed_run_goes_back(session: Path) -> None:
    kill_half_way(session)
    late = next(iter(trashed(session)))
    in_trash(session, late).write_bytes(b"late")
    clean(session, "r2")
    assert held(session)[late] == b"late"

"""Killed at any step, a rotation and its rollback leave one of two states, once the next run has looked after them."""

from __future__ import annotations

from pathlib import Path

import pytest

import baileys_janitor.volume.rotation.rollback
import baileys_janitor.volume.rotation.rotate  # noqa: F401  # imported before the children are made
from tests.all_checks import steps
from tests.running_time import remember
from tests.volume.directories import (
    FILES,
    NOW,
    build,
    credentials,
    held,
    memory,
    own_key,
    scratch,
    trashed,
    write,
)
from tests.volume.interference import clean
from tests.volume.rotations import UNPAIRED, roll_back, rotate
from tests.volume.test_kill import survives
from tests.volume.test_rotate import by_links

#: Few files mean few steps: a unit of two, two single files, and two that stay.
IN_USE = "120363000000000002@g.us"
NAMES = (
    "creds.json",
    "session-2201.0.json",
    "app-state-sync-key-AAAAAP____.json",
    own_key(IN_USE),
    memory(IN_USE),
    "lid-mapping-2201.json",
    "notes.txt",
)
FEW = {name: FILES[name] for name in NAMES}
STAYS = {"lid-mapping-2201.json", "notes.txt"}


@pytest.fixture(params=["rename", "link"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the file system moves a file back."""
    if request.param == "link":
        by_links(monkeypatch)
    return str(request.param)


def made(room: Path) -> Path:
    return remember(build(room / "session", FEW), NOW)


def no_half_session(path: Path, before: dict[str, bytes]) -> None:
    """What must hold at every moment: nothing is lost, and credentials stand only beside the whole session."""
    here = held(path)
    assert {**trashed(path), **here} == before
    assert "creds.json" not in here or here == before


@pytest.mark.timeout(300)
def test_a_rotation_killed_at_every_step_is_whole_or_not_at_all(way: str) -> None:
    for step in steps(2 if way == "rename" else 6):
        with scratch() as room:
            path = made(room)
            before = held(path)
            through = survives(lambda path=path: rotate(path), step)
            no_half_session(path, before)
            clean(path, "c1")  # whatever comes next looks after it
            assert held(path).keys() in (before.keys(), STAYS)
            result = rotate(path)
            assert "Completed" in (result.outcome, result.code)
            assert held(path).keys() == STAYS
            assert result.removed == len(before) - len(STAYS)
            assert roll_back(path).outcome == "Completed"
            assert (held(path), trashed(path)) == (before, {})
            assert not list(path.glob(".janitor~rotated~*"))
            assert not list(path.glob(".janitor~new~*"))
            if through:
                break
    assert step > 20


@pytest.mark.timeout(300)
def test_a_rollback_killed_at_every_step_can_be_asked_for_again(way: str) -> None:
    for step in steps(2 if way == "rename" else 6):
        with scratch() as room:
            path = made(room)
            before = held(path)
            rotate(path)
            write(path / "creds.json", UNPAIRED, NOW)
            through = survives(lambda path=path: roll_back(path), step)
            here = held(path)
            assert here.get("creds.json", UNPAIRED) == UNPAIRED or here == before
            again = roll_back(path, "r1")
            assert again.outcome in ("Completed", "NothingToDo")
            assert held(path) == before
            assert not list(path.glob(".janitor~rotated~*"))
            if through:
                break
    assert step > 20


@pytest.mark.timeout(300)
def test_after_a_killed_rollback_a_new_pairing_finds_none_of_the_old_files() -> None:
    anew = credentials("BBBB")
    for step in steps(6):
        with scratch() as room:
            path = made(room)
            before = held(path)
            rotate(path)
            through = survives(lambda path=path: roll_back(path), step)
            if held(path) == before:
                break
            write(path / "creds.json", anew, NOW)  # a bot was started, and somebody paired it
            clean(path, "c1")
            assert held(path).keys() == STAYS | {"creds.json"}
            assert held(path)["creds.json"] == anew
            if through:
                break
    assert step > 20


@pytest.mark.timeout(300)
def test_a_recovery_killed_at_every_step_is_recovered_in_turn() -> None:
    for step in steps(4):
        with scratch() as room:
            path = made(room)
            before = held(path)
            # The file system is tried first with three renames: the second file is moved, the third is not.
            assert not survives(lambda path=path: rotate(path), 6, ("rename",))
            assert len(trashed(path)) == 2
            through = survives(lambda path=path: clean(path, "c1"), step)
            no_half_session(path, before)
            again = rotate(path)
            assert (again.outcome, again.code) == ("Repeated", "Completed")
            assert held(path).keys() == STAYS
            assert roll_back(path).outcome == "Completed"
            assert held(path) == before
            if through:
                break
    assert step > 20

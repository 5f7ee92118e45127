"""A restore of a session, killed at any step: what is there is whole, the next one goes on, an undo takes it back."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import baileys_janitor.volume.restoring.restore_session  # noqa: F401  # imported before the children are made
from baileys_janitor.volume import operations
from baileys_janitor.volume.files import noreplace
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.runs.journal import Journal
from baileys_janitor.volume.scanning import credentials
from tests import all_checks
from tests.archived import COMES_BACK, CONTENT, MEMORY, OWN_KEY, archived, record
from tests.pairings import whole
from tests.volume.directories import DAY, HOUR, NOW, held, opened, scratch, trashed, write
from tests.volume.test_kill import survives
from tests.volume.test_restore_session import (
    TORN,
    own_names,
    raised,
    restore,
    undo,
)

#: What is there: a session, and a file that tells of a library that asks for open ones.
MINE = {"session-2299.0.json": record(7, -1), "identity-key-2299.0.json": b'{"type": "Buffer"}'}
#: Few files mean few steps: two to put beside creds.json, one that is there, and what never comes back.
FEW = {
    name: CONTENT[name]
    for name in ("creds.json", "session-2201.0.json", "pre-key-30.json", MEMORY, OWN_KEY)
} | {"session-2299.0.json": record(-1)}
#: What creds.json is before, and after a restore.
BEHIND = whole(nextPreKeyId=20, firstUnuploadedPreKeyId=20)
BEFORE: dict[str, bytes | None] = {"torn": TORN, "absent": None, "behind": BEHIND}


def steps(state: str = "") -> range:
    """Return the steps to be killed at, until one is not reached: most of them with a torn creds.json."""
    return all_checks.steps(2 if state == "torn" else 5)


@pytest.fixture(autouse=True)
def _a_torn_file_is_read_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "PAUSES_SECONDS", (0.0, 0.0))


@pytest.fixture(params=BEFORE)
def state(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[*BEFORE, "torn, by links"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What creds.json is, and how it is replaced: by an exchange, or by a second name and a rename."""

    def no_exchange(*_: object) -> None:
        raise OSError(errno.EINVAL, "not here")

    state, _, links = str(request.param).partition(", ")
    if links:
        monkeypatch.setattr(noreplace, "exchange", no_exchange)
    return state


def build(room: Path, state: str) -> Path:
    path = room / "session"
    path.mkdir()
    for name, own in MINE.items():
        write(path / name, own, NOW - HOUR)
    data = BEFORE[state]
    if data is not None:
        write(path / "creds.json", data, NOW - HOUR)
    return path


def before(state: str) -> dict[str, bytes]:
    creds = BEFORE[state]
    return {**MINE, **({} if creds is None else {"creds.json": creds})}


def after(state: str) -> dict[str, bytes]:
    creds = BEHIND if state == "behind" else CONTENT["creds.json"]
    return {
        **MINE,
        "creds.json": raised(creds),
        "pre-key-30.json": CONTENT["pre-key-30.json"],
        "session-2201.0.json": record(5, NOW * 1000).replace(b".0,", b","),
    }


def is_sound(path: Path, state: str) -> bool:
    """Whether each file is as it was before, or as a restore leaves it."""
    first, last = before(state), after(state)
    return all(data in (first.get(name), last.get(name)) for name, data in held(path).items())


def killed(act: Callable[[], object], step: int) -> bool:
    """Run `act` in a child that dies at a step, perhaps right before an exchange."""

    def deadly() -> object:
        real = noreplace.exchange

        def exchange(session: int, *names: str) -> None:
            os.fsync(session)  # one of the steps that are counted, and changes nothing
            real(session, *names)

        noreplace.exchange = exchange
        return act()

    return not survives(deadly, step)


def ended(path: Path, run: str) -> str | None:
    """How the journal says that a run ended; "" for one that it does not know."""
    with opened(path) as directory:
        known = Journal(directory, owners_of(directory)).runs.get(run)
    if known is None:
        return ""
    return None if known.result is None else known.result.code or known.result.outcome


def again(path: Path, run: str) -> str:
    """Restore once more, as the same person does; the outcome."""
    return restore(path, run, content=FEW).outcome


def test_a_restore_killed_at_every_step_is_gone_on_with_and_undone(way: str) -> None:
    state, _, _ = way.partition(",")
    for step in steps(state):
        with scratch() as room:
            path = build(room, state)
            dead = killed(lambda path=path: again(path, "r1"), step)
            assert is_sound(path, state)
            if "creds.json" in held(path) and held(path)["creds.json"] != BEFORE[state]:
                assert held(path) == after(state), "creds.json came before the others"
            assert again(path, "r2") in ("Completed", "NothingToDo")
            assert held(path) == after(state)
            assert own_names(path, "new~") == []
            if dead:
                assert ended(path, "r1") in ("", "Killed", "Completed")
            for run in ("r2", "r1"):
                undo(path, run)
            assert held(path) == before(state)
            assert trashed(path) == {}
            assert set(own_names(path)) <= {".janitor~journal"}
            if not dead:
                break
    assert step > 40


def test_an_undo_killed_at_every_step_is_done_by_the_next(way: str) -> None:
    state, _, _ = way.partition(",")
    for step in steps(state):
        with scratch() as room:
            path = build(room, state)
            assert again(path, "r1") == "Completed"
            dead = killed(lambda path=path: undo(path, "r1"), step)
            assert is_sound(path, state)
            result = undo(path, "r1")
            assert result.code is None
            assert held(path) == before(state)
            assert trashed(path) == {}
            assert set(own_names(path)) <= {".janitor~journal"}
            if not dead:
                break
    assert step > 15


def test_a_restore_that_was_killed_is_undone_alone(state: str) -> None:
    """Without another restore in between: whatever it had put there goes, and nothing else."""
    for step in steps():
        with scratch() as room:
            path = build(room, state)
            dead = killed(lambda path=path: again(path, "r1"), step)
            result = undo(path, "r1")
            assert result.code in (None, "RunUnknown")
            assert held(path) == before(state)
            assert set(own_names(path)) <= {".janitor~journal"}
            if not dead:
                break
    assert step > 40


def test_a_memory_that_lost_its_key_is_in_its_place_or_in_the_trash_whenever_it_is_killed() -> None:
    for step in steps():
        with scratch() as room:
            path = build(room, "torn")
            write(path / MEMORY, b"{}", NOW - HOUR)
            dead = killed(lambda path=path: again(path, "r1"), step)
            assert MEMORY in {**held(path), **trashed(path)}
            if held(path).get("creds.json") != TORN:
                assert MEMORY not in held(path)
            assert again(path, "r2") in ("Completed", "NothingToDo")
            assert again(path, "r3") == "NothingToDo"
            assert held(path) == after("torn")
            for run in ("r2", "r1"):
                undo(path, run)
            assert held(path) == before("torn")
            assert trashed(path) == {MEMORY: b"{}"}
            if not dead:
                break
    assert step > 60


@pytest.mark.parametrize("first", [45, 58])
def test_the_next_restore_may_be_killed_at_every_step_as_well(first: int) -> None:
    for step in steps():
        with scratch() as room:
            path = build(room, "torn")
            assert killed(lambda path=path: again(path, "r1"), first)
            dead = killed(lambda path=path: again(path, "r2"), step)
            assert is_sound(path, "torn")
            assert again(path, "r3") in ("Completed", "NothingToDo")
            assert held(path) == after("torn")
            assert own_names(path, "new~") == []
            for run in ("r3", "r2", "r1"):
                undo(path, run)
            assert held(path) == before("torn")
            assert set(own_names(path)) <= {".janitor~journal"}
            if not dead:
                break
    assert step > 15


def test_the_purge_of_a_restore_killed_at_every_step_touches_no_session_file(state: str) -> None:
    for step in steps():
        with scratch() as room:
            path = build(room, state)
            again(path, "r1")

            def purge(path: Path = path) -> object:
                with opened(path) as directory:
                    return operations.purge(directory, now=NOW + DAY, undo_window=DAY / 2)

            dead = killed(purge, step)
            assert held(path) == after(state)
            purge()
            assert held(path) == after(state)
            assert set(own_names(path)) <= {".janitor~journal"}
            # What was only put here and not replaced leaves no other trace of a purge that was killed.
            assert undo(path, "r1").code == "RunPurged" or (state == "absent" and dead)
            if not dead:
                break
    assert step > 8


def test_what_comes_back_is_what_the_plan_says() -> None:
    assert after("torn").keys() <= COMES_BACK | MINE.keys()
    assert archived(FEW, NOW).identity.state == "Paired"


def test_a_memory_without_its_key_is_here_or_in_the_trash_whenever_the_restore_is_killed() -> None:
    for step in all_checks.steps(3):
        with scratch() as room:
            path = build(room, "absent")
            write(path / MEMORY, b"{}", NOW - HOUR)
            dead = killed(lambda path=path: again(path, "r1"), step)
            assert [each[MEMORY] for each in (held(path), trashed(path)) if MEMORY in each] == [
                b"{}"
            ]
            if "creds.json" in held(path):
                assert MEMORY not in held(path), "a process may start with the session as it is now"
            assert again(path, "r2") in ("Completed", "NothingToDo")
            assert held(path) == after("absent")
            assert trashed(path) == {MEMORY: b"{}"}
            if not dead:
                break
    assert step > 40

"""Whichever call fails, and however: nothing is lost, nothing is stranded, no pair is parted."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from baileys_janitor.volume.scanning import credentials
from tests.volume.directories import (
    build,
    held,
    in_trash,
    memory,
    no_memory_without_its_key,
    own_key,
    scratch,
    trashed,
)
from tests.volume.faults import (
    ALL,
    DUE,
    EVERY,
    FEW,
    KEPT,
    Fault,
    clean,
    no_traces,
    nothing_is_lost,
    purge,
    undo,
)
from tests.volume.file_systems import (
    inodes_by_path,
    renumbered,
    without_links,
    without_no_replace,
)

ERRORS = (errno.EIO, errno.EPERM, errno.EEXIST, errno.ENOENT, errno.ENOSPC, None)
#: An error (None: a kill), whether it comes late, whether it lasts.
HOWS = [
    (error, late, lasting)
    for late, lasting, error in itertools.product((False, True), (False, True), ERRORS)
    if error is not None or not (late or lasting)
]
FileSystem = Callable[[int], AbstractContextManager[None]]
#: What a file system is like on its first and its second mount.
FILE_SYSTEMS: dict[str, FileSystem] = {
    "plain": lambda mount: nullcontext(),
    "links alone": lambda mount: without_no_replace(),
    "renames alone": lambda mount: without_links(),
    "inodes by path": inodes_by_path,
    "renumbered": renumbered,
}
SAME_INODES = list(FILE_SYSTEMS)[:3]
LATE = b"written after its removal"
VICTIM = "session-2220.0.json"


@pytest.fixture(autouse=True)
def _what_cannot_be_read_is_read_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call fails each time that it is made again, so waiting shows nothing here."""
    monkeypatch.setattr(credentials, "PAUSES_SECONDS", (0.0,) * len(credentials.PAUSES_SECONDS))


def on(*names: str) -> pytest.MarkDecorator:
    """Run a test on file systems: on these, or on all."""
    return pytest.mark.parametrize("name", FILE_SYSTEMS if EVERY else names)


def ways(file_system: str, without: tuple[int, ...]) -> Iterator[Callable[[int], Fault]]:
    """Return how the n-th call fails: in each way, or in one that turns with the calls."""
    hows = [how for how in HOWS if how[0] not in without]
    offset = 3 * list(FILE_SYSTEMS).index(file_system)
    for number in range(len(hows) if EVERY else 1):

        def fault(step: int, number: int = number) -> Fault:
            error, late, lasting = hows[number if EVERY else (step + offset) % len(hows)]
            return Fault(step, error, late=late, lasting=lasting)

        yield fault


def at_each_call(
    file_system: str,
    prepare: Callable[[Path], None],
    act: Callable[[Path, Fault], object],
    check: Callable[[Path], None],
    without: tuple[int, ...] = (),
) -> None:
    """Prepare a directory, act on it while one call fails, and check it: for each call in turn."""
    mounted = FILE_SYSTEMS[file_system]
    with scratch() as room:
        path = room / "session"
        for way in ways(file_system, without):
            for step in itertools.count(1):
                fault = way(step)
                try:
                    with mounted(1):
                        prepare(path)
                        act(path, fault)
                    let_the_lock_grow_stale(path, file_system)
                    with mounted(2):
                        check(path)
                except BaseException as problem:
                    problem.add_note(f"{fault}, {file_system}")
                    raise
                shutil.rmtree(path)
                if not fault.struck:
                    break
            assert step > 20


def let_the_lock_grow_stale(path: Path, file_system: str) -> None:
    """Where inodes go by path a lock cannot tell that its holder was killed."""
    if file_system == "inodes by path" and (path / ".cleanup.lock").exists():
        os.utime(path / ".cleanup.lock", (0, 0))


def lay_out(path: Path) -> None:
    build(path, FEW)


def cleaned(path: Path) -> None:
    build(path, FEW)
    assert clean(path, "r1").removed == len(DUE)


def killed_when(path: Path, prepare: Callable[[Path], None], run: Callable[[Fault], object]) -> int:
    """Kill a run at the first call at which the pair is parted; return that call's number."""
    for step in itertools.count(1):
        prepare(path)
        run(Fault(step, None))
        if (own_key() in held(path)) != (memory() in held(path)):
            return step
        shutil.rmtree(path)
    raise AssertionError


def all_comes_back(path: Path) -> None:
    """Once the file system is well the next run finishes, and undos give all back."""
    nothing_is_lost(path)
    assert clean(path, "r8").outcome in ("Completed", "NothingToDo")
    nothing_is_lost(path)
    no_traces(path)
    all_can_be_undone(path)


def all_can_be_undone(path: Path) -> None:
    runs = {each.name.split("~")[2] for each in path.glob(".janitor~run~*")}
    for run in (*sorted(runs, reverse=True), "r1"):
        undo(path, run)
    nothing_is_lost(path)
    assert held(path) == ALL
    assert not list(path.glob(".janitor~plan~*"))


@on("plain", "links alone", "inodes by path")
def test_a_clean_strands_nothing_and_the_next_one_finishes(name: str) -> None:
    def check(path: Path) -> None:
        nothing_is_lost(path)
        assert clean(path, "r8").outcome in ("Completed", "NothingToDo")
        nothing_is_lost(path)
        assert held(path) == KEPT
        no_traces(path)
        all_can_be_undone(path)

    at_each_call(name, lay_out, lambda path, fault: clean(path, "r1", fault), check)


@on("plain", "links alone", "inodes by path")
def test_an_undo_is_gone_through_again(name: str) -> None:
    def check(path: Path) -> None:
        nothing_is_lost(path)
        all_can_be_undone(path)
        no_traces(path)

    at_each_call(name, cleaned, lambda path, fault: undo(path, "r1", fault), check)


# A full disk empties the trash of earlier runs, which is tested elsewhere.


@on("plain", "links alone", "renumbered")
def test_the_recovery_of_a_half_moved_pair_strands_nothing(name: str) -> None:
    with FILE_SYSTEMS[name](1), scratch() as room:
        step = killed_when(room / "s", lay_out, lambda fault: clean(room / "s", "r1", fault))

    def half_cleaned(path: Path) -> None:
        lay_out(path)
        clean(path, "r1", Fault(step, None))
        assert memory() in trashed(path)

    at_each_call(
        name,
        half_cleaned,
        lambda path, fault: clean(path, "r2", fault),
        all_comes_back,
        without=(errno.ENOSPC,),
    )


@on("links alone", "renumbered")
def test_the_recovery_of_a_half_undone_pair_strands_nothing(name: str) -> None:
    with FILE_SYSTEMS[name](1), scratch() as room:
        step = killed_when(room / "s", cleaned, lambda fault: undo(room / "s", "r1", fault))

    def half_undone(path: Path) -> None:
        cleaned(path)
        undo(path, "r1", Fault(step, None))
        assert memory() in trashed(path)

    at_each_call(
        name,
        half_undone,
        lambda path, fault: clean(path, "r2", fault),
        all_comes_back,
        without=(errno.ENOSPC,),
    )


def written_to_after_its_removal(path: Path) -> None:
    """A slow writer has reached one file, and one of a pair."""
    cleaned(path)
    for name in (VICTIM, memory()):
        in_trash(path, name).write_bytes(LATE)


@pytest.mark.parametrize("name", SAME_INODES)
def test_a_purge_returns_what_was_written_after_its_removal(name: str) -> None:
    """A name that is said not to be there is believed, so ENOENT is left out; no look ever says EEXIST."""
    late = {**KEPT, VICTIM: LATE, memory(): LATE, own_key(): ALL[own_key()]}

    def check(path: Path) -> None:
        assert late.items() <= {**trashed(path), **held(path)}.items()
        assert no_memory_without_its_key(path)
        assert purge(path).outcome in ("Completed", "NothingToDo")
        assert held(path) == late
        assert trashed(path) == {}
        no_traces(path)

    at_each_call(
        name, written_to_after_its_removal, purge, check, without=(errno.ENOENT, errno.EEXIST)
    )


@on("plain")
def test_a_purge_touches_nothing_but_the_trash(name: str) -> None:
    def check(path: Path) -> None:
        assert held(path) == KEPT
        purge(path)
        assert held(path) == KEPT
        assert not list(path.glob(".janitor~[pr]*"))
        no_traces(path)

    at_each_call(name, cleaned, purge, check)

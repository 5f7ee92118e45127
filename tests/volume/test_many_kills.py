"""Thousands of kills at random instants, beside a process that writes all the time: `make kills`.

The kills at every call are in `test_kill` and `test_faults`; these come whenever they come, also within a
call, and while somebody writes in place as the library does.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import random
import signal
import struct
import time
from collections import Counter
from multiprocessing.synchronize import Lock as SharedLock
from pathlib import Path

import pytest

from baileys_janitor.policy.settings import MaxRemovals, Settings
from baileys_janitor.volume import operations as sessions
from baileys_janitor.volume.files import noreplace  # noqa: F401  # before the forks
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.runs import (  # noqa: F401  # before the forks
    clean,  # before the forks
    purge,
    undo,
)
from baileys_janitor.volume.runs.journal import Journal
from baileys_janitor.volume.scanning.activity import Known
from tests.running_time import always_running
from tests.volume.directories import DAY, OWN_LID, build, held, opened, scratch

KILLS = int(os.environ.get("KILLS", "0"))
EPOCH = 40  # kills; then all is undone and the trash emptied
OLD = 20 * DAY
SETTINGS = Settings(max_removals=MaxRemovals(100, 5_000))
GROUPS = [f"12036300000000000{number}@g.us" for number in range(4)]
PAIRS = [
    (f"sender-key-{group}--{OWN_LID}_1--3.json", f"sender-key-memory-{group}.json")
    for group in GROUPS
]
AGED = [f"session-22{number:02}.0.json" for number in range(20)] + [
    name for pair in PAIRS for name in pair
]
FRESH = [f"session-33{number:02}.0.json" for number in range(6)]
NAMES = AGED + FRESH
STAYS = ("creds.json", "lid-mapping-2201.json", "session-1100.4.json", "notes.txt")
DELAYS_SECONDS = (0.005, 0.02, 0.1)  # an act takes some 10 ms, longer on a busy machine


class Writer:
    """A process that writes as the library does: open with truncation, write, close; now and then slowly.

    `last` is what was written last under a name. Whoever holds `at_rest` sees no write half done.
    """

    def __init__(self, path: Path) -> None:
        self.at_rest: SharedLock = multiprocessing.Lock()
        self._last = mmap.mmap(-1, 8 * len(NAMES))
        self._path = path
        self._child = 0

    def start(self) -> None:
        self._child = os.fork()
        if self._child == 0:
            try:
                self._write_on()
            finally:
                os._exit(1)

    def stop(self) -> None:
        os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)

    def last(self, name: str) -> bytes:
        return b"%d" % struct.unpack_from("q", self._last, 8 * NAMES.index(name))[0]

    def _write_on(self) -> None:
        chance = random.Random(os.getpid())
        parent = os.getppid()
        number = 0
        while os.getppid() == parent:
            number += 1
            with self.at_rest:
                name = chance.choice(NAMES)
                pair = next((pair for pair in PAIRS if name in pair), None)
                for each in pair or (
                    name,
                ):  # a message in a group writes the key, then the memory file
                    self._write(each, number, slow=chance.random() < 0.1)

    def _write(self, name: str, number: int, *, slow: bool) -> None:
        file = os.open(self._path / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        if slow:
            time.sleep(0.001)
        os.write(file, b"%d" % number)
        if name in AGED:  # so that it may be removed again at once
            at = int((time.time() - OLD) * 1e9)
            os.utime(file, ns=(at, at))
        os.close(file)
        struct.pack_into("q", self._last, 8 * NAMES.index(name), number)


def act(path: Path, kind: str, run: str) -> str:
    """Do one thing to the directory; its outcome."""
    with opened(path) as directory:
        now = time.time()
        if kind == "clean":
            result = sessions.clean(
                directory, SETTINGS, run=run, now=now, known=Known(always_running(now))
            )
            return result.code or result.outcome
        if kind == "undo":
            undone = sessions.undo(directory, now=now)
            return undone.code or undone.outcome
        purged = sessions.purge(
            directory, now=now, undo_window=0 if kind == "purge all" else 86_400
        )
        return purged.code or purged.outcome


def killed(path: Path, kind: str, run: str, after: float) -> str:
    """Do one thing in a child that is killed after some seconds; its outcome if it got through."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, act(path, kind, run).encode())
        except BaseException as problem:  # noqa: BLE001  # the parent's assertion shows it
            os.write(write, repr(problem).encode())
        finally:
            os._exit(0)
    os.close(write)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    outcome = os.read(read, 4096).decode()
    os.close(read)
    return outcome or "killed"


def check(path: Path, writer: Writer, before: dict[str, bytes], *, purged: bool) -> None:
    """Nothing that was written last is lost, nothing that stays has changed, no pair is parted."""
    here = held(path)
    there = {
        (each.name.split("~", 3)[3], each.read_bytes()) for each in path.glob(".janitor~run~*")
    }
    for name in STAYS:
        assert here.get(name) == before[name]
    for name in FRESH:
        assert here.get(name, b"0") == writer.last(name), name
    for key, memory in PAIRS:
        assert memory not in here or key in here
    for name in AGED:
        last = writer.last(name)
        if not purged and last != b"0":
            assert here.get(name) == last or (name, last) in there, name


@pytest.mark.skipif(not KILLS, reason="set KILLS to a number, or run `make kills`")
@pytest.mark.timeout(0)
def test_no_kill_loses_anything(capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("SEED", str(time.time_ns() % 10**6)))
    chance = random.Random(seed)
    figures: Counter[str] = Counter()
    started = time.monotonic()
    with scratch() as room:
        for epoch in range(0, KILLS, EPOCH):
            one_epoch(room / f"session{epoch}", epoch, min(EPOCH, KILLS - epoch), chance, figures)
    with capsys.disabled():
        print(f"\n{KILLS} kills in {time.monotonic() - started:.0f} s, seed {seed}")
        for what, number in sorted(figures.items()):
            print(f"{number:8} {what}")


def one_epoch(
    path: Path, epoch: int, kills: int, chance: random.Random, figures: Counter[str]
) -> None:
    build(path, {"creds.json": 3600.0, **dict.fromkeys(STAYS[1:], float(OLD))})
    before = held(path)
    writer = Writer(path)
    writer.start()
    try:
        for number in range(kills):
            all_goes = number >= kills - 4
            kind = "purge all" if all_goes else chance.choice(["clean", "clean", "undo", "purge"])
            outcome = killed(
                path, kind, f"k{epoch + number}", chance.random() * chance.choice(DELAYS_SECONDS)
            )
            figures[f"{kind}: {outcome}"] += 1
            figures["left half done"] += outcome == "killed" and half_done(path)
            assert outcome not in ("Busy", "LockLost", "JanitorRefused"), outcome
            assert "(" not in outcome, outcome
            with writer.at_rest:
                check(path, writer, before, purged=all_goes)
            if number == kills - 5:
                everything_comes_back(path, writer, f"u{epoch}")
                figures["undone altogether"] += 1
    finally:
        writer.stop()
    figures["writes"] += max(int(writer.last(name)) for name in NAMES)


def half_done(path: Path) -> bool:
    """Whether the journal holds a run or an undo that has not ended."""
    with opened(path) as directory:
        runs = Journal(directory, owners_of(directory)).runs.values()
    return any(run.unfinished or run.undoing for run in runs)


def everything_comes_back(path: Path, writer: Writer, run: str) -> None:
    """While nobody writes, undo every run: what was written last is in its place."""
    with writer.at_rest:
        assert act(path, "clean", run) in ("Completed", "NothingToDo")
        runs = {each.name.split("~")[2] for each in path.glob(".janitor~run~*")}
        newest_first = sorted(runs - {run}, key=lambda each: int(each[1:]), reverse=True)
        with opened(path) as directory:
            for each in (run, *newest_first):
                sessions.undo(directory, each, now=time.time())
        here = held(path)
        for name in AGED:
            assert here.get(name, b"0") == writer.last(name), name
        assert not list(path.glob(".janitor~new~*"))

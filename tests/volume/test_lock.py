"""The lock holds back whoever else may clean, and a dead one holds back nobody for long."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from baileys_janitor.volume.errors import (
    BUSY,
    LOCK_LOST,
    LOCK_REFUSED,
    PUT_BACK_UNSUPPORTED,
    VolumeProblem,
)
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.runs import lock as locks
from baileys_janitor.volume.runs.lock import STALE_SECONDS, Lock, acquire
from tests.volume.directories import opened
from tests.volume.file_systems import without_either, without_links, without_no_replace
from tests.volume.interference import just_after


def take(path: Path) -> Lock:
    """Take the lock; its directories stay open for the test's length."""
    directory = os.open(path, os.O_RDONLY)
    return acquire(directory, owners_of(directory), "test")


def refusal(path: Path) -> str:
    with opened(path) as directory, pytest.raises(VolumeProblem) as raised:
        acquire(directory, owners_of(directory), "test")
    return raised.value.code


def age(path: Path, seconds: float) -> None:
    at = time.time() - seconds
    os.utime(path / ".cleanup.lock", (at, at))


def test_a_held_lock_is_respected_and_released(session: Path) -> None:
    lock = take(session)
    text = (session / ".cleanup.lock").read_text().split("\n")
    assert text[0] == "test"
    assert text[1].endswith("Z")
    assert refusal(session) == BUSY
    lock.check()
    lock.release()
    assert not (session / ".cleanup.lock").exists()
    take(session).release()


def test_a_flock_that_is_held_is_respected_whatever_the_locks_age(session: Path) -> None:
    lock = take(session)
    age(session, 10 * STALE_SECONDS)
    assert refusal(session) == BUSY
    lock.release()


@pytest.mark.parametrize("text", ["", "4711", '{"pid":4711,"time":1}\n', "a\nb\nc\nd\n"])
def test_an_old_tools_lock_is_respected_until_it_is_stale(session: Path, text: str) -> None:
    (session / ".cleanup.lock").write_text(text)
    assert refusal(session) == BUSY
    assert (session / ".cleanup.lock").read_text() == text
    age(session, STALE_SECONDS - 30)
    assert refusal(session) == BUSY
    age(session, STALE_SECONDS + 30)
    lock = take(session)
    lock.check()
    assert (session / ".cleanup.lock").read_text().startswith("test\n")
    lock.release()
    assert not (session / ".cleanup.lock").exists()


def test_an_old_lock_of_another_kernel_waits_for_its_age(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A free flock says nothing about a holder on another node."""
    (session / ".cleanup.lock").write_text("test\n2026-11-22T00:00:00Z\nanother-kernel\n")
    assert refusal(session) == BUSY
    age(session, STALE_SECONDS + 1)
    take(session).release()


def test_the_lock_of_a_killed_holder_is_taken_over_at_once(session: Path) -> None:
    child = os.fork()
    if child == 0:
        take(session)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert (session / ".cleanup.lock").exists()
    old = (session / ".cleanup.lock").stat().st_ino
    lock = take(session)
    assert (session / ".cleanup.lock").stat().st_ino != old
    lock.release()
    assert not list(session.glob(".janitor~*"))


def test_a_lock_from_the_far_future_is_no_sign_of_life(session: Path) -> None:
    (session / ".cleanup.lock").write_text("x")
    age(session, -10 * STALE_SECONDS)
    take(session).release()


def test_the_file_systems_clock_decides_not_the_nodes(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (session / ".cleanup.lock").write_text("x")
    real = time.time()
    monkeypatch.setattr(time, "time", lambda: real + 10 * STALE_SECONDS)
    assert refusal(session) == BUSY


@pytest.mark.parametrize("kind", ["link", "directory", "fifo"])
def test_what_is_no_file_under_the_locks_name_is_left_alone(session: Path, kind: str) -> None:
    path = session / ".cleanup.lock"
    if kind == "link":
        path.symlink_to("creds.json")
    elif kind == "directory":
        path.mkdir()
    else:
        os.mkfifo(path)
    assert refusal(session) == LOCK_REFUSED
    assert os.path.lexists(path)


def test_a_holder_whose_lock_was_taken_over_notices_before_its_next_removal(
    session: Path,
) -> None:
    lock = take(session)
    (session / "other").write_text("somebody else")
    (session / "other").rename(session / ".cleanup.lock")
    with pytest.raises(VolumeProblem) as raised:
        lock.check()
    assert raised.value.code == LOCK_LOST
    lock.release()
    assert (session / ".cleanup.lock").read_text() == "somebody else"


def test_the_lock_shows_signs_of_life(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = take(session)
    age(session, 300)
    before = (session / ".cleanup.lock").stat().st_mtime
    lock.beat()
    assert (session / ".cleanup.lock").stat().st_mtime == before  # not at every removal
    later = time.monotonic() + locks.BEAT_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    lock.beat()
    assert (session / ".cleanup.lock").stat().st_mtime > before + 200
    lock.release()


def test_without_flock_the_age_alone_decides(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_flock(file: int, operation: int) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(fcntl, "flock", no_flock)
    lock = take(session)
    assert refusal(session) == BUSY
    age(session, STALE_SECONDS + 1)
    thief = take(session)
    with pytest.raises(VolumeProblem):
        lock.check()
    thief.check()
    lock.release()
    thief.check()
    thief.release()


def test_of_many_takers_of_a_stale_lock_one_wins(session: Path) -> None:
    (session / ".cleanup.lock").write_text("")
    age(session, STALE_SECONDS + 60)
    start, go = os.pipe()
    done, tell = os.pipe()
    children = []
    for _ in range(8):
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(start, 1)
            try:
                take(session)
                os.write(tell, b"1")
            except VolumeProblem:
                os.write(tell, b"0")
            # Hold what was won until all have tried.
            signal.pause()
            os._exit(0)
        children.append(child)
    os.close(go)
    answers = b""
    while len(answers) < 8:
        answers += os.read(done, 8)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    for each in (start, done, tell):
        os.close(each)
    assert answers.count(b"1") == 1


def test_killed_at_any_step_a_holder_leaves_no_lock_that_is_respected(session: Path) -> None:
    """A lock gets its name only once it is signed."""
    from tests.volume.test_kill import survives

    for step in range(1, 100):
        if survives(lambda: take(session), step):
            break
        take(session).release()
    assert step > 4
    for left in session.glob(".janitor~*"):
        assert left.name.startswith(".janitor~new~lock-")


@pytest.mark.parametrize("lacking", [without_links, without_no_replace])
def test_a_link_or_a_rename_that_does_not_replace_is_enough(
    session: Path, lacking: Callable[[], AbstractContextManager[None]]
) -> None:
    with lacking():
        lock = take(session)
        assert refusal(session) == BUSY
        lock.check()
        lock.release()
    assert not list(session.glob(".janitor~*"))


def test_without_a_safe_way_to_name_it_there_is_no_lock(session: Path) -> None:
    with without_either():
        assert refusal(session) == PUT_BACK_UNSUPPORTED
        assert not list(session.glob(".[cj]*"))
        (session / ".cleanup.lock").write_text("another tool's")
        assert refusal(session) == BUSY


def test_a_lock_that_a_bot_clears_while_it_is_taken_is_named_again(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    just_after(monkeypatch, "link", ".cleanup.lock", (session / ".cleanup.lock").unlink)
    lock = take(session)
    lock.check()
    lock.release()
    assert not list(session.glob(".[cj]*"))

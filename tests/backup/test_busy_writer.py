"""Beside a process that never stops writing, an archive holds whole files, and names those that it does not hold."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from baileys_janitor.backup.archive.unpack import unpack
from baileys_janitor.volume.copies.snapshot import Snapshot, take_snapshot
from baileys_janitor.volume.errors import CREDENTIALS_CHANGING, VolumeProblem
from tests.backup.sessions import IDENTITIES, packed
from tests.pairings import whole
from tests.real.sessions import ALL_CHECKS
from tests.volume.directories import opened, scratch

ARCHIVES = 50 if ALL_CHECKS else 8
KILLS = 40 if ALL_CHECKS else 5
NAMES = [
    "creds.json",
    *(f"session-22{n:03}.0.json" for n in range(400)),
    *(f"pre-key-{n}.json" for n in range(1, 400)),
    *(f"sender-key-120363@g.us--33{n:02}_1--0.json" for n in range(99)),
    "app-state-sync-version-regular.json",
]
#: Removed and made anew by turns, so that it may be missing without being named.
FLEETING = "pre-key-900.json"


def content(name: str, number: int) -> bytes:
    """Return what a file holds after so many writes: its own checksum tells whether it is whole."""
    if name == "creds.json":
        return whole(nextPreKeyId=1 + number, firstUnuploadedPreKeyId=1 + number)
    size = 40_000 if name.startswith("app") else 300 + number % 7 * 200
    filling = f"{number:x}" * (size // len(f"{number:x}"))
    return json.dumps([filling, hashlib.sha256(filling.encode()).hexdigest()]).encode()


def is_whole(name: str, data: bytes) -> bool:
    try:
        document = json.loads(data)
    except ValueError:
        return False
    if name == "creds.json":
        return document == json.loads(content(name, document["nextPreKeyId"] - 1))
    filling, checksum = document
    return hashlib.sha256(filling.encode()).hexdigest() == checksum


def write_on_and_on(path: Path) -> None:
    """Write as Node.js does, truncate and then write, without ever stopping."""
    number = 0
    while True:
        number += 1
        name = NAMES[number * 7919 % len(NAMES)]
        file = os.open(path / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        data = content(name, number)
        os.write(file, data[: len(data) // 2])
        os.write(file, data[len(data) // 2 :])
        os.close(file)
        if number % 20 == 0:
            (path / FLEETING).write_bytes(content(FLEETING, number))
        elif number % 20 == 10:
            (path / FLEETING).unlink(missing_ok=True)


class Writer:
    """A process that writes a session directory until it is killed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._process = 0

    def start(self) -> None:
        self._process = os.fork()
        if self._process == 0:
            try:
                write_on_and_on(self.path)
            finally:
                os._exit(1)

    def kill(self) -> None:
        """Kill it wherever it is."""
        process, self._process = self._process, 0
        if process:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


@pytest.fixture
def writer() -> Iterator[Writer]:
    with scratch() as path:
        for name in NAMES:
            (path / name).write_bytes(content(name, 1))
        writer = Writer(path)
        writer.start()
        yield writer
        writer.kill()


def snapshot_of(path: Path, pause: Callable[[float], None] = time.sleep) -> Snapshot:
    """Take a snapshot; beside a writer that leaves no pause, creds.json may be different at every look."""
    with opened(path) as directory:
        while True:
            try:
                return take_snapshot(directory, now=time.time(), pause=pause)
            except VolumeProblem as refused:
                if refused.code != CREDENTIALS_CHANGING:
                    raise


def torn_in(path: Path) -> list[str]:
    """Return what a plain copy finds torn."""
    return [name for name in NAMES if not is_whole(name, (path / name).read_bytes())]


def check(snapshot: Snapshot) -> None:
    """Pack and unpack a snapshot: every file is whole, or named."""
    found = unpack([packed(snapshot).data], IDENTITIES)
    assert found.content == dict(snapshot.content)
    assert all(is_whole(name, data) for name, data in found.content.items())
    named = [*found.content, *found.manifest.missing, *found.manifest.unreadable]
    assert len(named) == len(set(named))
    assert {*named, FLEETING} == {*NAMES, FLEETING}


def test_no_archive_holds_a_torn_file_or_misses_one_without_naming_it(writer: Writer) -> None:
    archives = torn = missing = 0
    while archives < ARCHIVES or not torn:  # a plain copy shows that there is something to find
        torn += len(torn_in(writer.path))
        snapshot = snapshot_of(writer.path)
        check(snapshot)
        missing += len(snapshot.missing)
        archives += 1
    assert missing < archives  # what is written twice a second is whole in between


def test_what_a_killed_writer_leaves_is_archived_or_named(writer: Writer) -> None:
    kills = torn = 0
    while kills < KILLS or not torn:
        before = writer.path.stat().st_mtime_ns
        while writer.path.stat().st_mtime_ns == before:
            pass  # until it is at work
        writer.kill()
        left = torn_in(writer.path)
        torn += len(left)
        if "creds.json" in left:
            (writer.path / "creds.json").write_bytes(content("creds.json", 1))
            left.remove("creds.json")
        snapshot = snapshot_of(writer.path, pause=lambda _: None)  # nobody writes any more
        check(snapshot)
        assert {*snapshot.missing, *snapshot.unreadable} - {FLEETING} == {*left}
        writer.start()
        kills += 1

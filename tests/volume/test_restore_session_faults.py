"""Whichever call of a restore fails, and on whatever disk: each file is as it was, or as it is to be."""

from __future__ import annotations

import errno
import itertools
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from baileys_janitor.volume.scanning import credentials
from tests.archived import CONTENT
from tests.volume.directories import held, opened, scratch, trashed
from tests.volume.faults import EVERY, Fault, failing
from tests.volume.file_systems import (
    inodes_by_path,
    without_either,
    without_links,
    without_no_replace,
)
from tests.volume.test_disks import fill
from tests.volume.test_restore_session import own_names, restore, restoring, undo
from tests.volume.test_restore_session_kills import FEW, after, again, before, build, is_sound

Mount = Callable[[str], Path]
ERRORS = (errno.EIO, errno.EPERM, errno.EEXIST, errno.ENOENT, errno.ENOSPC, errno.EROFS)
HOWS = list(itertools.product(ERRORS, (False, True), (False, True)))
FILE_SYSTEMS = {
    "plain": nullcontext,
    "links alone": without_no_replace,
    "renames alone": without_links,
    "inodes by path": inodes_by_path,
}


@pytest.fixture(autouse=True)
def _a_torn_file_is_read_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "PAUSES_SECONDS", (0.0, 0.0))


def faults(step: int) -> Iterator[Fault]:
    """How the call at a step fails: in every way, or in one that turns with the steps."""
    for error, late, lasting in HOWS if EVERY else [HOWS[step % len(HOWS)]]:
        yield Fault(step, error, late=late, lasting=lasting)


@pytest.mark.parametrize("state", ["torn", "absent"])
def test_whichever_call_fails_the_next_restore_goes_on_and_both_are_undone(state: str) -> None:
    struck = True
    step = 0
    while struck:
        step += 1 if EVERY or state == "torn" else 5
        for fault in faults(step):
            with scratch() as room:
                path = build(room, state)
                with opened(path) as directory, failing(fault):
                    restoring(directory, "r1", FEW).apply()
                assert is_sound(path, state), fault
                assert again(path, "r2") in ("Completed", "NothingToDo"), fault
                assert held(path) == after(state), fault
                assert own_names(path, "new~") == []
                for run in ("r2", "r1"):
                    undo(path, run)
                assert held(path) == before(state), fault
                assert trashed(path) == {}
                struck = fault.struck
    assert step > 80


@pytest.mark.parametrize("name", FILE_SYSTEMS)
def test_a_restore_and_its_undo_work_on_every_file_system(name: str) -> None:
    with scratch() as room, FILE_SYSTEMS[name]():
        path = build(room, "torn")
        assert again(path, "r1") == "Completed"
        assert held(path) == after("torn")
        result = undo(path, "r1")
        assert result.code is None
        # What bears another inode number under each name cannot be told from another's file of that time and size.
        assert held(path) == before("torn")


def test_where_a_file_cannot_be_put_without_replacing_nothing_is_restored() -> None:
    with scratch() as room, without_either():
        path = build(room, "torn")
        result = restore(path, content=FEW)
        assert (result.outcome, result.code) == ("Refused", "PutBackUnsupported")
        assert held(path) == before("torn")
        assert own_names(path) == []


def test_a_full_disk_is_met_before_anything_changes(small_disk: Mount) -> None:
    path = build(small_disk("size=1m"), "torn")
    before_all = held(path)
    fill(path)
    (path / "notes.txt").unlink()
    result = restore(path, content=FEW)
    assert (result.outcome, result.code) == ("Refused", "DiskFull")
    assert held(path) == before_all
    (path.parent / "filler").unlink()
    assert restore(path, "r2", content=FEW).outcome == "Completed"


def test_a_disk_that_the_session_does_not_fit_on_is_met_before_anything_changes(
    small_disk: Mount,
) -> None:
    path = build(small_disk("size=2m"), "torn")
    much = {f"pre-key-{number}.json": b'"%s"' % (b"x" * 9_000) for number in range(1, 250)}
    result = restore(path, content={**FEW, **much})
    assert (result.outcome, result.code) == ("Refused", "DiskFull")
    assert held(path) == before("torn")
    assert own_names(path) == []


def test_a_disk_without_inodes_is_a_full_one(small_disk: Mount) -> None:
    path = build(small_disk("size=8m,nr_inodes=100"), "torn")
    many = {f"pre-key-{number}.json": b"{}" for number in range(1, 90)}
    assert restore(path, content={**FEW, **many}).code == "DiskFull"
    assert held(path) == before("torn")


def test_a_read_only_disk_can_be_looked_at_but_not_restored_to(small_disk: Mount) -> None:
    disk = small_disk("size=2m")
    path = build(disk, "torn")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with opened(path) as directory:
        outlook = restoring(directory, "", FEW).look()
    assert outlook.plan.refused is None
    result = restore(path, content=FEW)
    assert (result.outcome, result.code) == ("Refused", "ReadOnly")


def test_what_root_restores_belongs_to_the_sessions_user(room: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving files away needs root")
    path = build(room, "torn")
    for each in path.iterdir():
        os.chown(each, 1234, 2345)
    restore(path, content=FEW)
    owners = {
        (each.stat().st_uid, each.stat().st_gid) for each in path.iterdir() if each.name[0] != "."
    }
    assert owners == {(1234, 2345)}


def test_in_an_empty_directory_files_belong_to_its_owner_and_others_cannot_write(
    room: Path,
) -> None:
    path = room / "session"
    path.mkdir(mode=0o777)
    path.chmod(0o777)
    if os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    restore(path, content=CONTENT)
    found = {each.stat() for each in path.iterdir() if each.name[0] != "."}
    assert {oct(each.st_mode & 0o777) for each in found} == {"0o664"}
    assert os.geteuid() != 0 or {(each.st_uid, each.st_gid) for each in found} == {(1234, 2345)}

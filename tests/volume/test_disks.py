"""Full, read-only and forbidden disks: a clear answer, and nothing lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume import operations as sessions
from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.files.safe_open import open_session
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.scanning.activity import Known
from tests.running_time import always_running
from tests.volume.directories import DUE, FILES, NOW, build, content, held, opened, trashed

Mount = Callable[[str], Path]
ALL = {name: content(name) for name in FILES}


def clean(path: Path, run: str, **more: object) -> CleanResult:
    with opened(path) as directory:
        return sessions.clean(directory, DEFAULTS, run=run, now=NOW, **more)  # type: ignore[arg-type]


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with (path / "notes.txt").open("wb") as file:
        file.write(content("notes.txt"))
    with (path.parent / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def test_a_full_disk_without_a_trash_is_refused_and_nothing_is_lost(small_disk: Mount) -> None:
    session = build(small_disk("size=1m") / "session")
    fill(session)
    result = clean(session, "r1")
    assert (result.outcome, result.code, result.removed) == ("Refused", "DiskFull", 0)
    assert held(session) == ALL
    assert not (session / ".cleanup.lock").exists()
    (session.parent / "filler").unlink()
    assert clean(session, "r1").removed == len(DUE)


def test_a_full_disk_has_its_trash_emptied_at_once(small_disk: Mount) -> None:
    session = build(small_disk("size=1m") / "session")
    assert clean(session, "r1").removed == len(DUE)
    fill(session)
    with opened(session) as directory:
        purged = sessions.purge(directory, now=NOW, undo_window=86_400)
    assert (purged.outcome, purged.trash_runs) == ("Completed", 0)
    assert trashed(session) == {}
    assert os.statvfs(session).f_bavail > 0


def test_a_cleaning_on_a_full_disk_makes_room_first_and_keeps_no_trash(small_disk: Mount) -> None:
    session = build(small_disk("size=1m") / "session")
    assert clean(session, "r1").removed == len(DUE)
    for name in sorted(DUE)[:5]:
        (session / name).write_bytes(b"again")
        os.utime(session / name, (NOW - 60 * 86400, NOW - 60 * 86400))
    fill(session)
    result = clean(session, "r2", known=Known(always_running(NOW)))
    assert (result.outcome, result.removed) == ("Completed", 5)
    assert trashed(session) == {}
    assert held(session) == {name: data for name, data in ALL.items() if name not in DUE}
    assert clean(session, "r2").outcome == "Repeated"


def test_a_disk_without_inodes_is_a_full_one(small_disk: Mount) -> None:
    disk = small_disk("size=8m,nr_inodes=200")
    session = build(disk / "session")
    try:
        for number in range(1000):
            (disk / f"filler{number}").touch()
    except OSError:
        pass
    result = clean(session, "r1")
    assert (result.outcome, result.code) == ("Refused", "DiskFull")
    assert held(session) == ALL


def test_an_undo_on_a_full_disk_does_not_purge_what_it_is_asked_for(small_disk: Mount) -> None:
    session = build(small_disk("size=1m") / "session")
    clean(session, "r1")
    fill(session)
    with opened(session) as directory:
        result = sessions.undo(directory, "r1", now=NOW)
        assert result.code in (None, "DiskFull")
        assert {**held(session), **trashed(session)} == ALL
        (session.parent / "filler").unlink()
        sessions.undo(directory, "r1", now=NOW)
    assert held(session) == ALL


def test_a_read_only_mount_can_be_scanned_but_not_cleaned(small_disk: Mount) -> None:
    disk = small_disk("size=1m")
    session = build(disk / "session")
    before = clean(session, "r1")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with opened(session) as directory:
        scan = sessions.scan(directory, DEFAULTS, now=NOW)
        assert (
            sessions.clean(directory, DEFAULTS, run="r2", now=NOW, dry_run=True).outcome == "DryRun"
        )
        assert sessions.purge(directory, now=NOW, undo_window=0).code == "ReadOnly"
        assert sessions.undo(directory, "r1", now=NOW).code == "ReadOnly"
    assert scan.error is None
    assert scan.trash_files == before.removed
    assert (clean(session, "r2").outcome, clean(session, "r2").code) == ("Refused", "ReadOnly")


def as_nobody(act: Callable[[], str]) -> str:
    """What `act` says in a child process without any rights."""
    if os.geteuid() != 0:
        pytest.skip("giving up rights needs root")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.write(write, act().encode())
        except Exception as problem:  # noqa: BLE001  # the parent's assertion shows it
            os.write(write, repr(problem).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    text = os.read(read, 4096).decode()
    os.close(read)
    return text


def code(act: Callable[[], object]) -> str:
    try:
        return str(act())
    except VolumeProblem as problem:
        return problem.code


def test_denied_access_is_told_with_the_way_out(session: Path) -> None:
    session.parent.chmod(0o755)
    session.chmod(0o700)
    assert as_nobody(lambda: code(lambda: open_session(str(session)))) == "PermissionDenied"
    session.chmod(0o755)
    assert as_nobody(lambda: str(clean(session, "r1").code)) == "PermissionDenied"
    (session / "creds.json").chmod(0o600)
    assert as_nobody(lambda: str(clean(session, "r1").code)) == "CredentialsUnreadable"
    assert held(session) == ALL


def test_what_root_makes_belongs_to_the_directorys_owner(session: Path) -> None:
    """A run by hand as root must not lock out the Job that runs as the owner later."""
    if os.geteuid() != 0:
        pytest.skip("giving files away needs root")
    for path in (session, *session.iterdir()):
        os.chown(path, 1234, 1234)
    assert clean(session, "r1").removed == len(DUE)
    for path in session.glob(".janitor~*"):
        assert (path.stat().st_uid, path.stat().st_gid) == (1234, 1234)


def test_a_directory_that_is_removed_under_the_run_is_told(session: Path) -> None:
    with opened(session) as directory:
        session.rename(session.parent / "moved")
        for path in (session.parent / "moved").iterdir():
            path.unlink()
        (session.parent / "moved").rmdir()
        result = sessions.clean(directory, DEFAULTS, run="r1", now=NOW)
        assert result.outcome == "Refused"
        scan = sessions.scan(directory, DEFAULTS, now=NOW)
    assert scan.total == 0

"""What the container that writes a restored session believes of what was fetched, and how it treats the session."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.backup.archive.archive import plain
from baileys_janitor.backup.archive.unpack import unpack
from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.job.fields import Store
from baileys_janitor.backup.restore_job import between
from baileys_janitor.backup.restore_job.task import RestoreTask
from baileys_janitor.backup.restore_job.write import restored
from baileys_janitor.policy.archives.known_archives import KnownArchives, PutArchive, encode
from baileys_janitor.volume import operations
from baileys_janitor.volume.runs.callbacks import go_on
from baileys_janitor.volume.scanning.quiet import STEP_SECONDS
from tests.archived import COMES_BACK, CONTENT
from tests.backup.sessions import IDENTITIES, RECIPIENTS, packed, snapshot_of
from tests.pairings import whole
from tests.volume.conftest import room
from tests.volume.directories import DAY, HOUR, NOW, held, opened, scratch, write
from tests.volume.test_kill import survives

__all__ = ["room"]

EVERY = 1 if os.environ.get("ALL_CHECKS") else 21
"""Every which step of a restore is one to be killed at."""


def handed(room: Path, **files: bytes) -> tuple[RestoreTask, PutArchive]:
    """What the fetching container leaves, and the task of the one that writes, without a store."""
    source, shared, claim = (room / name for name in ("source", "archive", "claim"))
    for path in (source, shared, claim):
        path.mkdir()
    for name, data in {**CONTENT, **files}.items():
        write(source / name, data, NOW - DAY)
    archive = packed(snapshot_of(source), RECIPIENTS)
    leave(shared, archive.data, str(archive.name))
    known = PutArchive(
        int(NOW), archive.manifest.digest[:16], archive.sha256[:32], 1, 1,
        held=frozenset({"0" * 16}),
    )  # fmt: skip
    store = Store("eu", "s3://b/p", None, None, "/nowhere")
    task = RestoreTask(
        run="r1", namespace="bots", tenant="acme", store=store, time=int(NOW), volume=str(claim),
        path="company-1", between=str(shared), seconds=1,
        known=encode(KnownArchives((known,))), watch=2, watch_after=2,
    )  # fmt: skip
    return task, known


def leave(shared: Path, sealed: bytes, name: str) -> None:
    archive = unpack([sealed], IDENTITIES)
    (shared / "archive.tar.gz").write_bytes(b"".join(plain(archive.manifest, archive.content)))
    (shared / "fetched.json").write_text(json.dumps({"name": name, "ms": 5}))


def session_of(task: RestoreTask) -> Path:
    return Path(task.volume) / task.path


def test_another_tenants_archive_is_not_written_whatever_was_fetched(room: Path) -> None:
    task, _ = handed(room)
    result = restored(replace(task, tenant="other"), go_on)
    assert (result.outcome, result.code) == ("Refused", "AnotherTenant")
    assert not session_of(task).exists()


def test_an_archive_that_nobody_vouches_for_is_not_written_whatever_was_fetched(room: Path) -> None:
    task, known = handed(room)
    other = encode(KnownArchives((replace(known, digest="f" * 16),)))
    result = restored(replace(task, known=other), go_on)
    assert (result.outcome, result.code) == ("Refused", "IdentityUnknown")
    result = restored(replace(task, fingerprint="f" * 16), go_on)
    assert (result.outcome, result.code) == ("Refused", "FingerprintDiffers")
    result = restored(replace(task, archive="20200101T000000Z-0a1b2c3d.tar.gz.age"), go_on)
    assert (result.outcome, result.code) == ("Refused", "HandoverBroken")
    assert not session_of(task).exists()


def test_the_name_must_be_that_of_the_content(room: Path) -> None:
    task, _ = handed(room)
    note = Path(task.between) / "fetched.json"
    for text in (
        '{"name": "20200101T000000Z-0a1b2c3d.tar.gz.age", "ms": 1}',
        "[]",
        '{"ms": 1}',
        "{}" * 5000,
        "\xff",
    ):
        note.write_text(text, "latin-1")
        assert restored(task, go_on).code == "HandoverBroken"
    note.unlink()
    note.symlink_to("/etc/hostname")
    assert restored(task, go_on).code == "HandoverBroken"


def test_a_link_or_a_pipe_in_the_archives_place_is_no_archive(room: Path) -> None:
    task, _ = handed(room)
    archive = Path(task.between) / "archive.tar.gz"
    real = archive.rename(room / "elsewhere")
    archive.symlink_to(real)
    assert restored(task, go_on).code == "HandoverBroken"
    archive.unlink()
    os.mkfifo(archive)
    assert restored(task, go_on).code == "HandoverBroken"


@pytest.fixture(scope="module")
def bytes_handed_over() -> tuple[bytes, str]:
    with scratch() as room:
        task, _ = handed(room)
        shared = Path(task.between)
        return (shared / "archive.tar.gz").read_bytes(), (shared / "fetched.json").read_text()


@given(st.data())
def test_whatever_is_changed_of_what_was_handed_over_is_refused(
    bytes_handed_over: tuple[bytes, str], data: st.DataObject
) -> None:
    archive, note = bytes_handed_over
    at = data.draw(st.integers(0, len(archive) - 1))
    piece = data.draw(st.binary(max_size=20))
    end = data.draw(st.sampled_from([at, at + len(piece), len(archive)]))
    with scratch() as room:
        (room / "archive.tar.gz").write_bytes(archive[:at] + piece + archive[end:])
        (room / "fetched.json").write_text(note)
        try:
            found = between.take(str(room))
        except (between.Broken, BackupProblem):
            return
        assert found.unpacked.content == CONTENT


def live(task: RestoreTask) -> Path:
    """A directory in which a process has left a session without creds.json."""
    session = session_of(task)
    session.mkdir()
    write(session / "session-2299.0.json", b"{}", NOW - HOUR)
    return session


def test_a_session_that_is_written_to_is_left_alone(room: Path) -> None:
    task, _ = handed(room)
    session = live(task)
    before = held(session)

    def pause(_: float) -> None:
        write(session / "session-2299.0.json", b'{"a": 1}', NOW)

    result = restored(task, go_on, pause)
    assert (result.outcome, result.code) == ("Refused", "StillWriting")
    assert held(session).keys() == before.keys()


def test_a_process_that_writes_after_it_was_restored_is_told_of(room: Path) -> None:
    task, _ = handed(room)
    session = live(task)

    def pause(_: float) -> None:
        if (session / "creds.json").exists():
            write(session / "creds.json", whole("old"), NOW)

    result = restored(task, go_on, pause)
    assert (result.outcome, result.code) == ("Completed", "WrittenOver")


def test_an_empty_directory_needs_no_watch(room: Path) -> None:
    task, _ = handed(room)

    def pause(seconds: float) -> None:
        assert seconds < STEP_SECONDS, "nobody can be using what is not there"

    assert restored(task, go_on, pause).outcome == "Completed"


def test_the_directory_is_closed_to_others_and_open_to_the_volumes_group(room: Path) -> None:
    task, _ = handed(room)
    claim = Path(task.volume)
    claim.chmod(0o2775)
    restored(replace(task, path="tenants/company-1"), go_on)
    for path in ("tenants", "tenants/company-1"):
        assert (claim / path).stat().st_mode & 0o7777 == 0o2770
    assert held(claim / "tenants" / "company-1").keys() == COMES_BACK


def test_no_path_leads_out_of_the_claim(room: Path) -> None:
    task, _ = handed(room)
    (room / "outside").mkdir()
    (Path(task.volume) / "link").symlink_to(room / "outside")
    for path, code in (("link/x", "SymlinkRefused"), ("../outside", "PathRefused")):
        assert restored(replace(task, path=path), go_on).code == code
    assert not list((room / "outside").iterdir())


def test_killed_at_any_step_nothing_is_half_there_and_the_next_try_goes_on() -> None:
    for step in range(1, 2000, EVERY):
        with scratch() as room:
            task, _ = handed(room)
            dead = not survives(lambda task=task: restored(task, go_on), step)
            session = session_of(task)
            if session.exists() and "creds.json" in held(session):
                assert held(session).keys() == COMES_BACK, "creds.json came before the others"
            again = restored(replace(task, run="r2", watch=0, watch_after=0), go_on)
            assert again.outcome in ("Completed", "NothingToDo")
            assert held(session).keys() == COMES_BACK
            with opened(session) as directory:
                for run in ("r2", "r1"):
                    operations.undo(directory, run, now=NOW)
            assert held(session) == {}
            if not dead:
                break
    assert step > 100

"""A snapshot holds every file as its writer left it, whatever else lies there and whatever happens meanwhile."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from baileys_janitor.policy.archives.archived import FILE_OVERHEAD_BYTES
from baileys_janitor.policy.files.strict_json import MAX_PARSED_BYTES
from baileys_janitor.volume.copies import snapshot as snapshots
from baileys_janitor.volume.copies.snapshot import PAUSES_SECONDS, Snapshot, take_snapshot
from baileys_janitor.volume.errors import VolumeProblem
from tests.pairings import whole
from tests.volume.directories import DAY, FILES, HOUR, NOW, OWN, OWN_LID, build, opened, write
from tests.volume.interference import just_after, just_before

VICTIM = "session-2205.0.json"
ARCHIVED = {name for name in FILES if name != "notes.txt"}


@pytest.fixture
def session(room: Path) -> Path:
    path = build(room / "session")
    write(path / "creds.json", whole(), NOW - HOUR)
    return path


class Waits:
    """A pause that takes no time, counts what was asked for, and lets something happen at each."""

    def __init__(self, act: Callable[[], None] = lambda: None) -> None:
        self.seconds: list[float] = []
        self._act = act

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self._act()


def take(path: Path, **more: object) -> Snapshot:
    more.setdefault("pause", Waits())
    with opened(path) as directory:
        return take_snapshot(directory, now=NOW, **more)  # type: ignore[arg-type]


def code_of(path: Path, **more: object) -> str:
    with pytest.raises(VolumeProblem) as caught:
        take(path, **more)
    return caught.value.code


def test_every_session_file_is_in_it_byte_for_byte(session: Path) -> None:
    os.chmod(session / VICTIM, 0o640)
    found = take(session)
    assert set(found.content) == ARCHIVED
    assert [each.name for each in found.session.files] == sorted(ARCHIVED)
    assert not found.missing
    assert not found.unreadable
    for each in found.session.files:
        path = session / each.name
        data, status = path.read_bytes(), path.stat()
        assert found.content[each.name] == data
        assert each.sha256 == hashlib.sha256(data).hexdigest()
        assert (each.size, each.mtime_ns) == (len(data), status.st_mtime_ns)
        assert each.mode == status.st_mode & 0o777
    assert found.session.time == int(NOW)


def test_nothing_is_written_and_no_file_is_touched(session: Path) -> None:
    before = {each.name: each.stat() for each in session.iterdir()}
    directory = session.stat().st_mtime_ns
    take(session)
    after = {each.name: each.stat() for each in session.iterdir()}
    assert before.keys() == after.keys()
    assert all(before[name].st_ctime_ns == after[name].st_ctime_ns for name in before)
    assert session.stat().st_mtime_ns == directory


def test_unknown_files_our_own_state_and_copies_of_others_are_never_in_it(session: Path) -> None:
    for name in (
        ".cleanup.lock",
        ".janitor~journal",
        ".janitor~creds~20251127104000000042",
        ".janitor~run~r1~session-2220.0.json",
        "creds.json.bak",
        "creds.json.tmp",
        "session-2201.0.json.tmp-123",
        ".session-2201.0.json",
        "pre-key-0.json",
        "store.json",
    ):
        (session / name).write_text("{}")
    assert set(take(session).content) == ARCHIVED


def test_links_fifos_sockets_directories_and_devices_are_never_opened(session: Path) -> None:
    (session / "session-5500.0.json").symlink_to("/etc/hostname")
    (session / "session-5501.0.json").mkdir()
    os.mkfifo(session / "session-5502.0.json")  # opening it would wait for a writer
    with socket.socket(socket.AF_UNIX) as unix:
        here = os.getcwd()
        os.chdir(session)
        unix.bind("session-5503.0.json")
        os.chdir(here)
        found = take(session)
    assert set(found.content) == ARCHIVED
    assert not found.missing
    assert not found.unreadable


def test_a_fifo_that_takes_a_files_place_is_not_opened(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def swap() -> None:
        (session / VICTIM).unlink()
        os.mkfifo(session / VICTIM)

    just_before(monkeypatch, "lstat", VICTIM, swap)
    assert set(take(session).content) == ARCHIVED - {VICTIM}


def test_a_file_of_another_user_is_in_it_and_a_link_to_one_is_not(session: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving files away needs root")
    outside = session.parent / "outside"
    outside.mkdir()
    write(outside / VICTIM, b'"of another tenant"', NOW - DAY)
    os.chown(outside / VICTIM, 4242, 4242)
    os.chown(session / "session-2206.0.json", 4242, 4242)
    (session / VICTIM).unlink()
    os.link(outside / VICTIM, session / VICTIM)
    os.link(session / "session-2207.0.json", outside / "session-2207.0.json")
    found = take(session)
    assert set(found.content) == ARCHIVED - {VICTIM}
    assert found.unreadable == [VICTIM]


def test_a_file_that_may_not_be_read_is_named(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny() -> None:
        raise PermissionError(13, "Permission denied")

    just_before(monkeypatch, "open", VICTIM, deny)
    found = take(session)
    assert found.unreadable == [VICTIM]
    assert set(found.content) == ARCHIVED - {VICTIM}


def test_a_disk_that_goes_away_is_no_snapshot(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale() -> None:
        raise OSError(116, "Stale file handle")

    just_before(monkeypatch, "open", VICTIM, stale)
    assert code_of(session) == "StaleHandle"


@pytest.mark.parametrize("torn", [b"", b'{"a": "b', b"\0" * 300, b'{"a":1}{"a":1}'])
def test_a_file_that_was_torn_by_a_crash_is_named_at_once(session: Path, torn: bytes) -> None:
    write(session / VICTIM, torn, NOW - DAY)
    pause = Waits()
    found = take(session, pause=pause)
    assert found.unreadable == [VICTIM]
    assert not found.missing
    assert set(found.content) == ARCHIVED - {VICTIM}
    assert not any(pause.seconds)


def test_a_torn_file_that_was_written_a_moment_ago_may_still_be_being_written(
    session: Path,
) -> None:
    write(session / VICTIM, b"", NOW - 1)
    seen = Waits()
    found = take(session, pause=seen)
    assert found.missing == [VICTIM]
    assert sum(seen.seconds) == pytest.approx(sum(PAUSES_SECONDS))
    done = Waits(lambda: (session / VICTIM).write_bytes(b"1") and None)
    assert take(session, pause=done).content[VICTIM] == b"1"


def test_a_large_file_that_was_cut_is_named(session: Path) -> None:
    large = json.dumps({f'{n}\\"{{': ["é" * 40, {"k": [n]}] for n in range(5_000)}).encode()
    assert len(large) > MAX_PARSED_BYTES
    name = "app-state-sync-version-critical_block.json"
    write(session / name, large, NOW - DAY)
    assert take(session).content[name] == large
    for cut in (
        large[:-1],
        large[: len(large) // 2],
        large + b"}",
        large[1:],
        b" " * len(large),
        b"[" + b"{}," * (1 << 19),
    ):
        write(session / name, cut, NOW - DAY)
        assert take(session).unreadable == [name]


def test_a_file_that_changes_at_every_look_is_named(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = snapshots.read_bounded
    inode = (session / VICTIM).stat().st_ino

    def written_meanwhile(file: int, limit: int) -> bytes:
        data = real(file, limit)
        if os.fstat(file).st_ino == inode:
            (session / VICTIM).write_bytes(b"%d" % len(data) + data[:50])
        return data

    monkeypatch.setattr(snapshots, "read_bounded", written_meanwhile)
    found = take(session)
    assert found.missing == [VICTIM]
    assert set(found.content) == ARCHIVED - {VICTIM}


def test_a_long_file_is_taken_once_two_reads_agree(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that is too coarse shows the same times before and after a write."""
    real = snapshots.read_bounded
    old, new = (b'"%b"' % (letter * 9_000) for letter in (b"a", b"b"))
    (session / VICTIM).write_bytes(new)
    inode = (session / VICTIM).stat().st_ino
    mixed = [old[:4096] + new[4096:]]

    def read_in_pages(file: int, limit: int) -> bytes:
        if os.fstat(file).st_ino == inode and mixed:
            return mixed.pop()
        return real(file, limit)

    monkeypatch.setattr(snapshots, "read_bounded", read_in_pages)
    found = take(session)
    assert not mixed
    assert found.content[VICTIM] == new


def test_a_file_that_vanishes_is_not_missing_and_one_that_comes_back_is_taken(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    just_before(monkeypatch, "lstat", VICTIM, (session / VICTIM).unlink)
    again = "session-2206.0.json"
    just_before(monkeypatch, "lstat", again, (session / again).unlink)

    def rewrite() -> None:
        (session / again).write_bytes(b'"anew"')

    just_after(monkeypatch, "lstat", "session-2207.0.json", rewrite)
    found = take(session)
    assert set(found.content) == ARCHIVED - {VICTIM}
    assert found.content[again] == b'"anew"'
    assert not found.missing
    assert not found.unreadable


def test_creds_json_is_read_last(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    just_before(
        monkeypatch,
        "lstat",
        max(ARCHIVED),
        lambda: write(session / "creds.json", whole(nextPreKeyId=99), NOW),
    )
    assert take(session).session.credentials.next_pre_key_id == 99


def test_credentials_that_are_saved_right_after_two_reads_agreed_are_read_again(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = snapshots.settled_bytes
    saved = [whole(nextPreKeyId=n) for n in (77, 66)]

    def settled(directory: int, pause: Callable[[float], None]) -> bytes:
        data = real(directory, pause)
        if saved:
            write(session / "creds.json", saved.pop(), NOW)
        return data

    monkeypatch.setattr(snapshots, "settled_bytes", settled)
    found = take(session)
    assert found.content["creds.json"] == whole(nextPreKeyId=77)
    assert found.session.credentials.next_pre_key_id == 77


def test_another_pairing_that_comes_meanwhile_is_no_snapshot(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    just_before(
        monkeypatch, "lstat", VICTIM, lambda: write(session / "creds.json", whole("b"), NOW)
    )
    assert code_of(session) == "CredentialsChanging"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (None, "CredentialsAbsent"),
        (b"", "CredentialsCorrupt"),
        (whole()[:-1], "CredentialsCorrupt"),
        (b"{}", "NotPaired"),
        (whole(noiseKey=...), "CredentialsIncomplete"),
        (b" " * (1 << 20) + whole(), "CredentialsTooLarge"),
    ],
)
def test_without_whole_paired_credentials_there_is_no_snapshot(
    session: Path, data: bytes | None, code: str
) -> None:
    (session / "creds.json").unlink()
    if data is not None:
        write(session / "creds.json", data, NOW - DAY)
    assert code_of(session) == code


def test_the_own_lid_comes_from_the_mapping_files_where_creds_json_has_none(session: Path) -> None:
    assert take(session).session.identity.knows_lid
    me = {"id": f"{OWN}:3@s.whatsapp.net"}
    write(session / "creds.json", whole(me=me), NOW - HOUR)
    assert not take(session).session.identity.knows_lid
    write(session / f"lid-mapping-{OWN}.json", f'"{OWN_LID}"'.encode(), NOW)
    write(session / f"lid-mapping-{OWN_LID}_reverse.json", f'"{OWN}"'.encode(), NOW)
    identity = take(session).session.identity
    assert identity.owns(f"{OWN_LID}_1")


def test_a_session_above_the_limit_is_refused_before_anything_is_read(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sum((session / name).stat().st_size for name in ARCHIVED)
    need = size + len(ARCHIVED) * FILE_OVERHEAD_BYTES
    assert len(take(session, limit_bytes=need).content) == len(ARCHIVED)
    assert code_of(session, limit_bytes=need - 1) == "SessionTooLarge"
    with open(session / VICTIM, "wb") as file:
        file.truncate(1 << 40)  # sparse: it takes no room on the disk
    monkeypatch.setattr(snapshots, "read_bounded", None)
    assert code_of(session) == "SessionTooLarge"


def test_a_file_that_grows_above_the_limit_meanwhile_is_refused(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    just_before(monkeypatch, "lstat", VICTIM, lambda: os.truncate(session / VICTIM, 1 << 40))
    assert code_of(session) == "SessionTooLarge"


def test_names_of_files_that_cannot_be_taken_count_as_well(session: Path) -> None:
    need = sum((session / name).stat().st_size + FILE_OVERHEAD_BYTES for name in ARCHIVED)
    size = (session / VICTIM).stat().st_size
    write(session / VICTIM, b"", NOW - DAY)
    assert take(session, limit_bytes=need - size).unreadable == [VICTIM]
    assert code_of(session, limit_bytes=need - size - 1) == "SessionTooLarge"


@pytest.mark.parametrize("seconds", [2**40, -(2**31), 2**33, 0])
def test_a_time_that_nobody_can_tell_becomes_the_nearest_that_can_be_told(
    session: Path, seconds: int
) -> None:
    os.utime(session / VICTIM, (seconds, seconds))
    time_ns = {each.name: each.mtime_ns for each in take(session).session.files}[VICTIM]
    assert time_ns == min((session / VICTIM).stat().st_mtime_ns, 2**63 - 1)


@pytest.mark.parametrize("now", [-5.0, 0.0, 2.0**40, float("nan")])
def test_no_snapshot_is_made_by_an_unusable_clock(session: Path, now: float) -> None:
    with opened(session) as directory, pytest.raises(VolumeProblem) as caught:
        take_snapshot(directory, now=now)
    assert caught.value.code == "ClockUnusable"


def test_a_stopped_session_is_called_so_only_if_nothing_changed(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not take(session).session.quiesced
    assert take(session, quiesced=True).session.quiesced
    new = session / "session-8800.0.json"
    just_before(monkeypatch, "lstat", VICTIM, lambda: new.write_text("{}") and None)
    assert not take(session, quiesced=True).session.quiesced


def test_whoever_waits_can_end_it(session: Path) -> None:
    class EndedError(Exception):
        pass

    def end() -> None:
        raise EndedError

    for n in range(300):
        write(session / f"pre-key-{n + 1}.json", b"{}", NOW)
    with pytest.raises(EndedError):
        take(session, tick=end)


def test_no_name_and_no_content_is_printed(session: Path) -> None:
    found = take(session)
    printed = repr(found) + repr(found.session) + repr(found.session.files[3])
    assert "2201" not in printed
    assert OWN not in printed

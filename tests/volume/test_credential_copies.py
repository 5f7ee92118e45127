"""Kept copies of creds.json: whole, never older, never too many, whatever happens meanwhile."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import baileys_janitor.volume.runs.lock  # noqa: F401  # imported before the children are made
from baileys_janitor.policy.archives.credential_copies import Copy
from baileys_janitor.policy.archives.pairing import read_credentials
from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume.copies import credential_copies
from baileys_janitor.volume.copies.credential_copies import (
    StoredCopy,
    keep_if_due,
    read_copies,
    read_copy,
)
from baileys_janitor.volume.files.newest_copy import copies_in
from baileys_janitor.volume.files.read import read_listing
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.report.run_results import KeptCopy
from baileys_janitor.volume.scanning.scan import scan
from tests.all_checks import steps
from tests.pairings import whole
from tests.volume.directories import DAY, HOUR, NOW, build, is_own, opened, scratch, write
from tests.volume.test_kill import survives


def keep(path: Path, now: float = NOW, **more: Any) -> KeptCopy:
    with opened(path) as directory:
        return keep_if_due(
            directory, now=now, pause=more.pop("pause", lambda seconds: None), **more
        )


def stored(path: Path) -> list[StoredCopy]:
    with opened(path) as directory:
        found = read_copies(directory, copies_in(read_listing(directory).own))
        return [read_copy(directory, each.copy, owners_of(directory)) for each in found]


def save(path: Path, at: float, pairing: str = "a", **changes: Any) -> bytes:
    """Let the session's process write its credentials."""
    data = whole(pairing, **changes)
    write(path / "creds.json", data, at)
    return data


def counters(number: int) -> dict[str, int]:
    return {"nextPreKeyId": number, "firstUnuploadedPreKeyId": number}


@pytest.fixture
def session(room: Path) -> Path:
    path = build(room / "session")
    save(path, NOW - HOUR)
    return path


def own_names(path: Path) -> list[str]:
    return sorted(name for name in os.listdir(path) if is_own(name))


def test_a_first_copy_is_kept_at_once_readable_by_its_owner_alone(session: Path) -> None:
    result = keep(session)
    assert (result.outcome, result.copies, result.newest) == ("Kept", 1, int(NOW))
    [name] = own_names(session)
    found = os.stat(session / name)
    assert stat.S_IMODE(found.st_mode) == 0o600
    creds = os.stat(session / "creds.json")
    assert (found.st_uid, found.st_gid) == (creds.st_uid, creds.st_gid)
    assert found.st_mtime_ns == creds.st_mtime_ns
    assert (session / name).read_bytes() == (session / "creds.json").read_bytes()


def test_an_unchanged_file_is_never_kept_twice(session: Path) -> None:
    keep(session)
    assert keep(session, NOW + 30 * DAY).outcome == "NotDue"
    os.utime(session / "creds.json", (NOW + DAY, NOW + DAY))  # a login that changed nothing
    assert keep(session, NOW + 30 * DAY).outcome == "NotDue"
    assert len(own_names(session)) == 1


def test_a_changed_file_is_kept_once_in_a_while(session: Path) -> None:
    keep(session)
    save(session, NOW + HOUR, **counters(36))
    assert keep(session, NOW + 2 * HOUR).outcome == "NotDue"
    assert keep(session, NOW + 2 * HOUR, every=HOUR).outcome == "Kept"
    save(session, NOW + 3 * HOUR, **counters(41))
    assert keep(session, NOW + 26 * HOUR).outcome == "Kept"
    [last, *_] = stored(session)
    assert last.credentials is not None
    assert last.credentials.next_pre_key_id == 41


def test_a_new_pairing_is_kept_at_once_and_pushes_out_nothing(session: Path) -> None:
    for day in range(4):
        save(session, NOW + day * DAY, **counters(31 + day))
        keep(session, NOW + day * DAY + 1, keep=3)
    save(session, NOW + 4 * DAY, "b", **counters(1))
    assert keep(session, NOW + 4 * DAY, keep=3).copies == 2  # of the old pairing the newest
    for day in range(5, 9):
        save(session, NOW + day * DAY, "b", **counters(day))
        keep(session, NOW + day * DAY + 1, keep=3)
    found = [each.credentials for each in stored(session) if each.credentials is not None]
    assert [each.next_pre_key_id for each in found] == [8, 7, 6, 34]


def seen(path: Path, now: float = NOW) -> tuple[int | None, int | None, bool]:
    """What a scan says of the copies."""
    with opened(path) as directory:
        found = scan(directory, DEFAULTS, now=now)
    return found.copies, found.copied, found.uncopied


def test_a_scan_says_whether_creds_json_has_changed_since_its_newest_copy(session: Path) -> None:
    assert seen(session) == (0, None, True)
    keep(session)
    assert seen(session) == (1, int(NOW), False)
    save(session, NOW + HOUR, **counters(36))
    assert seen(session, NOW + HOUR) == (1, int(NOW), True)
    keep(session, NOW + DAY)
    assert seen(session, NOW + DAY) == (2, int(NOW + DAY), False)


@pytest.mark.parametrize("data", [b"", b"{", b"{}"], ids=["empty", "cut", "unpaired"])
def test_a_creds_json_that_cannot_be_kept_is_not_called_changed(session: Path, data: bytes) -> None:
    keep(session)
    write(session / "creds.json", data, NOW + HOUR)
    assert seen(session, NOW + HOUR) == (1, int(NOW), False)
    os.unlink(session / "creds.json")
    assert seen(session, NOW + HOUR) == (1, int(NOW), False)


def test_a_copy_that_was_tampered_with_is_none_of_this_writing(session: Path) -> None:
    keep(session)
    [name] = own_names(session)
    os.link(session / name, session / "another-name")
    assert seen(session) == (1, int(NOW), True)
    os.unlink(session / "another-name")
    os.unlink(session / name)
    os.symlink("creds.json", session / name)
    assert seen(session) == (1, int(NOW), True)


def test_the_janitors_files_are_no_session_files(session: Path) -> None:
    with opened(session) as directory:
        before = read_listing(directory)
        keep(session)
        after = read_listing(directory)
    assert after.total == before.total
    assert after.own.foreign == 0


TORN = [b"", whole()[:100], whole()[:-1], b"\0" * 500]


@pytest.mark.parametrize("data", TORN, ids=["empty", "cut", "one byte short", "zeros"])
def test_a_torn_file_is_never_kept(session: Path, data: bytes) -> None:
    keep(session)
    kept = own_names(session)
    write(session / "creds.json", data, NOW + HOUR)
    result = keep(session, NOW + 2 * DAY)
    assert (result.outcome, result.code, result.copies) == ("NotKept", "CredentialsCorrupt", 1)
    assert own_names(session) == kept


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (whole(me=...), "NotPaired"),
        (whole(noiseKey=...), "CredentialsIncomplete"),
        (whole(nextPreKeyId=...), "CredentialsIncomplete"),
        (whole(x="x" * 1024 * 1024), "CredentialsTooLarge"),
        (None, "CredentialsAbsent"),
    ],
)
def test_what_no_session_could_start_with_is_not_kept_and_leaves_no_trace(
    session: Path, data: bytes | None, code: str
) -> None:
    (session / "creds.json").unlink()
    if data is not None:
        write(session / "creds.json", data, NOW - HOUR)
    assert (keep(session).outcome, keep(session).code) == ("NotKept", code)
    assert own_names(session) == []


def test_an_old_file_that_was_put_back_is_not_kept(session: Path) -> None:
    save(session, NOW, **counters(900))
    keep(session)
    save(session, NOW + HOUR, **counters(700))
    assert keep(session, NOW + 2 * DAY).code == "CredentialsOlder"
    save(session, NOW + 2 * HOUR, **counters(905))
    assert keep(session, NOW + 2 * DAY).outcome == "Kept"


class Writer:
    """Writes creds.json anew, one piece after another, while the janitor waits."""

    def __init__(self, path: Path, pieces: list[bytes]) -> None:
        self.path = path / "creds.json"
        self.pieces = pieces

    def pause(self, seconds: float) -> None:
        if self.pieces:
            self.path.write_bytes(self.pieces.pop(0))


def test_a_file_that_is_being_written_is_waited_for(session: Path) -> None:
    final = whole(**counters(50))
    write(session / "creds.json", b"", NOW)
    assert keep(session, pause=Writer(session, [final[:90], final]).pause).outcome == "Kept"
    assert [each.data for each in stored(session)] == [final]


def test_a_file_that_is_another_at_each_look_waits_for_the_next_time(session: Path) -> None:
    pieces = [whole(**counters(40 + step)) for step in range(20)]
    assert keep(session, pause=Writer(session, pieces).pause).code == "CredentialsChanging"
    assert own_names(session) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(31, 60), st.integers(0, 900)), min_size=1, max_size=12))
def test_a_copy_is_always_a_whole_writing_of_the_session(saves: list[tuple[int, int]]) -> None:
    """Each piece is what a reader finds at some moment of a save: the file up to some length."""
    with scratch() as room:
        path = build(room / "session", {})
        written = [whole(**counters(number)) for number, _ in saves]
        pieces = [
            data[:cut] if cut < 600 else data for data, (_, cut) in zip(written, saves, strict=True)
        ]
        write(path / "creds.json", b"", NOW)
        keep(path, pause=Writer(path, pieces).pause)
        for each in stored(path):
            assert each.data in written
            assert each.credentials is not None


def test_another_cleanup_holds_it_up_for_once(session: Path) -> None:
    write(session / ".cleanup.lock", b"somebody", NOW + 5)
    os.utime(session / ".cleanup.lock")
    assert keep(session).code == "Busy"
    (session / ".cleanup.lock").unlink()
    assert keep(session).outcome == "Kept"


def test_a_disk_without_room_is_not_filled_by_a_copy(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credential_copies, "free_space", lambda directory: (257 * 1024, 100))
    assert keep(session).code == "DiskFull"
    assert own_names(session) == []


def test_nothing_due_opens_no_lock_and_hardly_any_file(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(session)
    opened_names: list[object] = []
    real = os.open

    def noted(name: object, *rest: Any, **more: Any) -> int:
        opened_names.append(name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    with opened(session) as directory:
        own = read_listing(directory).own
        monkeypatch.setattr(os, "open", noted)
        keep_if_due(directory, now=NOW + 2 * DAY, own=own)
        assert opened_names == []
        save(session, NOW + HOUR, **counters(40))
        keep_if_due(directory, now=NOW + 2 * HOUR, own=own)
        assert opened_names[1:] == ["creds.json"] or opened_names == ["creds.json"]


def test_a_clear_loop_that_passes_takes_the_copy_with_it(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a logout no copy of the keys is left, also where the loop has listed before we wrote."""
    real = os.rename

    def cleared(source: str, target: str, **more: Any) -> None:
        if "creds~" in target:
            for name in os.listdir(session):
                if name != source:
                    os.unlink(session / name)
        real(source, target, **more)

    monkeypatch.setattr(os, "rename", cleared)
    assert keep(session).code == "StateVanished"
    assert [name for name in own_names(session) if "lock" not in name] == []


def test_killed_at_every_step_there_are_whole_copies_alone_and_the_next_time_goes_on() -> None:
    for step in steps(2):
        with scratch() as room:
            path = build(room / "session", {"session-1.0.json": HOUR})
            first = save(path, NOW - HOUR)
            keep(path, NOW - 3 * DAY)
            second = save(path, NOW, **counters(40))
            through = survives(lambda path=path: keep(path, NOW + 1, keep=1), step)
            assert all(each.data in (first, second) for each in stored(path))
            assert stored(path)
            assert (path / "creds.json").read_bytes() == second
            result = keep(path, NOW + 2, keep=1)
            assert result.outcome in ("Kept", "NotDue")
            assert stored(path)[0].data == second
            third = save(path, NOW + 2 * DAY, **counters(50))
            assert keep(path, NOW + 3 * DAY, keep=1).outcome == "Kept"
            assert [each.data for each in stored(path)] == [third]
            assert len(own_names(path)) == 1  # no lock, and nothing half written
            if through:
                break
    assert step > 6


FORGED: dict[str, Callable[[Path], object]] = {
    "a link": lambda path: path.symlink_to("creds.json"),
    "a fifo": lambda path: os.mkfifo(path),
    "a directory": lambda path: path.mkdir(),
    "text": lambda path: path.write_bytes(b"{}"),
    "a cut file": lambda path: path.write_bytes(whole()[:-1]),
    "a huge file": lambda path: path.write_bytes(whole(x="x" * 1024 * 1024)),
    "another pairing": lambda path: path.write_bytes(whole("b")),
    "two names": lambda path: os.link(path.parent / "creds.json", path),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_what_only_looks_like_a_copy_is_told_when_it_is_read(
    session: Path, forge: Callable[[Path], object]
) -> None:
    credentials = read_credentials(whole())
    assert credentials is not None
    forge(session / f".janitor~creds~{Copy(int(NOW) - DAY, credentials.tag).digits}")
    assert [each.credentials for each in stored(session)] == [None]
    save(session, NOW, **counters(40))
    assert keep(session, NOW + 1).outcome == "Kept"
    assert [each.credentials is None for each in stored(session)] == [False, True]


def test_times_from_the_future_keep_nothing_from_being_kept(session: Path) -> None:
    credentials = read_credentials(whole())
    assert credentials is not None
    ahead = Copy(int(NOW) + 400 * DAY, credentials.tag)
    (session / f".janitor~creds~{ahead.digits}").write_bytes(whole())
    assert keep(session).outcome == "Kept"
    save(session, NOW + DAY, **counters(40))
    assert keep(session, NOW + 2 * DAY, keep=2).removed == 1
    assert not (session / f".janitor~creds~{ahead.digits}").exists()


def test_a_clock_that_shows_no_time_keeps_nothing(session: Path) -> None:
    assert keep(session, 1000.0).code == "ClockUnusable"


def test_two_copies_in_one_second_get_two_names(session: Path) -> None:
    keep(session)
    save(session, NOW, **counters(40))
    assert keep(session, every=0).outcome == "Kept"
    assert len(stored(session)) == 2

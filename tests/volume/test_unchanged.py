"""A look at a directory that has not changed: cheap, and never a wrong one."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.policy.settings import DEFAULTS, Settings
from baileys_janitor.volume.report.results import ScanResult
from baileys_janitor.volume.scanning.activity import Known
from baileys_janitor.volume.scanning.scan import scan
from baileys_janitor.volume.scanning.unchanged import JUDGED_SECONDS, Seen, look_again, mark_of
from tests.volume.directories import FILES, NOW, build, credentials, opened, scratch, write


def look(path: Path, before: Seen | None, now: float = NOW) -> tuple[ScanResult, Seen]:
    with opened(path) as directory:
        return look_again(directory, DEFAULTS, now=now, known=Known, before=before)


def whole(path: Path, now: float = NOW) -> ScanResult:
    with opened(path) as directory:
        return scan(directory, DEFAULTS, now=now, known=Known())


def placed(result: ScanResult) -> ScanResult:
    """The result without what others write to the same disk."""
    return replace(result, free_bytes=None, free_inodes=None)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file is written in place": lambda p: (p / "session-2201.0.json").write_text("{}  "),
    "and has its old size": lambda p: (p / "session-2201.0.json").write_text(
        '"session-2299.0.jso"'
    ),
    "a file comes": lambda p: write(p / "session-7777.0.json", b"{}", NOW),
    "a file goes": lambda p: (p / "session-2201.0.json").unlink(),
    "a file is renamed": lambda p: (p / "notes.txt").rename(p / "session-7777.0.json"),
    "creds.json is cut": lambda p: os.truncate(p / "creds.json", 20),
    "the account is another": lambda p: (p / "creds.json").write_bytes(credentials("BBBB")),
    "the trash fills": lambda p: write(p / ".janitor~run~r1~session-1.0.json", b"{}", NOW),
    "a file becomes a link": lambda p: (
        (p / "notes.txt").unlink(),
        (p / "notes.txt").symlink_to("creds.json"),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_changes_is_seen(session: Path, change: Callable[[Path], object]) -> None:
    build(session)
    _, seen = look(session, None)
    change(session)
    found, after = look(session, seen, NOW + 60)
    assert after is not seen
    assert placed(found) == placed(whole(session, NOW + 60))


def test_what_does_not_change_is_not_judged_again_for_a_while(session: Path) -> None:
    build(session)
    first, seen = look(session, None)
    again, same = look(session, seen, NOW + 60)
    assert same is seen
    assert again.looked is None
    mute = {"looked": None, "bins": None, "put_in": None, "running": None}
    assert placed(again) == placed(replace(first, **mute))  # type: ignore[arg-type]  # fields of it
    late, judged = look(session, seen, NOW + JUDGED_SECONDS)
    assert judged is not seen
    assert placed(late) == placed(whole(session, NOW + JUDGED_SECONDS))
    _, earlier = look(session, seen, NOW - 60)
    assert earlier is not seen


def test_other_settings_judge_anew(session: Path) -> None:
    build(session)
    _, seen = look(session, None)
    with opened(session) as directory:
        _, after = look_again(directory, Settings(), now=NOW, known=Known, before=seen)
    assert after is not seen


def test_broken_credentials_are_read_each_time(session: Path) -> None:
    build(session)
    os.truncate(session / "creds.json", 20)
    first, seen = look(session, None)
    again, after = look(session, seen)
    assert first.identity_state == again.identity_state == "Corrupt"
    assert after is not seen
    assert again.creds_token


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_two_directories_with_one_mark_have_the_same_files(data: st.DataObject) -> None:
    names = st.sampled_from(sorted(FILES))
    with scratch() as path:
        build(path)
        with opened(path) as directory:
            before = mark_of(directory)
            name = data.draw(names)
            file = path / name
            was = file.stat()
            what = data.draw(st.sampled_from(["touch", "append", "nothing"]))
            if what == "touch":
                os.utime(
                    file, ns=(was.st_atime_ns, was.st_mtime_ns + data.draw(st.integers(1, 10**9)))
                )
            elif what == "append":
                file.write_bytes(file.read_bytes() + b" ")
            assert (mark_of(directory) == before) == (what == "nothing")

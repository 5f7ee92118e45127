"""A listing holds the regular files of the directory itself, whatever else lies there."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.policy.files.identity import MAX_CREDS_BYTES, TOO_LARGE, read_identity
from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume import operations as sessions
from baileys_janitor.volume.files.read import read_creds, read_listing
from tests.volume.directories import DUE, FILES, NOW, opened
from tests.volume.file_systems import handles_read_once


def test_links_fifos_sockets_and_directories_are_skipped_and_untouched(session: Path) -> None:
    (session / "session-5500.0.json").symlink_to("/etc/passwd")
    (session / "session-5501.0.json").mkdir()
    os.mkfifo(session / "session-5502.0.json")
    unix = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(session)  # a socket's path is short
    unix.bind("session-5503.0.json")
    os.chdir(here)
    with opened(session) as directory:
        listing = read_listing(directory)
    unix.close()
    assert listing.total == len(FILES)
    assert listing.skipped == 4
    assert listing.entries is not None
    assert {entry.name for entry in listing.entries} == set(FILES)


def test_the_janitors_own_names_are_never_counted(session: Path) -> None:
    (session / ".cleanup.lock").write_text("x")
    (session / ".janitor").mkdir()
    with opened(session) as directory:
        listing = read_listing(directory)
        counted = read_listing(directory, limit=3)
    assert (listing.total, listing.skipped) == (len(FILES), 0)
    assert (counted.total, counted.skipped) == (len(FILES), 0)


def test_names_of_any_bytes_are_files_of_an_unknown_kind(session: Path) -> None:
    odd = [b"session-\xff\xfe.json", b"new\nline", b" ", b"-rf", "é".encode("latin-1")]
    for name in odd:
        Path(os.fsdecode(os.fsencode(session) + b"/" + name)).write_bytes(b"x")
    with opened(session) as directory:
        listing = read_listing(directory)
    assert listing.entries is not None
    kinds = {os.fsencode(entry.name): entry.kind for entry in listing.entries}
    assert [kinds[name] for name in odd] == ["other"] * 5


def test_beyond_the_limit_only_kinds_are_counted(session: Path) -> None:
    os.mkfifo(session / "fifo")
    with opened(session) as directory:
        whole = read_listing(directory)
        counted = read_listing(directory, limit=10)
        exact = read_listing(directory, limit=len(FILES) + 1)
    assert counted.entries is None
    assert exact.entries is not None
    assert (counted.total, counted.skipped) == (whole.total, whole.skipped)
    assert whole.entries is not None
    by_kind = [sum(entry.kind == kind for entry in whole.entries) for kind in KINDS]
    assert counted.by_kind == by_kind


def test_files_that_vanish_while_they_are_listed_are_not_counted(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    class Vanishing:
        def __init__(self, directory: int) -> None:
            self.found = scandir(directory)

        def close(self) -> None:
            self.found.close()

        def __iter__(self) -> Vanishing:
            return self

        def __next__(self) -> os.DirEntry[str]:
            item = next(self.found)
            if item.name == "session-2201.0.json":
                (session / item.name).unlink()
            return item

    monkeypatch.setattr(os, "scandir", Vanishing)
    with opened(session) as directory:
        listing = read_listing(directory)
    assert (listing.total, listing.skipped) == (len(FILES) - 1, 0)


def test_each_listing_is_read_with_a_descriptor_of_its_own(session: Path) -> None:
    """One that was read to its end stays there on sshfs: a second listing would be empty."""
    with handles_read_once(), opened(session) as directory:
        assert read_listing(directory).total == len(FILES)
        assert read_listing(directory).total == len(FILES)
        assert sessions.clean(directory, DEFAULTS, run="r1", now=NOW).removed == len(DUE)
        assert sessions.undo(directory, "r1", now=NOW).restored == len(DUE)


def test_creds_json_is_read_with_a_token_that_follows_its_writings(session: Path) -> None:
    with opened(session) as directory:
        data, token = read_creds(directory)
        assert data == (session / "creds.json").read_bytes()
        assert read_creds(directory)[1] == token
        os.utime(session / "creds.json", (1, 1))
        assert read_creds(directory)[1] != token


@pytest.mark.parametrize("kind", ["fifo", "link", "directory", "socket", "missing"])
def test_what_is_no_file_counts_as_no_creds_json(session: Path, kind: str) -> None:
    path = session / "creds.json"
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)  # must not block either
    elif kind == "link":
        path.symlink_to("session-2201.0.json")
    elif kind == "directory":
        path.mkdir()
    elif kind == "socket":
        os.mknod(path, 0o140600)
    with opened(session) as directory:
        assert read_creds(directory) == (None, "")


def test_an_endless_creds_json_is_read_up_to_a_bound(session: Path) -> None:
    with (session / "creds.json").open("wb") as file:
        file.truncate(MAX_CREDS_BYTES * 4)
    with opened(session) as directory:
        data, _ = read_creds(directory)
    assert data is not None
    assert len(data) == MAX_CREDS_BYTES + 1
    assert read_identity(data).state == TOO_LARGE


def test_the_librarys_files_are_counted_by_owner_and_mode(tmp_path: Path) -> None:
    for name, mode in (("creds.json", 0o600), ("pre-key-1.json", 0o644), ("pre-key-2.json", 0o644)):
        (tmp_path / name).write_text("{}")
        (tmp_path / name).chmod(mode)
    (tmp_path / "notes.txt").write_text("not of the library")
    (tmp_path / "link.json").symlink_to("creds.json")
    me = os.geteuid()
    expected = {(me, 0o100600): 1, (me, 0o100644): 2}
    with opened(tmp_path) as directory:
        assert read_listing(directory).owners == expected
        (
            tmp_path / "link.json"
        ).unlink()  # without anything else the files are counted column by column
        assert read_listing(directory).owners == expected
        (tmp_path / "creds.json").chmod(0o644)
        (tmp_path / "notes.txt").chmod(0o644)
        assert read_listing(directory).owners == {(me, 0o100644): 3}

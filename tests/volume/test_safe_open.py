"""A session directory is opened beneath its volume, and nothing else is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from baileys_janitor.volume import errors
from baileys_janitor.volume.files.safe_open import open_session


def code(root: Path, path: str) -> str:
    with pytest.raises(errors.VolumeProblem) as raised:
        open_session(str(root), path)
    assert str(raised.value) == errors.SENTENCES[raised.value.code]
    return raised.value.code


def test_a_path_beneath_the_volume_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    directory = open_session(str(tmp_path), "./a//b/")
    assert os.fstat(directory).st_ino == (tmp_path / "a" / "b").stat().st_ino
    os.close(directory)


@pytest.mark.parametrize("path", ["/etc", "..", "a/../..", "a/..", "a\0b", "a\ud800"])
def test_paths_that_lead_elsewhere_are_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "a").mkdir()
    assert code(tmp_path, path) == errors.PATH_REFUSED


@pytest.mark.parametrize("path", ["link", "link/inside", "real/link"])
def test_symbolic_links_are_never_followed(tmp_path: Path, path: str) -> None:
    (tmp_path / "real" / "inside").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real" / "link").symlink_to(".")
    assert code(tmp_path, path) == errors.SYMLINK_REFUSED


def test_what_is_missing_or_no_directory_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    os.mkfifo(tmp_path / "fifo")
    assert code(tmp_path, "nothing") == errors.DIRECTORY_MISSING
    assert code(tmp_path / "nothing", ".") == errors.DIRECTORY_MISSING
    assert code(tmp_path, "file") == errors.NOT_A_DIRECTORY
    assert code(tmp_path, "file/x") == errors.NOT_A_DIRECTORY
    assert code(tmp_path, "fifo") == errors.NOT_A_DIRECTORY


def test_no_descriptor_is_left_open_by_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        code(tmp_path, "a/b/c")
    assert len(os.listdir("/proc/self/fd")) == before

"""Fixtures of the volume's tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.volume.directories import build, scratch


@pytest.fixture
def room() -> Iterator[Path]:
    """An empty directory, in memory where possible."""
    with scratch() as path:
        yield path


@pytest.fixture
def session(room: Path) -> Path:
    """A paired session directory with something to clean."""
    return build(room / "session")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system of its own with the given options. Only root can."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        path = tmp_path / f"disk{len(mounted)}"
        path.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True
        )
        if done.returncode:
            pytest.skip("this machine does not let root mount a tmpfs")
        mounted.append(path)
        return path

    yield mount
    for path in mounted:
        subprocess.run(["umount", str(path)], check=True)

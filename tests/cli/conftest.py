"""What every test of the command line has: a clean environment, and the command in this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from baileys_janitor.cli.main import main
from baileys_janitor.volume.scanning import credentials
from tests.cli.sessions import STEERING, Done, company, mended

Run = Callable[..., Done]


@pytest.fixture(autouse=True)
def _nothing_steers(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in os.environ:
        if variable.startswith(STEERING):
            monkeypatch.delenv(variable)


@pytest.fixture(autouse=True)
def _corrupt_creds_are_read_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "PAUSES_SECONDS", (0.0, 0.0))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process: exit code and both streams."""

    def call(*arguments: object) -> Done:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Done(code, *capsys.readouterr())

    return call


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A session of the older library at level Emergency, with 25 files to reclaim."""
    return company(tmp_path, "962302", "old")


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A root of three companies: Critical, Emergency, and Emergency but stopped for 20 days."""
    root = tmp_path / "sessions"
    mended(company(root, "1", "orphan"))
    company(root, "2", "old")
    company(root, "10", "stopped")
    return root

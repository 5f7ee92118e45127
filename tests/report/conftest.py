"""What the tests of reports share."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from baileys_janitor.volume.scanning import credentials
from tests.cli.conftest import Run, run
from tests.cli.sessions import STEERING, company
from tests.report.browser import Browser, find
from tests.report.fleets import Past, watched, write_past

__all__ = ["Run", "run"]


@pytest.fixture(autouse=True)
def _nothing_steers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in os.environ:
        if variable.startswith(STEERING):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state-of-nobody"))
    monkeypatch.setattr(credentials, "PAUSES_SECONDS", (0.0, 0.0))


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root of sessions of all kinds, most with a past; nobody writes into it."""
    root = tmp_path_factory.mktemp("report") / "sessions"
    now = time.time()
    for name, scenario in (
        ("acme", "orphan"),
        ("962302", "old"),
        ("4915112345678", "six"),
        ("broken", "corrupt"),
        ("new", "unpaired"),
        ("<img src=x onerror=alert(1)>\u202e\n|", "prekeys"),
    ):
        company(root, name, scenario)
    write_past(root / "company_acme", watched(), now)
    past = [Past(20, "CommandLine", 190, 176), Past(2, "Trigger", 191, 178)]
    write_past(root / "company_962302", past, now)
    undone = [Past(9, "Daily", 185, 170, undone=True), Past(1, "Daily", 190, 189)]
    write_past(root / "company_4915112345678", undone, now)
    return root


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = find()
    if program is None:
        pytest.skip("no browser: `make .tools/browser/chromium` unpacks one (Debian)")
    with Browser(program) as started:
        yield started

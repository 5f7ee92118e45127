"""A scan counts genuine directories as an independent count does, and names their level."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real import sessions
from tests.real.directory import counted, janitor, snapshot

LEVELS = {
    "healthy": "Healthy",
    "warning": "Warning",
    "critical": "Critical",
    "emergency": "Emergency",
    "stopped": "Emergency",
    "awake": "Emergency",
    "corrupt": "Unknown",
    "unpaired": "Emergency",
    "prekeys": "Healthy",
    "old": "Emergency",
    "six": "Emergency",
    "orphan": "Critical",
}

IDENTITIES = {"corrupt": "Corrupt", "unpaired": "Unpaired"}


@pytest.mark.parametrize("scenario", LEVELS)
def test_a_scan_tells_size_level_and_identity(scenario: str, tmp_path: Path) -> None:
    session = sessions.unpack(scenario, tmp_path / "session")
    files = snapshot(session)

    [found] = janitor("scan", session)["directories"]

    assert (found["total"], found["counted"]) == (len(files), counted(files))
    assert found["level"] == LEVELS[scenario]
    assert found["identity"] == IDENTITIES.get(scenario, "Paired")
    assert snapshot(session) == files

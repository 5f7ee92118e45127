"""What the library writes when it logs in and nobody sends anything: the rule of running time rests on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from baileys_janitor.policy.files.file_kinds import ACTIVITY_KINDS, classify
from tests.real import sessions

OWN_LID = "240000000000000:7@lid"


@pytest.mark.parametrize(
    ("library", "scenario", "allowed"),
    [
        ("rc14", "healthy", {"creds", "deviceList", "preKey"}),
        ("6.7", "old", {"creds"}),
    ],
)
@pytest.mark.usefixtures("node")
def test_a_login_alone_is_no_traffic(
    library: str, scenario: str, allowed: set[str], tmp_path: Path
) -> None:
    session = sessions.unpack(scenario, tmp_path / "session")

    found = sessions.login(session, OWN_LID, library)

    assert found["passed"]
    written = {classify(name)[0] for name in found["written"]}
    assert "creds" in written
    assert written <= allowed
    assert not written & ACTIVITY_KINDS

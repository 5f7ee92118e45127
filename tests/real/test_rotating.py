"""A rotated session is nobody's to the real library: it asks for a pairing. A rolled-back one is what it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from baileys_janitor.policy.files.file_kinds import classify
from baileys_janitor.policy.files.identity import read_identity
from tests.real import sessions
from tests.real.directory import snapshot
from tests.volume.rotations import roll_back, rotate

SCENARIOS = ("healthy", "old", "six") if sessions.ALL_CHECKS else ("healthy",)
NOTES = "notes.txt"


def some_keys(names: set[str]) -> list[tuple[str, str]]:
    """A few keys of the old pairing, as the library asks for them."""
    kinds = {"session": "session", "preKey": "pre-key", "senderKeyMemory": "sender-key-memory"}
    found = [(kinds.get(classify(name)[0]), classify(name)[1]) for name in sorted(names)]
    return [(kind, ident) for kind, ident in found if kind is not None][::7]


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.usefixtures("node")
def test_a_rotated_directory_pairs_anew_and_a_rolled_back_one_is_what_it_was(
    scenario: str, tmp_path: Path
) -> None:
    session, peers = tmp_path / "session", tmp_path / "peers"
    sessions.unpack(scenario, session, peers=peers)
    (session / NOTES).write_text("of a person's own")
    before = snapshot(session)
    identity = read_identity((session / "creds.json").read_bytes())
    address = json.loads((peers / "world.json").read_text())["tenant"]["address"]
    others = some_keys(set(before))
    mappings = sum(name.startswith("lid-mapping-") for name in before)

    assert rotate(session).outcome == "Completed"
    kept = snapshot(session)
    assert kept == {
        name: file for name, file in before.items() if name.startswith(("lid-mapping-", NOTES))
    }

    anew = shutil.copytree(session, tmp_path / "anew", copy_function=shutil.copy2)
    begun = sessions.begin(anew, pair=True, address=address, others=others)
    assert begun["passed"]
    assert (begun["fresh"], begun["asked"], begun["paired"]) == (True, True, True)
    assert (begun["mappings"], begun["keys"]) == (mappings, 0)
    paired = read_identity((anew / "creds.json").read_bytes())
    assert paired.state == "Paired"
    assert paired.fingerprint != identity.fingerprint
    assert (anew / NOTES).read_text() == "of a person's own"
    assert roll_back(anew).code == "PairedSince"

    waiting = sessions.begin(session)  # shows its QR code, and nobody scans it
    assert (waiting["passed"], waiting["paired"]) == (True, False)
    assert roll_back(session).outcome == "Completed"
    assert snapshot(session) == before
    assert sessions.login(session, f"{address.get('lid') or address.get('ownLid')}:7@lid", "rc14")[
        "passed"
    ]
    report = sessions.check(session, peers)
    assert [each["name"] for each in report["properties"] if not each["passed"]] == []

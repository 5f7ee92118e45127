"""A session that was made unreadable works again after its repair, and every other chat is as it was: the real
library says so."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.real import sessions
from tests.real.directory import Written, snapshot

#: A contact with two devices, and the authors of two keys in the tenant's group, by their places in the fixture.
CONTACT, AUTHOR = 0, 1
TALK = ["ownDevices", "sessions", "ownGroups", "memberGroups"]
SCENARIOS = ("healthy", "six") if sessions.ALL_CHECKS else ("healthy",)


class Patient:
    """A session of the real library with three ills, each of another kind."""

    def __init__(self, scenario: str, room: Path) -> None:
        self.session, self.peers = room / "session", room / "peers"
        sessions.unpack(scenario, self.session, peers=self.peers)
        world = json.loads((self.peers / "world.json").read_text())
        self.phone = world["contacts"][CONTACT]["pn"]
        self.group = world["groups"][0]["id"]
        author = world["contacts"][AUTHOR]
        self.author = author["pn"]
        self.theirs = self._named("session-", world["contacts"][CONTACT])
        self.authors = self._named(f"sender-key-{self.group}--", author)
        own = world["tenant"]["address"]
        own = {**own, "lid": own.get("ownLid") or own.get("lid")}
        self.own = self._named(f"sender-key-{self.group}--", own)

    def _named(self, prefix: str, person: dict[str, Any]) -> set[str]:
        users = [person["pn"], f"{person['lid']}_1" if person.get("lid") else person["pn"]]
        names = [each.name for each in self.session.iterdir()]
        return {
            name
            for name in names
            for user in users
            if name.startswith((f"{prefix}{user}.", f"{prefix}{user}--"))
        }

    def fall_ill(self) -> None:
        """Give the contact's sessions and an author's key another past, and lose the own key but not its memory."""
        assert self.theirs
        assert self.authors
        assert self.own
        for name in self.theirs:
            record = json.loads((self.session / name).read_text())
            for found in record["_sessions"].values():
                found["currentRatchet"]["rootKey"] = _another(found["currentRatchet"]["rootKey"])
                for chain in found["_chains"].values():
                    chain["chainKey"]["key"] = _another(
                        chain["chainKey"].get("key", "A" * 43 + "=")
                    )
            (self.session / name).write_text(json.dumps(record))
        for name in self.authors:
            wrapped = json.loads((self.session / name).read_text())
            states = json.loads(base64.b64decode(wrapped["data"]))
            for state in states:
                state["senderChainKey"]["seed"]["data"] = [7] * 32
                state["senderMessageKeys"] = []
            wrapped["data"] = base64.b64encode(json.dumps(states).encode()).decode()
            (self.session / name).write_text(json.dumps(wrapped))
        for name in self.own:
            (self.session / name).unlink()

    def talk(self, *facts: str) -> dict[str, dict[str, Any]]:
        report = sessions.check(self.session, self.peers, only=[*TALK, *facts])
        return {each["name"]: each for each in report["properties"]}

    def repair(self, *options: str, number: str | None = None) -> int:
        """Run the command line as a person does; how many files moved."""
        words = [sys.executable, "-m", "baileys_janitor", "repair", str(self.session), *options]
        words += ["--apply", "--stopped", "-o", "json", *(["--contact", "-"] if number else [])]
        done = subprocess.run(words, input=number or "", capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        removed: int = json.loads(done.stdout)["directories"][0]["removed"]
        return removed


def _another(key: str) -> str:
    """Another key of the same form."""
    return base64.b64encode(bytes(each ^ 1 for each in base64.b64decode(key))).decode()


def others(files: dict[str, Written], *moved: set[str]) -> dict[str, Written]:
    return {name: file for name, file in files.items() if name not in set().union(*moved)}


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.usefixtures("node")
def test_what_was_unreadable_is_read_again_in_both_directions(
    scenario: str, tmp_path: Path
) -> None:
    patient = Patient(scenario, tmp_path)
    patient.fall_ill()
    before = snapshot(patient.session)
    ill = patient.talk()
    sessions_ = ill["sessions"]
    assert sessions_["kept"] - sessions_["exchanging"] == len(patient.theirs)
    assert ill["ownGroups"]["groups"] - ill["ownGroups"]["readable"] == 1
    assert ill["memberGroups"]["kept"] - ill["memberGroups"]["readable"] == 1

    assert patient.repair(number=f"+{patient.phone}\n") == len(patient.theirs)
    assert patient.repair("--group", patient.group) == 1, "the memory, whose key was lost"
    author = patient.repair("--group", patient.group, number=patient.author)
    assert author == len(patient.authors)

    memory = {f"sender-key-memory-{patient.group}.json"}
    after = snapshot(patient.session)
    assert after == others(before, patient.theirs, patient.authors, memory)
    well = patient.talk("cachedSession")
    assert [name for name, found in well.items() if not found["passed"]] == []
    assert well["sessions"]["healed"] == len(patient.theirs)
    assert well["memberGroups"]["healed"] == 1
    cached = well["cachedSession"]
    assert (cached["back"], cached["same"]) == (True, True), "a process that runs writes it back"
    assert (cached["known"], cached["anew"]) == (False, True), "one that starts builds a new one"

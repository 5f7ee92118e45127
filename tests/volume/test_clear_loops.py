"""A bot's own "clear session" and logout loops work after a cleanup as before it, and in the midst of one."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.volume import faults
from tests.volume.directories import build, scratch
from tests.volume.faults import DUE, FEW, Fault
from tests.volume.interference import purge, undo

NODE = shutil.which("node")
#: As many bots have it: every name but creds.json, or all of them and the directory; it stops at an error.
LOOP = """
const fs = require('fs'), [directory, logout] = process.argv.slice(1);
for (const name of fs.readdirSync(directory))
  if (logout || name !== 'creds.json') fs.unlinkSync(directory + '/' + name);
if (logout) fs.rmdirSync(directory);
"""


def clear(path: Path) -> None:
    """Unlink every name but creds.json, one after another, and stop at an error."""
    for name in os.listdir(path):
        if name != "creds.json":
            os.unlink(path / name)


def log_out(path: Path) -> None:
    """Unlink every name, then the directory."""
    for name in os.listdir(path):
        os.unlink(path / name)
    os.rmdir(path)


def cleaned(path: Path) -> Path:
    build(path, FEW)
    assert faults.clean(path, "r1").removed == len(DUE)
    return path


@pytest.mark.parametrize("after", ["a clean", "an undo", "a purge", "a kill"])
def test_the_loop_meets_nothing_that_it_cannot_remove(room: Path, after: str) -> None:
    for number, loop in enumerate((clear, log_out)):
        session = cleaned(room / f"session{number}")
        if after == "an undo":
            undo(session)
        elif after == "a purge":
            purge(session)
        elif after == "a kill":
            undo(session)
            faults.clean(session, "r2", Fault(75, None))
            assert (session / ".cleanup.lock").exists()
        loop(session)
        assert not session.exists() or os.listdir(session) == ["creds.json"]


@pytest.mark.skipif(NODE is None, reason="needs Node.js")
@pytest.mark.parametrize("logout", ["", "logout"])
def test_the_same_with_the_real_thing(room: Path, logout: str) -> None:
    session = cleaned(room / "session")
    command = [str(NODE), "-e", LOOP, str(session), logout]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert not session.exists() or os.listdir(session) == ["creds.json"]


class InTheMidst(Fault):
    """Nothing fails, but somebody else acts just before a call."""

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        super().__init__(step, None)
        self._act = act
        self._acting = False

    def strikes(self) -> bool:
        if not self._acting:
            self.seen += 1
            if self.seen == self.step:
                self._acting = True
                self._act()
                self._acting = False
        return False


ACTS: dict[str, Callable[[Path, Fault], object]] = {
    "clean": lambda path, fault: faults.clean(path, "r2", fault),
    "undo": lambda path, fault: faults.undo(path, "r1", fault),
    "purge": lambda path, fault: faults.purge(path, fault),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("loop", [clear, log_out])
def test_what_was_cleared_in_the_midst_is_not_made_anew(
    act: str, loop: Callable[[Path], None]
) -> None:
    """The janitor stops, and leaves neither a file of the session nor one of its own."""
    with scratch() as room:
        path = room / "session"
        for step in itertools.count(1):
            cleaned(path)
            if act == "clean":  # something to remove once more
                undo(path)
            fault = InTheMidst(step, lambda: loop(path))
            result = ACTS[act](path, fault)
            if not fault.struck:
                break
            left = set(os.listdir(path)) if path.exists() else set()
            # What was cleared before the journal was read is an ordinary directory, and is remembered.
            outcome = getattr(result, "outcome", None)
            made = {".janitor~activity"} if outcome == "NothingToDo" else set()
            assert left <= {"creds.json", ".janitor~journal", *made}, (fault.step, left)
            shutil.rmtree(path, ignore_errors=True)
        assert step > 15

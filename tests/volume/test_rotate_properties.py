"""Whatever is done to a directory in whatever order: nothing of a session is lost, and no process finds half of one."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import baileys_janitor.volume.rotation.rollback
import baileys_janitor.volume.rotation.rotate  # noqa: F401  # imported before the children are made
from baileys_janitor.policy.files.file_kinds import PAIRING_KINDS, classify
from tests.running_time import remember
from tests.volume.directories import NOW, build, credentials, held, scratch, write
from tests.volume.interference import clean
from tests.volume.rotations import UNPAIRED, roll_back, rotate
from tests.volume.test_kill import survives
from tests.volume.test_rotate_kills import FEW

ACTS = st.one_of(
    st.sampled_from(["rotate", "roll back", "clean", "begin", "pair"]),
    st.tuples(st.sampled_from(["rotate", "roll back"]), st.integers(1, 45)),
)


class Directory:
    """A directory with the sessions that were paired there, each with what belonged to it."""

    def __init__(self, room: Path) -> None:
        self.path = remember(build(room / "session", FEW), NOW)
        self.sessions = [self.of_pairing()]
        self.runs = 0

    def of_pairing(self) -> dict[str, bytes]:
        """The files of a pairing that lie in their places."""
        here = held(self.path).items()
        return {name: data for name, data in here if classify(name)[0] in PAIRING_KINDS}

    def everything(self) -> set[bytes]:
        """What is in any file, the janitor's own included."""
        return {each.read_bytes() for each in self.path.iterdir()}

    def act(self, what: str, step: int | None) -> None:
        if what == "rotate":
            self.runs += 1
            run = f"r{self.runs}"
            self.killed_or(lambda: rotate(self.path, run), step)
        elif what == "roll back":
            self.killed_or(lambda: roll_back(self.path), step)
        elif what == "clean":
            clean(self.path, f"c{self.runs}")
        elif held(self.path).get("creds.json", UNPAIRED) == UNPAIRED:
            self.begin(paired=what == "pair")

    def killed_or(self, act: object, step: int | None) -> None:
        assert callable(act)
        if step is None:
            act()
        elif not survives(act, step):
            (self.path / ".cleanup.lock").unlink(missing_ok=True)

    def begin(self, *, paired: bool) -> None:
        """A process starts where it finds no credentials, and somebody pairs it or not."""
        if not paired:
            write(self.path / "creds.json", UNPAIRED, NOW)
            return
        key = f"N{len(self.sessions)}"
        write(self.path / "creds.json", credentials(key), NOW)
        write(self.path / f"session-{key[1:]}99.0.json", key.encode(), NOW)
        left = self.of_pairing().keys() - {"creds.json", f"session-{key[1:]}99.0.json"}
        self.sessions.append(
            {
                "creds.json": credentials(key),
                f"session-{key[1:]}99.0.json": key.encode(),
            }
        )
        clean(self.path, f"p{len(self.sessions)}")  # whatever a kill left is looked after
        assert not left & held(self.path).keys(), "nothing of an old pairing stays beside a new one"


@settings(max_examples=40, deadline=None)
@given(st.lists(ACTS, min_size=2, max_size=8))
def test_whatever_happens_a_session_is_whole_or_out_of_the_way(
    acts: list[str | tuple[str, int]],
) -> None:
    with scratch() as room:
        directory = Directory(room)
        for each in acts:
            what, step = each if isinstance(each, tuple) else (each, None)
            directory.act(what, step)
            here = directory.of_pairing()
            creds = here.get("creds.json", UNPAIRED)
            if creds != UNPAIRED:
                assert here in directory.sessions, "credentials stand beside all that is theirs"
            everything = directory.everything()
            for session in directory.sessions:
                assert set(session.values()) <= everything, "nothing is lost"

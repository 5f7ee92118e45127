"""Whatever bots, operators, clocks and kills do in whatever order, the flat state keeps its promises."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from baileys_janitor.policy.files.file_kinds import REMOVABLE_KINDS, classify
from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume import operations as sessions
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.scanning.activity import Known
from tests.running_time import always_running
from tests.volume.directories import (
    DAY,
    HOUR,
    NOW,
    credentials,
    memory,
    opened,
    own_key,
    scratch,
)
from tests.volume.directories import held as held_in
from tests.volume.faults import Fault, failing

OLD = 30 * DAY
FRESH = 14 * 60
SESSIONS = [f"session-22{number:02}.0.json" for number in range(4)]
KEYS = ["sender-key-120363000000000001@g.us--3301_1--0.json", own_key()]
NAMES = [*SESSIONS, *KEYS, memory()]
STAYS = ["lid-mapping-2201.json", "session-1100.4.json", "notes.txt"]
ALIVE = "session-2299.0.json"


def in_trash(path: Path) -> set[bytes]:
    """What lies in the trash; several runs can hold a file of one name."""
    return {each.read_bytes() for each in path.glob(".janitor~run~*")}


class Bot:
    """A session directory, whoever writes there, and what is known of each content.

    Every write has a content of its own, so that each can be followed. `identities` says under which
    pairing a content was written or removed, `late` holds by name what was written after its removal and may not be
    lost, `now` is everybody's clock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.now = NOW
        self.pairing = 0
        self.writes = 0
        self.runs: list[str] = []
        self.tracked: set[str] = set()
        self.identities: dict[bytes, int] = {}
        self.written: dict[str, tuple[float, bytes]] = {}
        self.late: dict[str, bytes] = {}
        self.pair()
        for name in (*NAMES, *STAYS):
            self.write(name, OLD)

    # The bot

    def pair(self) -> None:
        self.pairing += 1
        (self.path / "creds.json").write_bytes(credentials(f"KEY{self.pairing}"))
        self._lose_track()

    def write(self, name: str, age: float) -> None:
        """Write as the library does: open with truncation, write, close."""
        data = self._content()
        self._write_at(self.path / name, data, age)
        self.written[name] = (self.now - age, data)
        self.late.pop(name, None)
        if name == own_key():  # another key: what the old memory file says of it is no longer true
            self.late.pop(memory(), None)

    def write_late(self, name: str) -> None:
        """Write through a descriptor that was opened before the file was removed."""
        found = sorted(self.path.glob(f".janitor~run~*~{name}"))
        if len(found) != 1 or found[0].name.split("~")[2] not in self.tracked:
            return
        data = self._content()
        self._write_at(found[0], data, 0)
        if name != memory() and not (self.path / name).exists():
            self.late[name] = data

    def unlink(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)
        self.written.pop(name, None)
        self.late.pop(name, None)

    def clear(self) -> None:
        for name in os.listdir(self.path):
            if name != "creds.json":
                (self.path / name).unlink()
        self._lose_track()
        self.written.clear()

    def copy(self) -> None:
        """The volume is copied or restored: other inodes."""
        copy = self.path.with_name(f"{self.path.name}-copy")
        shutil.copytree(self.path, copy, copy_function=shutil.copy2)
        shutil.rmtree(self.path)
        self.path = copy
        self._lose_track()

    def lose(self, what: str) -> None:
        """Somebody removes plans, or the journal."""
        for path in self.path.glob(f".janitor~{what}*"):
            path.unlink()
        self._lose_track()

    def jump(self, seconds: float) -> None:
        self.now += seconds

    def _content(self) -> bytes:
        self.writes += 1
        data = b"write %d" % self.writes
        self.identities[data] = self.pairing
        return data

    def _write_at(self, path: Path, data: bytes, age: float) -> None:
        # A write changes the time: two of one size at one moment cannot be told apart by anybody.
        at = int((self.now - age) * 1e9) + self.writes
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(file, data)
        os.utime(file, ns=(at, at))
        os.close(file)

    def _lose_track(self) -> None:
        """From here on nobody can tell what lies in the trash now."""
        self.tracked.clear()
        self.late.clear()

    # The janitor

    def clean(self, window: float, kill: int, emergency: bool) -> None:
        self.write(ALIVE, 0)
        run = f"r{len(self.runs)}"
        self.runs.append(run)
        self.tracked.add(run)

        def act(directory: int) -> CleanResult:
            return sessions.clean(
                directory,
                DEFAULTS,
                run=run,
                now=self.now,
                emergency=emergency,
                known=Known(always_running(self.now)),
                undo_window=window,
            )

        self._watched(act, kill, keeps=window > 0)

    def undo(self, number: int, kill: int) -> None:
        run = self.runs[number % len(self.runs)] if self.runs and number else None
        self._watched(
            lambda directory: sessions.undo(directory, run, now=self.now), kill, keeps=True
        )

    def purge(self, window: float, kill: int) -> None:
        self._watched(
            lambda directory: sessions.purge(directory, now=self.now, undo_window=window),
            kill,
            keeps=False,
        )

    def _watched(self, act: Callable[[int], Any], kill: int, *, keeps: bool) -> None:
        before, trash = held_in(self.path), in_trash(self.path)
        with opened(self.path) as directory, failing(Fault(kill, None) if kill else None):
            event(act(directory).outcome)
        after = held_in(self.path)
        self._nothing_new_of_another_identity(before, after, trash)
        self._only_what_may_go(before, after, keeps)
        self._what_was_written_late_is_there(after)

    def _nothing_new_of_another_identity(
        self, before: dict[str, bytes], after: dict[str, bytes], trash: set[bytes]
    ) -> None:
        for name, data in after.items():
            if name in before:
                assert data == before[name]  # nothing is ever replaced
            else:
                assert data in trash or data in before.values()
                assert self.identities[data] == self.pairing
        parted = memory() in before and own_key() not in before
        assert parted or memory() not in after or own_key() in after

    def _only_what_may_go(
        self, before: dict[str, bytes], after: dict[str, bytes], keeps: bool
    ) -> None:
        there = in_trash(self.path)
        for name in before.keys() - after.keys():
            self.identities[before[name]] = self.pairing  # whose run has taken it
            assert classify(name)[0] in REMOVABLE_KINDS
            assert name not in STAYS
            assert not keeps or before[name] in there
            at, data = self.written.get(name, (0.0, b""))
            assert data != before[name] or not 0 <= self.now - at < FRESH

    def _what_was_written_late_is_there(self, after: dict[str, bytes]) -> None:
        everything = {*after.values(), *in_trash(self.path)}
        for data in self.late.values():
            assert data in everything


names = st.sampled_from(NAMES)
windows = st.sampled_from([0.0, 2.0 * HOUR, 86_400.0, 86_400.0])
kills = st.one_of(st.just(0), st.just(0), st.integers(1, 170))
Act = Callable[[Bot], None]


def acts(
    name: str, *arguments: st.SearchStrategy[Any]
) -> st.SearchStrategy[tuple[str, tuple[Any, ...]]]:
    return st.tuples(st.just(name), st.tuples(*arguments))


steps = st.one_of(
    acts("clean", windows, kills, st.booleans()),
    acts("clean", st.just(86_400.0), st.just(0), st.just(False)),
    acts("undo", st.integers(0, 3), kills),
    acts("purge", windows, kills),
    acts("write", names, st.sampled_from([0.0, OLD, OLD, 10.0 * DAY])),
    acts("write_late", names),
    acts("unlink", names),
    acts("clear"),
    acts("copy"),
    acts("pair"),
    acts("lose", st.sampled_from(["plan", "journal"])),
    acts(
        "jump", st.sampled_from([60.0, HOUR, 3.0 * HOUR, DAY, OLD, -HOUR, -3.0 * HOUR, -DAY, -OLD])
    ),
)


@settings(
    max_examples=int(os.environ.get("FUZZ", "75")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(steps, min_size=2, max_size=14))
def test_in_whatever_order(order: list[tuple[str, tuple[Any, ...]]]) -> None:
    with scratch() as room:
        bot = Bot(room / "session")
        bot.clean(86_400.0, 0, False)
        for name, arguments in order:
            getattr(bot, name)(*arguments)

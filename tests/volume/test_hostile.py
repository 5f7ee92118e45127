"""Whoever may write one volume can put anything there: it costs nobody else anything, and never for long."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume import operations as sessions
from baileys_janitor.volume.files.run_plan import Planned, plan_bytes
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.report.codec import RUN, RUN_DETAIL
from baileys_janitor.volume.report.codec_fields import base36
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.runs import journal as journals
from baileys_janitor.volume.runs.journal import Journal
from tests.calls import Calls
from tests.volume import faults
from tests.volume.directories import (
    DAY,
    DUE,
    FILES,
    NOW,
    build,
    content,
    held,
    in_trash,
    opened,
)
from tests.volume.faults import FEW
from tests.volume.forging import KINDS, append, begin, end, finished_run, plan
from tests.volume.interference import clean, purge, scan, undo

ALL = {name: content(name) for name in FILES}
KEPT = {name: data for name, data in ALL.items() if name not in DUE}
OUTCOMES = {"Completed", "Capped", "NothingToDo", "Refused", "Repeated", "Failed", None}
#: Names of every form that the janitor reads or makes, beside a run in the trash.
NAMES = [
    ".janitor~journal",
    ".janitor~activity",
    ".janitor~key",
    ".janitor~creds~20251127104000000042",
    ".janitor~plan~r1",
    ".janitor~plan~r2",
    ".janitor~plan~old",
    ".janitor~run~old~session-2220.0.json",
    ".janitor~run~old~session-7777.0.json",
    ".janitor~run~r2~session-2220.0.json",
    ".janitor~new~journal",
    ".janitor~new~probe-1",
    ".janitor~new~probe-2",
    ".janitor~new~lock-0123456789ab",
    ".cleanup.lock",
    ".janitor",
    "creds.json",
    "session-2220.0.json",
]
SECONDS = 60.0


def device(path: Path) -> None:
    """Make an endless device."""
    if os.geteuid() != 0:
        pytest.skip("making devices needs root")
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))


@pytest.mark.parametrize("kind", [*KINDS, "a device"])
def test_whatever_bears_one_of_our_names_costs_neither_time_nor_others(
    room: Path, kind: str
) -> None:
    if "another user" in kind:
        need_root()
    make = KINDS.get(kind, device)
    outside = build(room / "another", {"creds.json": 60.0, "session-2220.0.json": 20 * DAY})
    before = held(outside)
    for number, name in enumerate(NAMES):
        session = build(room / f"session{number}", FEW)
        finished_run(session, "old", ["session-9.0.json"])
        if os.path.lexists(session / name):
            (session / name).unlink()
        make(session / name)
        for act in ACTIONS:
            started = time.monotonic()
            assert getattr(act(session), "outcome", None) in OUTCOMES, name
            assert time.monotonic() - started < SECONDS, name
        for each in faults.KEPT.keys() - {name}:
            assert (session / each).read_bytes() == content(each), (name, each)
    assert held(outside) == before


ACTIONS: tuple[Callable[[Path], object], ...] = (
    scan,
    lambda path: faults.clean(path, "r1"),
    lambda path: undo(path, "old"),
    lambda path: undo(path, "r1"),
    purge,
)


def need_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("giving files away needs root")


@pytest.mark.parametrize("name", ["journal", "plan~old"])
def test_a_file_that_claims_a_terabyte_is_not_read(
    session: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    finished_run(session, "old", ["session-9.0.json"])
    (session / f".janitor~{name}").unlink()
    KINDS["a huge file"](session / f".janitor~{name}")
    read: list[int] = []
    real = os.read
    monkeypatch.setattr(
        os, "read", lambda file, size: (data := real(file, size), read.append(len(data)))[0]
    )
    clean(session)
    undo(session, "old")
    purge(session)
    assert sum(read) < 16 << 20


# Paths in plans


OUTSIDE = [
    "loot/creds.json",
    "loot/session-2220.0.json",
    "../another/creds.json",
    "../another/session-2220.0.json",
    "/etc/passwd",
    "..",
    ".",
    "",
    "session-1.0.json/../../another/creds.json",
    "session-1.0.json\0../another/creds.json",
    "session-../../another/session-2220.0.json",
    os.fsdecode(b"session-\xff.0.json"),
    "session-" + "1" * 300 + ".0.json",
]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("ended", [True, False])
def test_no_name_in_a_plan_leads_out_of_the_directory(room: Path, name: str, ended: bool) -> None:
    victim = build(room / "another", {"creds.json": 60.0, "session-2220.0.json": 20 * DAY})
    session = build(room / "session")
    (session / "loot").mkdir()
    for target in ("loot", "loot2"):
        (session / f".janitor~run~evil~{target}").symlink_to(victim)
    found = (victim / "creds.json").stat()
    files = [
        Planned(name, 0, found.st_ino, found.st_mtime_ns - 1, found.st_size),
        Planned("session-1.0.json", 1, found.st_ino, found.st_mtime_ns - 1, found.st_size),
    ]
    plan(session, "evil", files, NOW - 60)
    in_trash(session, "session-1.0.json", "evil").symlink_to(victim / "creds.json")
    begin(session, "evil", now=NOW - 60)
    if ended:
        end(session, "evil", NOW - 60)
    before, mine = held(victim), held(session)
    clean(session)
    undo(session, "evil")
    undo(session)
    purge(session)
    assert held(victim) == before
    assert held(session) == mine
    assert list((session / "loot").iterdir()) == []


# Forged journals


def test_any_number_of_begins_costs_a_bounded_time_and_is_forgotten(session: Path) -> None:
    lines = [
        journals._line("begin", int(NOW) - 5 * DAY, f"{number:x},,") for number in range(40_000)
    ]
    (session / ".janitor~journal").write_bytes(b"\n" * (7 << 20) + "".join(lines).encode())
    with Calls() as made:
        result = clean(session)
    assert 40_000 < made.count < 100 * 40_000
    assert (result.outcome, result.removed, result.recovered) == ("Completed", len(DUE), 200)
    assert (session / ".janitor~journal").stat().st_size < 1 << 20
    assert undo(session).restored == len(DUE)


IMPOSSIBLE = {
    "outcome": ["Splendid", ""],
    "code": ["\x1b[31m", "x" * 50],
    "time": ["-zzzzzzzzzzzzzz", "1_0"],
    "removed": ["-1", base36(200_001), base36(36**5 - 1), "z" * 900, "", "+1", " 1"],
    "left": ["-5"],
    "before": [base36(10**9)],
    "after": ["-1"],
    "freed_bytes": ["-1", "z" * 13],
    "duration_ms": ["-1", "z" * 13],
    "recovered": [base36(10**7)],
    "in_trash": ["-3"],
    "purged_early": [base36(10**9)],
    "returned": ["-1"],
    "removed_by_kind": ["/".join(["-1"] * 11), "1/2", "/" * 900],
    "kept": ["InUse=-7", "InUse=zzzzz", "\x1b[7mX=1", "InUse", "=1", "X=1=2"],
}


@pytest.mark.parametrize("field", IMPOSSIBLE)
def test_an_end_with_impossible_values_is_none(session: Path, field: str) -> None:
    result = CleanResult("evil", "Completed", time=int(NOW), removed=3, kept={"InUse": 2})
    groups = [group.split(",") for group in journals.clean_groups(result, int(NOW))[:2]]
    fields = [[name for name, _ in RUN], [name for name, _ in RUN_DETAIL]]
    begin(session, "evil")
    for text in IMPOSSIBLE[field]:
        forged = [list(group) for group in groups]
        for names, values in zip(fields, forged, strict=True):
            if field in names:
                values[names.index(field)] = text
        line = ";".join(",".join(values) for values in forged)
        append(session, journals._line("end", int(NOW), line))
    with opened(session) as directory:
        runs = Journal(directory, owners_of(directory)).runs
    assert runs["evil"].result is None


def test_an_end_with_a_look_at_the_directory_in_it_is_none(session: Path) -> None:
    """A real one has two groups; more would be believed as if this process had looked."""
    result = CleanResult("evil", "Completed", time=int(NOW), removed=3)
    result.scan = scan(session)
    groups = journals.clean_groups(result, int(NOW))
    assert len(groups) > 2
    append(session, journals._line("end", int(NOW), ";".join(groups)))
    assert clean(session, "evil").outcome == "Completed"


@pytest.mark.parametrize(
    "run", ["\x1b[31mred", "../../../etc", "[bold]x", "a\rb", "r" * 300, "R1", "ä", "a b", ""]
)
def test_a_run_id_of_another_form_is_never_known(session: Path, run: str) -> None:
    for what, fields in (
        ("begin", f"{run},\x1b[5mDaily,\x07ff"),
        ("undoing", run),
        ("purged", run),
    ):
        append(session, journals._line(what, int(NOW), fields))
    with opened(session) as directory:
        assert Journal(directory, owners_of(directory)).runs == {}


def test_what_a_journal_says_is_printable(session: Path) -> None:
    append(session, journals._line("begin", int(NOW), "evil,\x1b[5mDaily\x07,\x1b]0;x"))
    with opened(session) as directory:
        run = Journal(directory, owners_of(directory)).runs["evil"]
    assert (run.reason + run.fingerprint).isprintable()


# Stop and deadline


NUMBER = 300


def crowd(session: Path) -> None:
    """Many names of every form, and a journal full of runs that never were."""
    files = [Planned(f"session-{number}.0.json", number, number, 1, 1) for number in range(NUMBER)]
    data = plan_bytes(files, int(NOW) - 9 * DAY)
    for number in range(NUMBER):
        in_trash(session, f"session-{number}.0.json", f"x{number % 20}").touch()
        (session / f".janitor~new~y{number}").touch()
    for number in range(20):
        (session / f".janitor~plan~x{number}").write_bytes(data)
    lines = [journals._line("begin", int(NOW) - 9 * DAY, f"x{number},,") for number in range(1000)]
    (session / ".janitor~journal").write_text("".join(lines))


@pytest.mark.parametrize("act", ["scan", "clean", "undo", "purge"])
def test_a_run_that_is_asked_to_end_ends(room: Path, act: str) -> None:
    """Whatever there is much of: the question is asked again at every name, plan and run."""
    longest = 0
    for number, calls in enumerate((1, 2, 3, NUMBER // 2, 2 * NUMBER, 3 * NUMBER)):
        session = build(room / f"crowd{number}")
        crowd(session)
        asked: list[int] = []
        made = Calls()

        def stop(asked: list[int] = asked, calls: int = calls, made: Calls = made) -> str | None:
            asked.append(made.count)
            return "DeadlineReached" if len(asked) >= calls else None

        with made:
            result = ACTS[act](session, stop)
        if len(asked) >= calls:
            asked = asked[:calls]
            assert getattr(result, "code", None) == "DeadlineReached"
            assert not (session / ".cleanup.lock").exists()
        counts = [0, *asked, made.count]
        longest = max(longest, 0, *(after - before for before, after in pairwise(counts)))
        left = held(session)
        assert {name: left.get(name) for name in KEPT} == KEPT
    assert 0 < longest < 250_000


def _scan(path: Path, stop: Callable[[], str | None]) -> object:
    def tick() -> None:
        code = stop()
        if code is not None:
            raise sessions.VolumeProblem(code)

    with opened(path) as directory:
        try:
            return sessions.scan(directory, DEFAULTS, now=NOW, tick=tick)
        except sessions.VolumeProblem as problem:
            return problem


ACTS: dict[str, Callable[[Path, Callable[[], str | None]], object]] = {
    "scan": _scan,
    "clean": lambda path, stop: clean(path, stop=stop),
    "undo": lambda path, stop: undo(path, None, stop=stop),
    "purge": lambda path, stop: purge(path, stop=stop),
}

"""Every decoder that reads a volume takes any bytes: it never raises, and what it returns is bounded.

Bytes that are merely random end at a checksum. Most of these are therefore documents as the janitor or the
library writes them, changed in a few places and given a right checksum again, as a forger would.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baileys_janitor.job.result import Result, encode
from baileys_janitor.policy.files.file_kinds import CREDS, PAIRING_KINDS, REMOVABLE_KINDS, classify
from baileys_janitor.policy.files.identity import read_identity
from baileys_janitor.policy.rotation import MOST_FILES
from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.files import run_plan
from baileys_janitor.volume.files.rotation_record import parse_rotation
from baileys_janitor.volume.files.run_plan import (
    MAX_FILES,
    Planned,
    parse_plan,
    plan_bytes,
    read_head,
)
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.files.state_names import OwnNames, valid_run
from baileys_janitor.volume.report.codec import clean_groups
from baileys_janitor.volume.report.codec_fields import NUMBER_MAX
from baileys_janitor.volume.report.results import OUTCOMES
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.runs import journal as journals
from baileys_janitor.volume.runs.journal import Journal
from baileys_janitor.volume.runs.lock import acquire
from tests.volume import faults
from tests.volume.directories import NOW, build, content, credentials, opened, scratch
from tests.volume.faults import FEW, KEPT
from tests.volume.interference import purge, scan, undo

#: `FUZZ=20000` looks further.
EXAMPLES = int(os.environ.get("FUZZ", "60"))
fuzzed = settings(
    max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
PIECES = [
    b"",
    b"\0",
    b" ",
    b"\n",
    b",",
    b";",
    b"/",
    b"=",
    b"-",
    b"..",
    b"-1",
    b"+1",
    b"1_0",
    b"9" * 19,
    b"9" * 21,
    b"z" * 13,
    b"z" * 900,
    b"9" * 5000,
    b"\xff\xfe",
    b"\x1b[31m",
    "٣".encode(),
    b"NaN",
    b"null",
    b"[" * 2000,
    b"{}",
    b"creds.json",
    b"../x",
]
pieces = st.one_of(st.sampled_from(PIECES), st.binary(max_size=12))
#: Where to cut (in thousandths of the length), how much to drop, and what to put there.
changes = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 40), pieces), max_size=4)
Changes = list[tuple[int, int, bytes]]


def changed(data: bytes, edits: Changes) -> bytes:
    for place, drop, piece in edits:
        at = len(data) * place // 1000
        data = data[:at] + piece + data[at + drop :]
    return data


names = st.sampled_from(
    [*FEW, "session-1.0.json", "../session-1.0.json", "session-2.0.json/x", "pre-key-1.json", ""]
)
files = st.lists(
    st.builds(
        Planned,
        names,
        st.integers(-2, 5),
        st.integers(-1, 2**70),
        st.integers(-(2**70), 2**70),
        st.integers(-1, 2**70),
    ),
    max_size=6,
)
times = st.one_of(st.integers(-(10**25), 10**25), st.just(int(NOW)))


def plan_document(files: list[Planned], time: int, edits: Changes, checked: bool) -> bytes:
    data = changed(plan_bytes(files, time), edits)
    if not checked:
        return data
    body = data.rpartition(b"end ")[0] + b"end "
    return body + run_plan._check(body)


plans = st.one_of(
    st.binary(max_size=200), st.builds(plan_document, files, times, changes, st.booleans())
)


@fuzzed
@given(data=plans)
def test_a_plan(data: bytes) -> None:
    plan = parse_plan("r1", data)
    if plan is not None:
        assert len(plan.files) <= MAX_FILES
        for each in plan.files:
            assert classify(each.name)[0] in REMOVABLE_KINDS
            assert "/" not in each.name
            assert abs(each.mtime_ns) < 10**20
            assert min(each.unit, each.inode, each.size) >= 0


@fuzzed
@given(data=plans, at=times, until=times, edits=changes)
def test_the_record_of_a_rotation(data: bytes, at: int, until: int, edits: Changes) -> None:
    head = b"janitor-rotation 1 %d %d\n" % (at, until)
    for each in (head + data, changed(head, edits) + data, data):
        rotation = parse_rotation("r1", each)
        if rotation is not None:
            assert len(rotation.files) <= MOST_FILES
            assert max(rotation.time, rotation.until) < 10**12
            for file in rotation.files:
                assert classify(file.name)[0] in PAIRING_KINDS
                assert "/" not in file.name


def line(what: str, time: str, fields: str) -> str:
    rest = f"{what} {time} {fields}"
    return f"{journals.checksum(rest)} {rest}\n"


RESULT = CleanResult(
    "r1", "Completed", time=5, removed=3, removed_by_kind=[0] * 11, kept={"InUse": 4, "Fresh": 1}
)
FIELDS = [
    ("begin", "r1,Daily,0123456789abcdef"),
    ("end", ";".join(clean_groups(RESULT, 5)[:2])),
    ("end", ";".join(clean_groups(RESULT, 5))),
    ("undoing", "r1"),
    ("undone", "r1"),
    ("purged", "r1"),
]


def journal_line(known: tuple[str, str], time: str, edits: Changes) -> str:
    what, fields = known
    fields = changed(fields.encode(), edits).decode("utf-8", "replace").replace("\n", "")
    return line(what, time, fields)


texts = st.one_of(st.text(max_size=30), st.sampled_from(["a", "zzzzzzzz", "-zz", "zzzzzzzzz", "0"]))
lines = st.builds(journal_line, st.sampled_from(FIELDS), texts, changes)


def journal_document(lines: list[str], edits: Changes) -> bytes:
    return changed("".join(lines).encode("utf-8", "surrogatepass"), edits)


documents = st.builds(
    journal_document, st.lists(lines, max_size=12), st.one_of(st.just([]), changes)
)


@pytest.fixture(scope="module")
def room() -> Iterator[Path]:
    with scratch() as path:
        build(path, {"creds.json": 60.0})
        yield path


@fuzzed
@given(data=documents)
def test_a_journal(room: Path, data: bytes) -> None:
    (room / ".janitor~journal").write_bytes(data)
    with opened(room) as directory:
        journal = Journal(directory, owners_of(directory))
        for run in journal.runs.values():
            assert valid_run(run.run)
            assert (run.reason + run.fingerprint).isascii()
            assert abs(run.time) < 36**9
            check_result(run.result)
            if run.result is not None:
                encode(Result("clean", int(NOW), [run.result]))
        journal.prune(int(NOW), set())
        again = Journal(directory, owners_of(directory))
    assert {name: run.began for name, run in again.runs.items()} == {
        name: run.began for name, run in journal.runs.items()
    }


def check_result(result: CleanResult | None) -> None:
    if result is None:
        return
    assert result.outcome in OUTCOMES
    assert result.scan is None
    for number in (result.removed, result.left, result.in_trash, result.recovered):
        assert 0 <= number <= 200_000
    assert 0 <= result.freed_bytes <= NUMBER_MAX
    assert all(0 <= number <= 200_000 for number in (result.kept or {}).values())
    assert all(key.isascii() and key.isprintable() for key in result.kept or {})


@fuzzed
@given(edits=changes, data=st.one_of(st.none(), st.binary(max_size=300)))
def test_credentials(edits: Changes, data: bytes | None) -> None:
    more = {"nextPreKeyId": 1e308, "advSecretKey": ["x", {"deep": [[[]]]}]}
    identity = read_identity(changed(credentials(**more) if data is None else data, edits))
    assert identity.state in ("Paired", "Unpaired", "Corrupt", "TooLarge")
    assert identity.fingerprint.isascii()
    assert len(identity.fingerprint) <= 16


@fuzzed
@given(
    value=st.recursive(
        st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=8)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    key=st.sampled_from(
        [
            "me",
            "account",
            "signedIdentityKey",
            "registrationId",
            "nextPreKeyId",
            "firstUnuploadedPreKeyId",
        ]
    ),
    inside=st.sampled_from(["", "id", "lid", "public", "data"]),
)
def test_credentials_of_other_types(value: object, key: str, inside: str) -> None:
    creds = json.loads(credentials())
    creds[key] = {inside: value} if inside else value
    read_identity(json.dumps(creds).encode("utf-8", "surrogatepass"))


@fuzzed
@given(
    edits=changes,
    age=st.one_of(st.just(0.0), st.floats(-(2.0**40), 2.0**40), st.just(601.0)),
)
def test_a_lock(room: Path, edits: Changes, age: float) -> None:
    lock = room / ".cleanup.lock"
    boot = Path("/proc/sys/kernel/random/boot_id").read_bytes()
    lock.write_bytes(changed(b"baileys-janitor run r1\n2026-11-22T00:00:00Z\n" + boot, edits))
    now = lock.stat().st_mtime
    at = min(max(now - age, -(2.0**31)), 2.0**33)
    os.utime(lock, (at, at))
    with opened(room) as directory:
        code = ""
        try:
            acquire(directory, owners_of(directory), "test").release()
        except VolumeProblem as problem:
            code = problem.code
    assert code in ("", "Busy")
    assert not code or abs(age) <= 601
    lock.unlink(missing_ok=True)


@fuzzed
@given(
    name=st.one_of(
        st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1),
        st.builds(
            ".janitor~{}{}{}".format,
            st.sampled_from(
                ["plan~", "run~", "new~", "creds~", "journal", "activity", "key", "run~r1~"]
            ),
            st.text(max_size=40),
            st.sampled_from(["", "~", "~session-1.0.json", "~creds.json"]),
        ),
    )
)
def test_a_name(name: str) -> None:
    own = OwnNames()
    own.add(name)
    assert own.seen == 1
    known = own.trashed + len(own.plans) + len(own.temporary) + len(own.copies) + own.has_journal
    assert known + own.foreign + (name in (".janitor~activity", ".janitor~key")) == 1
    for run, originals in own.trash.items():
        assert valid_run(run)
        assert classify(originals[0])[0] in {*REMOVABLE_KINDS, CREDS}
        assert name == f".janitor~run~{run}~{originals[0]}"


@settings(fuzzed, max_examples=EXAMPLES // 6)
@given(
    plan=plans,
    head=plans,
    journal=documents,
    creds=st.one_of(st.none(), changes),
)
def test_a_whole_directory(plan: bytes, head: bytes, journal: bytes, creds: Changes | None) -> None:
    """Whatever lies there, each act returns, and nothing that must stay is touched."""
    with scratch() as path:
        build(path, FEW)
        for name in ("session-1.0.json", "session-2220.0.json", "pre-key-1.json"):
            (path / f".janitor~run~r1~{name}").write_bytes(b"x")
        (path / ".janitor~run~r2~session-1.0.json").write_bytes(b"x")
        (path / ".janitor~plan~r1").write_bytes(plan)
        (path / ".janitor~plan~r2").write_bytes(head)
        (path / ".janitor~journal").write_bytes(journal)
        if creds is not None:
            (path / "creds.json").write_bytes(changed(credentials(), creds))
        before = (path / "creds.json").read_bytes()
        with opened(path) as directory:
            for run in ("r1", "r2"):
                found = read_head(directory, run, owners_of(directory))
                assert found is None or found[0] < 10**20
        scan(path)
        undo(path, "r2")
        faults.clean(path, "r3")
        undo(path, None)
        purge(path, 86_400)
        purge(path)
        for name in KEPT.keys() - {"creds.json"}:
            assert (path / name).read_bytes() == content(name)
        assert (path / "creds.json").read_bytes() == before

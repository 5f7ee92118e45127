"""The Job of a repair: it reads whom it is about from a Secret's files, and says nothing of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.job.document import checksum
from baileys_janitor.job.encoder import LIMIT_BYTES
from baileys_janitor.job.repair.main import repaired
from baileys_janitor.job.repair.result import (
    MAGIC,
    BadResult,
    RepairFailure,
    RepairResult,
    decode,
    encode,
)
from baileys_janitor.job.repair.task import RepairTask
from baileys_janitor.job.task import BadTask
from baileys_janitor.policy.contact.codes import NOTES
from baileys_janitor.policy.files.file_kinds import KINDS
from tests.volume.directories import GROUP, held, trashed
from tests.volume.interference import undo
from tests.volume.test_repair import LID, OWN_UNIT, PHONE, THEIRS, furnish

RUN = "20261128-093500-ab12"
WRITTEN = "+44 7700 900123\n"
codes = st.sampled_from(["Busy", "NothingFound", "DeadlineReached"])
results = st.builds(
    RepairResult,
    run=st.just(RUN),
    outcome=st.sampled_from(["Completed", "NothingToDo", "DryRun", "Repeated", "Capped"]),
    code=st.one_of(st.just(""), codes),
    removed=st.dictionaries(st.sampled_from(KINDS), st.integers(0, 1 << 24)),
    kept=st.dictionaries(st.sampled_from(["Changed", "OtherOwner"]), st.integers(0, 1 << 24)),
    left=st.integers(0, 1 << 24),
    returned=st.integers(0, 1 << 24),
    purged_early=st.integers(0, 1 << 24),
    devices=st.integers(0, 1 << 24),
    authors=st.integers(0, 1 << 24),
    notes=st.lists(st.sampled_from(list(NOTES)), unique=True).map(tuple),
    ms=st.integers(0, 86_400_000),
)
HOSTILE = st.sampled_from(
    [
        *(None, True, -1, 1 << 60, 1.5, "", "x" * 2000, "\x1b[31m", [], {}, [[]], [["x"]], PHONE),
        *([[99, 1]], [[0, -1]], [[{}, 1]], [["lower", 1]], ["NoSuchNote"], "Completed", [[0, 1]]),
    ]
)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    furnish(tmp_path / "volume" / "acme")
    return tmp_path / "volume"


def named(where: Path, **files: str | bytes) -> str:
    """A directory with a Secret's files, which are links as the kubelet makes them."""
    data = where / "named" / "..data"
    data.mkdir(parents=True)
    for name, text in files.items():
        (data / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        (data.parent / name).symlink_to(f"..data/{name}")
    return str(data.parent)


def task(volume: Path, secret: str, *, dry_run: bool = False, path: str = "acme") -> RepairTask:
    return RepairTask(RUN, str(volume), path, secret, deadline=50, dry_run=dry_run)


def go_on() -> None:
    return None


def test_the_process_moves_the_files_and_tells_counts_alone(volume: Path, tmp_path: Path) -> None:
    secret, log = named(tmp_path, contact=WRITTEN), tmp_path / "log"
    before = held(volume / "acme")
    for dry_run in (True, False, False):
        done = subprocess.run(
            [sys.executable, "-m", "baileys_janitor", "repair-job",
             task(volume, secret, dry_run=dry_run).to_json()],
            env={**os.environ, "TERMINATION_LOG": str(log)},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        for secret_text in (PHONE, LID, "900123", RUN.replace(RUN, "session-")):
            assert secret_text not in log.read_text()
        result = decode(log.read_bytes())
        assert isinstance(result, RepairResult)
        if dry_run:
            assert (result.outcome, result.files) == ("DryRun", len(THEIRS))
            assert held(volume / "acme") == before
        assert trashed(volume / "acme").keys() == (set() if dry_run else THEIRS.keys())
    assert (result.outcome, result.code) == ("Repeated", "Completed"), "a run is carried out once"
    undo(volume / "acme", RUN)
    assert held(volume / "acme") == before


def test_a_group_alone_is_its_own_key(volume: Path, tmp_path: Path) -> None:
    result = repaired(task(volume, named(tmp_path, group=GROUP)), go_on)
    assert (result.outcome, result.files, result.devices) == ("Completed", len(OWN_UNIT), 0)
    assert trashed(volume / "acme").keys() == OWN_UNIT


@pytest.mark.parametrize(
    ("files", "path", "code"),
    [
        ({}, "acme", "ContactMissing"),
        ({"contact": " \n"}, "acme", "ContactMissing"),
        ({"contact": "alice"}, "acme", "ContactUnreadable"),
        ({"contact": f"{PHONE}\n{PHONE}"}, "acme", "ContactUnreadable"),
        ({"contact": b"\xff\xfe"}, "acme", "ContactUnreadable"),
        ({"contact": "1" * 5000}, "acme", "ContactUnreadable"),
        ({"group": WRITTEN}, "acme", "ContactUnreadable"),
        ({"contact": "4915112345678"}, "acme", "NothingFound"),
        ({"contact": WRITTEN}, "nowhere", "DirectoryMissing"),
        ({"contact": WRITTEN}, "../acme", "PathRefused"),
    ],
)
def test_what_cannot_be_repaired_is_a_result_and_moves_nothing(
    volume: Path, tmp_path: Path, files: dict[str, str], path: str, code: str
) -> None:
    before = held(volume / "acme")
    result = repaired(task(volume, named(tmp_path, **files), path=path), go_on)
    assert (result.code, result.files) == (code, 0)
    assert result.outcome in ("Refused", "Failed")
    assert held(volume / "acme") == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"v": 2}, "another version"),
        ({"run": "../x"}, "run must be"),
        ({"volume": "acme"}, "absolute paths"),
        ({"named": 1}, "named must be a text"),
        ({"path": "a\0b"}, "path must be a text"),
        ({"dryRun": 1}, "dryRun must be"),
        ({"deadline": 0}, "deadline must be"),
    ],
)
def test_a_bad_task_names_its_field(change: dict[str, object], said: str) -> None:
    given_ = json.loads(task(Path("/v"), "/contact").to_json()) | change
    with pytest.raises(BadTask, match=said):
        RepairTask.from_json(json.dumps(given_))


@settings(max_examples=40)
@given(results)
def test_a_result_comes_back_as_it_was_and_has_room(result: RepairResult) -> None:
    document = encode(result)
    assert len(document) <= LIMIT_BYTES
    assert decode(document) == result


def test_a_failure_comes_back_as_one() -> None:
    assert decode(encode(RepairFailure("MemoryError"))) == RepairFailure("MemoryError")


@given(
    st.sampled_from(["u", "o", "c", "r", "k", "l", "b", "e", "v", "a", "n", "d"]),
    HOSTILE,
)
def test_a_forged_result_has_its_types_or_is_refused(field: str, value: object) -> None:
    whole = RepairResult(run=RUN, outcome="Completed", removed={"session": 2}, devices=2)
    data = json.loads(encode(whole).split(b"\n", 1)[1]) | {field: value}
    body = json.dumps(data, separators=(",", ":"))
    text = f"{MAGIC} repair {checksum('repair', body)}\n{body}"
    try:
        found = decode(text)
    except BadResult:
        return
    assert isinstance(found, RepairResult)
    assert decode(encode(found)) == found

"""What leaves a restore's Job comes back as it was, and a forged one has its types and bounds, or is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.backup.restore_job.result import (
    MAGIC,
    BadResult,
    JobFailure,
    RestoreResult,
    decode,
    encode,
)
from baileys_janitor.job.document import checksum
from baileys_janitor.policy.archives.restore_codes import EXPLANATIONS, KEPT_BACK
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.policy.files.identity import STATES

WHOLE = RestoreResult(
    outcome="Completed",
    archive="20261128T093500Z-0a1b2c3d.tar.gz.age",
    time=1_795_000_000,
    fingerprint="0123456789abcdef-fedcba9876543210",
    vouched=True,
    identity="Absent",
    restored={"creds": 1, "session": 40},
    kept_back={"OwnSenderKey": {"senderKey": 3}},
    told=("OwnDeviceWaits",),
    next_pre_key_id=1813,
    fetched_ms=300,
    ms=700,
)
counts = st.dictionaries(st.sampled_from(KINDS), st.integers(0, 1 << 24))
results = st.builds(
    RestoreResult,
    outcome=st.sampled_from(["Completed", "NothingToDo", "DryRun", "Repeated"]),
    code=st.sampled_from(["", "WrittenOver"]),
    message=st.sampled_from(["", "Scan the directory."]),
    archive=st.sampled_from(["", WHOLE.archive]),
    time=st.integers(0, 1 << 33),
    fingerprint=st.sampled_from(["", "0123456789abcdef", WHOLE.fingerprint]),
    vouched=st.booleans(),
    identity=st.sampled_from(["", *STATES]),
    restored=counts,
    kept_back=st.dictionaries(st.sampled_from(list(KEPT_BACK)), counts),
    told=st.lists(st.sampled_from(list(EXPLANATIONS)), unique=True).map(tuple),
    next_pre_key_id=st.integers(0, 1 << 24),
    fetched_ms=st.integers(0, 86_400_000),
    ms=st.integers(0, 86_400_000),
)
HOSTILE = st.sampled_from(
    [
        *(None, True, -1, 1 << 60, 1.5, "", "x" * 5000, "\x1b[31m", [], {}, [[]], [["x"]]),
        *([[99, 1]], [[0, -1]], [["OwnSenderKey", [[0, 1]]]], ["NoSuchCode"], "Completed"),
    ]
)


@given(results)
def test_a_result_comes_back_as_it_was_and_has_room(result: RestoreResult) -> None:
    document = encode(result)
    assert len(document) <= 4096
    assert decode(document) == result


def test_the_largest_result_has_room() -> None:
    most = dict.fromkeys(KINDS, 1 << 24)
    largest = RestoreResult(
        **{name: getattr(WHOLE, name) for name in ("outcome", "archive", "fingerprint")},
        code="C" + "x" * 39,
        message="m" * 320,
        restored=most,
        kept_back=dict.fromkeys(KEPT_BACK, most),
        told=tuple(EXPLANATIONS),
    )
    document = encode(largest)
    assert len(document) <= 4096
    assert decode(document) == largest


def test_a_failure_comes_back_with_its_sentence() -> None:
    failure = JobFailure("WrongIdentity", "None of the identities opens the archive.")
    assert decode(encode(failure)) == failure


@given(st.sampled_from(sorted("ocmatfvirkwngd")), HOSTILE, st.sampled_from(["restore", "failure"]))
def test_a_forged_field_is_refused_or_within_bounds(field: str, value: object, action: str) -> None:
    data = json.loads(encode(WHOLE).partition(b"\n")[2])
    data[field] = value
    body = json.dumps(data)
    try:
        found = decode(f"{MAGIC} {action} {checksum(action, body)}\n{body}")
    except BadResult:
        return
    assert isinstance(found, RestoreResult)
    assert all(count <= 1 << 24 for count in found.restored.values())
    assert len(found.message) <= 320
    assert found.message.isprintable()
    assert len(encode(found)) <= 4096


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_anything_else_is_no_result(text: str | bytes) -> None:
    with pytest.raises(BadResult):
        decode(text)


@given(st.integers(0, len(encode(WHOLE)) - 1))
def test_a_result_that_is_cut_is_refused(length: int) -> None:
    with pytest.raises(BadResult):
        decode(encode(WHOLE)[:length])

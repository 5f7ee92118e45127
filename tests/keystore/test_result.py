"""What a Job for a key store brings: written whole or marked, and read as a stranger's."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.job.document import checksum
from baileys_janitor.job.encoder import LIMIT_BYTES
from baileys_janitor.keystore.job import result as job_result
from baileys_janitor.keystore.job.result import (
    BadResult,
    JobFailure,
    JobResult,
    Scan,
    decode,
    encode,
)
from baileys_janitor.keystore.results import (
    AGE_BUCKETS,
    CleanResult,
    Report,
    TableFigures,
    TypeFigures,
)
from baileys_janitor.volume.report.results import OUTCOMES

counts = st.integers(0, 10**12)
words = st.sampled_from(["session", "pre-key", "sender-key", "lid-mapping", "other"])
times = st.none() | st.integers(0, 4 * 10**9)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    number = draw(st.integers(0, 20))
    return Report(
        time=draw(st.integers(0, 4 * 10**9)),
        server=draw(counts),
        layout="KeyTypeColumn",
        keys=draw(counts),
        bytes=draw(counts),
        by_type={
            kind: TypeFigures(
                count=draw(counts), bytes=draw(counts), oldest=draw(times), newest=draw(times)
            )
            for kind in draw(st.sets(words))
        },
        ages=draw(
            st.none() | st.fixed_dictionaries(dict.fromkeys(AGE_BUCKETS, counts)),
        ),
        oldest=draw(times),
        newest=draw(times),
        undated=draw(counts),
        table=TableFigures(
            bytes=draw(counts),
            index_bytes=draw(counts),
            total_bytes=draw(counts),
            dead_rows=draw(st.none() | counts),
            last_autovacuum=draw(times),
        ),
        sessions=draw(counts),
        credentials=draw(counts),
        levels={"Healthy": draw(counts)},
        worst=[(f"company{place}", "Healthy", place) for place in range(number)],
        hindrances=[("NoTimes", "There is no column with the time of the last write.")],
        duration_ms=draw(counts),
    )


scans = st.builds(
    Scan, report=reports(), expired=st.none() | counts, kept=st.dictionaries(words, counts)
)
cleanups = st.builds(
    CleanResult,
    run=st.just("20261128-030000-abc"),
    outcome=st.sampled_from(sorted(OUTCOMES)),
    code=st.none() | st.just("TimedOut"),
    message=st.none() | st.just("A statement took too long."),
    duration_ms=counts,
    removed=counts,
    sessions=counts,
    left=counts,
    row_bytes=counts,
    returned_bytes=st.none() | counts,
    archived=st.booleans(),
    by_type=st.dictionaries(words, counts),
    after=st.none() | reports(),
)


@given(scans | cleanups)
def test_what_is_written_is_read(result: Scan | CleanResult) -> None:
    document = encode(result)
    found = decode(document)
    assert len(document) <= LIMIT_BYTES
    assert type(found) is type(result)
    if isinstance(result, Scan) and isinstance(found, Scan):
        assert found.expired == result.expired
        assert (found.report.keys, found.report.ages) == (result.report.keys, result.report.ages)
        assert found.report.table == result.report.table
    if isinstance(result, CleanResult) and isinstance(found, CleanResult):
        assert (found.run, found.outcome, found.removed) == (
            result.run,
            result.outcome,
            result.removed,
        )
        assert found.after is None or found.after.keys == result.after.keys  # type: ignore[union-attr]


def test_a_failure_is_read_with_its_sentence() -> None:
    failure = JobFailure("Unreachable", "The database does not answer: check host and port.")
    assert decode(encode(failure)) == failure


def test_names_of_sessions_that_may_be_phone_numbers_are_masked() -> None:
    report = Report(time=1, layout="NamedRows", worst=[("4915112345678", "Healthy", 3)])
    document = encode(Scan(report=report))
    assert b"15112345" not in document
    found = decode(document)
    assert isinstance(found, Scan)
    assert found.report.worst == [("49*********78", "Healthy", 3)]


def test_what_has_no_room_is_left_out_and_the_figures_stay() -> None:
    many = {f"type-{place}": TypeFigures(count=10**15, bytes=10**15) for place in range(32)}
    worst = [("x" * 40, "Healthy", 10**15)] * 20
    report = Report(time=1, layout="NamedRows", keys=10**15, by_type=many, worst=worst)
    kept = {f"Reason{'x' * 50}{place}": 10**15 for place in range(32)}
    document = encode(Scan(report=report, expired=5, kept=kept))
    found = decode(document)
    assert len(document) <= LIMIT_BYTES
    assert isinstance(found, Scan)
    assert (found.report.keys, found.expired) == (10**15, 5)


def forged(data: Any, action: str = "keys-scan") -> bytes:
    """A document with a checksum that matches: whoever may write a pod's status can write one."""
    body = json.dumps(data)
    check = checksum(action, body)
    return f"{job_result.MAGIC} {action} {check}\n{body}".encode()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


def read(document: bytes) -> JobResult:
    try:
        return decode(document)
    except BadResult:
        return None


@given(json_values, st.sampled_from(["keys-scan", "keys-clean", "failure"]))
def test_whatever_is_forged_is_refused_or_within_bounds(data: Any, action: str) -> None:
    found = read(forged(data, action))
    if isinstance(found, JobFailure):
        assert len(found.message) <= 400
        assert found.message.isprintable()


@given(scans, st.data())
def test_a_field_of_another_type_is_refused_or_read_within_bounds(
    scan: Scan, data: st.DataObject
) -> None:
    whole = json.loads(encode(replace(scan, kept={})).split(b"\n", 1)[1])
    field = data.draw(st.sampled_from(sorted(whole["report"])))
    whole["report"][field] = data.draw(json_values)
    found = read(forged(whole))
    if isinstance(found, Scan):
        assert 0 <= found.report.keys <= 2**53
        assert len(found.report.worst) <= 20
        assert all(len(name) <= 40 and name.isprintable() for name, _, _ in found.report.worst)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d[:-1],
        lambda d: d.replace(b'"keys":7', b'"keys":8'),
        lambda d: d.replace(b"baileys-janitor-keys/1", b"baileys-janitor-keys/2"),
        lambda d: d[10:],
        lambda _: b"",
        lambda d: d + b" " * 5000,
    ],
)
def test_what_was_cut_or_changed_is_refused(spoil: Any) -> None:
    document = encode(Scan(report=Report(time=1, layout="NamedRows", keys=7)))
    with pytest.raises(BadResult):
        decode(spoil(document))

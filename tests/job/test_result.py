"""A result fits into 4,096 bytes whatever it holds, comes back the same, and is recognised when cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.job.result import (
    LIMIT,
    OUTCOMES,
    BadResult,
    CleanResult,
    PurgeResult,
    Result,
    ScanResult,
    UndoResult,
    decode,
    encode,
)
from baileys_janitor.job.task import MEMBERS_MAX
from baileys_janitor.policy.kinds import KINDS
from baileys_janitor.policy.reasons import KEPT

NOW = 1_795_000_000
none = st.none()
counts = st.integers(0, 60_000_000)
sizes = st.integers(0, 2**61)
times = st.integers(NOW - 2_000_000_000, NOW + 60_000_000)
codes = st.from_regex(r"\A[A-Z][A-Za-z]{2,30}\Z")
runs = st.from_regex(r"\A[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}\Z")
hexes = st.text("0123456789abcdef", max_size=8)
elapsed = st.integers(0, 36**7 - 1)
kinds = st.lists(counts, min_size=len(KINDS), max_size=len(KINDS))
kept = st.dictionaries(codes, counts, max_size=20)
reasons = st.dictionaries(st.sampled_from(sorted(KEPT)), counts.filter(bool))

CLEAN: dict[str, Any] = {
    "run": runs,
    "outcome": st.sampled_from(OUTCOMES),
    "code": none | codes,
    "time": none | times,
    "removed": counts,
    "left": counts,
    "before": none | counts,
    "after": none | counts,
    "freed_bytes": sizes,
    "duration_ms": elapsed,
    "applied": st.booleans(),
    "recovered": counts,
}
#: A memory as text, or whatever else is made of the same characters.
lines = st.text("0123456789abcz;,.", min_size=1, max_size=300)
cleans = st.builds(CleanResult, **CLEAN, removed_by_kind=none | kinds, kept=none | kept)
scans = st.builds(
    ScanResult,
    total=counts,
    counted=none | counts,
    protected=none | counts,
    reclaimable=none | counts,
    gain=none | counts,
    floor=none | counts,
    identity_state=none | st.sampled_from(["Paired", "Unpaired", "Corrupt", "Absent"]),
    counts_only=st.booleans(),
    fingerprint=hexes.map(lambda text: text * 2),
    creds_token=hexes,
    newest_activity=none | times,
    skewed=st.booleans(),
    looked=st.just(NOW),
    running=none | lines,
    put_in=none | times,
    bins=none | st.lists(counts, min_size=5, max_size=5),
    held_days=none | counts,
    record=none | st.builds(CleanResult, **CLEAN),
    free_bytes=none | sizes,
    free_inodes=none | sizes,
    trash_runs=none | counts,
    trash_oldest=none | times,
    bytes=none | sizes,
    pre_key_span=none | counts,
    skipped=none | counts,
    by_kind=none | kinds,
    oldest=none | times,
    newest=none | times,
    ages=none | st.lists(counts, min_size=5, max_size=5),
    kept=none | reasons,
)
failures = st.builds(ScanResult, error=codes, total=none | counts)
undos = st.builds(
    UndoResult,
    runs,
    st.sampled_from(OUTCOMES),
    code=none | codes,
    restored=counts,
    restored_by_kind=none | kinds,
    kept=none | kept,
    duration_ms=elapsed,
)
purges = st.builds(
    PurgeResult,
    st.sampled_from(OUTCOMES),
    code=none | codes,
    runs=counts,
    files=counts,
    freed_bytes=sizes,
    trash_runs=none | counts,
    trash_oldest=none | times,
)
#: What is never dropped.
CORE = (
    "error",
    "total",
    "counted",
    "protected",
    "reclaimable",
    "gain",
    "floor",
    "identity_state",
    "counts_only",
    "fingerprint",
    "creds_token",
    "newest_activity",
)


@settings(max_examples=50, deadline=None)
@given(st.lists(scans | failures, min_size=1, max_size=6))
def test_a_few_scans_come_back_whole(members: list[ScanResult]) -> None:
    result = Result("scan", NOW, members)
    assert decode(encode(result)) == result


@settings(max_examples=40, deadline=None)
@given(st.lists(scans | failures, min_size=1, max_size=MEMBERS_MAX))
def test_however_bad_the_directories_no_member_and_no_count_is_lost(
    members: list[ScanResult],
) -> None:
    document = encode(Result("scan", NOW, members))
    assert len(document) <= LIMIT
    again = decode(document)
    assert len(again.members) == len(members)
    for was, now in zip(members, again.members, strict=True):
        assert [getattr(now, name) for name in CORE] == [getattr(was, name) for name in CORE]


#: By the name of what was left out, the fields that went with it.
DETAIL = {
    "record": ("record",),
    "volume": (
        "bytes",
        "free_bytes",
        "free_inodes",
        "trash_runs",
        "trash_oldest",
        "pre_key_span",
        "skipped",
    ),
    "kinds": ("by_kind",),
    "ages": ("oldest", "newest", "ages"),
    "kept": ("kept",),
    "running": ("running", "put_in", "bins", "held_days", "skewed"),
}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(scans | failures, min_size=1, max_size=6).flatmap(
        lambda shapes: st.lists(st.sampled_from(shapes), min_size=1, max_size=MEMBERS_MAX)
    ),
    st.integers(0, 100),
)
def test_what_is_left_out_is_said_of_each_member_and_nothing_else_is_missing(
    members: list[ScanResult], second: int
) -> None:
    document = encode(Result("scan", NOW + second, members))
    again = decode(document)
    assert len(document) <= LIMIT
    assert len(again.members) == len(members)
    assert again.short == sum(bool(each.left_out) for each in again.members)  # type: ignore[union-attr]
    for was, now in zip(members, again.members, strict=True):
        assert isinstance(now, ScanResult)
        gone = {field for name in now.left_out for field in DETAIL[name]}
        assert not any(getattr(now, field) for field in gone)
        for field in set(ScanResult.__slots__) - gone - {"left_out", "looked"}:
            assert getattr(now, field) == getattr(was, field)


def worst(number: int) -> ScanResult:
    """The longest of every field; numbers beyond all bounds are cut, not refused."""
    code = "X" * 200
    record = CleanResult(
        "r" * 200, "NothingToDo", code=code, time=-(2**70), removed=2**70, freed_bytes=2**90
    )
    return ScanResult(
        total=2**70,
        counted=2**70,
        protected=2**70,
        reclaimable=2**70,
        gain=2**70,
        floor=-(2**70),
        identity_state="Corrupt",
        counts_only=True,
        fingerprint="f" * 90,
        creds_token="f" * 90,
        newest_activity=2**70,
        running="9" * 5_000,
        put_in=-(2**70),
        bins=[2**90] * 5,
        held_days=2**70,
        record=record,
        free_bytes=2**90,
        by_kind=[2**90] * 11,
        ages=[2**90] * 5,
        oldest=number,
    )


def test_the_worst_fifty_fit() -> None:
    document = encode(Result("scan", NOW, [worst(number) for number in range(MEMBERS_MAX)]))
    assert len(document) <= LIMIT
    assert len(decode(document).members) == MEMBERS_MAX
    purges = [
        PurgeResult("Completed", code="X" * 200, freed_bytes=2**90) for _ in range(MEMBERS_MAX)
    ]
    assert len(encode(Result("purge", NOW, purges))) <= LIMIT
    errors = [ScanResult(error="X" * 200, total=2**70)] * MEMBERS_MAX
    assert len(encode(Result("scan", NOW, errors))) <= LIMIT


def typical(number: int) -> ScanResult:
    return ScanResult(
        total=230 + number,
        counted=168,
        protected=93,
        reclaimable=21,
        gain=17,
        floor=140,
        identity_state="Paired",
        fingerprint="0123456789abcdef",
        creds_token="01234567",
        newest_activity=NOW - 340,
        looked=NOW,
        bins=[21, 12, 18, 40, 25],
        free_bytes=10**10,
        free_inodes=655_000,
        trash_runs=1,
        trash_oldest=NOW - 50_000,
        bytes=320_000,
        pre_key_span=40,
        skipped=1,
        by_kind=[1, 7, 40, 40, 60, 30, 10, 20, 13, 9, 0],
        oldest=NOW - 30 * 86400,
        newest=NOW - 20,
        ages=[60, 70, 50, 30, 20],
        kept={"ProtectedKind": 93, "InUse": 80, "LargeUploads": 36, "OwnKeyInUse": 2},
    )


def test_twenty_typical_tenants_keep_every_detail() -> None:
    few = Result("scan", NOW, [typical(number) for number in range(20)])
    assert decode(encode(few)) == few


@pytest.mark.parametrize("interval", [1, 60, 300, 600, 86_400])
def test_whose_detail_goes_first_changes_from_scan_to_scan_whatever_the_interval(
    interval: int,
) -> None:
    told: set[int] = set()
    for scan in range(15):
        result = Result("scan", NOW + scan * interval, [typical(n) for n in range(50)])
        members = decode(encode(result)).members
        told |= {n for n, each in enumerate(members) if not each.left_out}  # type: ignore[union-attr]
    assert told == set(range(50))


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        CleanResult,
        **CLEAN,
        removed_by_kind=none | kinds,
        kept=none | kept,
        scan=none | scans,
        removed_by_reason=none | kept,
    )
)
def test_a_clean_comes_back_and_fits(clean: CleanResult) -> None:
    if clean.scan is not None:
        clean.scan.record = None
    result = Result("clean", NOW, [clean])
    document = encode(result)
    assert len(document) <= LIMIT
    again = decode(document)
    assert bool(again.short) == (again != result)
    assert again == result or again.members[0].left_out or again.members[0].scan.left_out  # type: ignore[union-attr]


@settings(max_examples=50, deadline=None)
@given(undos, st.lists(purges, min_size=1, max_size=MEMBERS_MAX))
def test_undos_and_purges_come_back_and_fit(undo: UndoResult, many: list[PurgeResult]) -> None:
    for result in (Result("undo", NOW, [undo]), Result("purge", NOW, many[:20])):
        assert decode(encode(result)) == result
    assert len(encode(Result("purge", NOW, many))) <= LIMIT


def test_a_failure_comes_back() -> None:
    result = decode(encode(Result("scan", NOW, failure="MemoryError: a name 4917\n")))
    assert result.failure is not None
    assert result.failure.startswith("MemoryError")
    assert result.members == []


@settings(max_examples=60, deadline=None)
@given(st.lists(scans, min_size=1, max_size=3), st.data())
def test_a_cut_or_changed_result_is_never_taken_for_a_whole_one(
    members: list[ScanResult], data: st.DataObject
) -> None:
    document = encode(Result("scan", NOW, members))
    at = data.draw(st.integers(1, len(document) - 1))
    for damaged in (document[at:], document[:at], document[:at] + b"~" + document[at + 1 :]):
        if damaged.strip() != document.strip():
            with pytest.raises(BadResult):
                decode(damaged)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "Error: something else wrote this",
        "baileys-janitor/2 scan a 00000000\n",
        "baileys-janitor/2 scan",
        "baileys-janitor/2 scan zz 00000000\nx",
        b"\xff\xfe\x00",
    ],
)
def test_what_others_wrote_is_no_result(text: str | bytes) -> None:
    with pytest.raises(BadResult):
        decode(text)


@given(st.text(max_size=300))
def test_no_text_makes_the_decoder_stumble(text: str) -> None:
    with pytest.raises(BadResult):
        decode(text)


@given(
    st.text("0123456789abcdef,;/=!-_ \n", max_size=80), st.sampled_from(["scan", "clean", "undo"])
)
def test_a_whole_but_senseless_body_is_refused_or_read(body: str, action: str) -> None:
    from baileys_janitor.job.result import _document

    try:
        decode(_document(action, NOW, body))
    except BadResult:
        return

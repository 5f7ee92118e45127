"""A result fits into 4,096 bytes whatever it holds, comes back the same, and is recognised when cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.job.result import (
    LIMIT_BYTES,
    OUTCOMES,
    BadResult,
    CleanResult,
    KeptCopy,
    PurgeResult,
    Result,
    ScanResult,
    UndoResult,
    decode,
    encode,
)
from baileys_janitor.job.task import MEMBERS_MAX
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.policy.reasons import KEPT
from baileys_janitor.volume.report.codec_fields import MEMORY_MAX

NOW = 1_795_000_000
none = st.none()
counts = st.integers(0, 60_000_000)
sizes = st.integers(0, 2**61)
disks = st.integers(0, 2**51).map(lambda kib: kib * 1024)
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
    fingerprint=hexes.map(lambda text: text * 2),
    creds_token=hexes,
    newest_activity=none | times,
    skewed=st.booleans(),
    looked=st.just(NOW),
    running=none | lines,
    put_in=none | times,
    bins=none | st.lists(counts, min_size=5, max_size=5),
    held_days=none | counts,
    free_bytes=none | disks,
    free_inodes=none | sizes,
    volume_bytes=none | disks,
    trash_runs=none | counts,
    trash_oldest=none | times,
    trash_files=none | counts,
    trash_bytes=none | sizes,
    bytes=none | sizes,
    pre_key_span=none | counts,
    by_kind=none | kinds,
    ages=none | st.lists(counts, min_size=5, max_size=5),
    kept=none | reasons,
    copies=none | counts,
    copied=none | times,
    uncopied=st.booleans(),
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
copies = st.builds(
    KeptCopy,
    st.sampled_from(["Kept", "NotDue", "NotKept"]),
    code=none | codes,
    copies=counts,
    newest=none | times,
    removed=counts,
)
#: What a result has of every member.
COUNTS = (
    "error",
    "total",
    "counted",
    "protected",
    "reclaimable",
    "gain",
    "floor",
    "identity_state",
    "fingerprint",
    "newest_activity",
    "creds_token",
    "skewed",
)


@settings(max_examples=50, deadline=None)
@given(st.lists(scans | failures, min_size=1, max_size=4))
def test_a_few_scans_come_back_whole(members: list[ScanResult]) -> None:
    result = Result("scan", NOW, members)
    assert decode(encode(result)) == result


@settings(max_examples=60, deadline=None)
@given(
    st.lists(scans | failures, min_size=1, max_size=6).flatmap(
        lambda shapes: st.lists(st.sampled_from(shapes), min_size=1, max_size=MEMBERS_MAX)
    )
)
def test_of_the_last_members_that_do_not_fit_whole_the_counts_are_told(
    members: list[ScanResult],
) -> None:
    document = encode(Result("scan", NOW, members))
    again: list[Any] = decode(document).members
    assert len(document) <= LIMIT_BYTES
    assert len(again) == len(members)
    whole = [was == now for was, now in zip(members, again, strict=True)]
    first = whole.index(False) if False in whole else len(whole)
    for was, now, fits in zip(members[first:], again[first:], whole[first:], strict=True):
        assert [getattr(now, name) for name in COUNTS] == [getattr(was, name) for name in COUNTS]
        assert now.counts_alone != fits
        assert fits or (now.by_kind, now.bytes, now.running) == (None, None, None)
        assert not fits or was.error or not any((was.by_kind, was.bytes, was.running))


def worst(number: int) -> ScanResult:
    """The longest of every field; numbers beyond all bounds are cut, not refused."""
    return ScanResult(
        total=2**70,
        counted=2**70,
        protected=2**70,
        reclaimable=2**70,
        gain=2**70,
        floor=-(2**70),
        identity_state="Corrupt",
        skewed=True,
        fingerprint="f" * 90,
        creds_token="f" * 90,
        newest_activity=2**70,
        running="9" * 5_000,
        put_in=-(2**70),
        bins=[2**90] * 5,
        held_days=2**70,
        free_bytes=2**90,
        by_kind=[2**90] * 11,
        ages=[2**90] * 5,
        bytes=number,
    )


def test_the_worst_members_fit() -> None:
    document = encode(Result("scan", NOW, [worst(number) for number in range(MEMBERS_MAX)]))
    assert len(document) <= LIMIT_BYTES
    assert len(decode(document).members) == MEMBERS_MAX
    purges = [
        PurgeResult("Completed", code="X" * 200, freed_bytes=2**90) for _ in range(MEMBERS_MAX)
    ]
    assert len(encode(Result("purge", NOW, purges))) <= LIMIT_BYTES
    kept = [KeptCopy("NotKept", "X" * 200, 2**90, 2**90, 2**90)] * MEMBERS_MAX
    assert len(encode(Result("keep", NOW, kept))) <= LIMIT_BYTES
    errors = [ScanResult(error="X" * 200, total=2**70)] * MEMBERS_MAX
    assert len(encode(Result("scan", NOW, errors))) <= LIMIT_BYTES


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
    result = Result("clean", NOW, [clean])
    document = encode(result)
    assert len(document) <= LIMIT_BYTES
    [again] = decode(document).members
    assert isinstance(again, CleanResult)
    if again != clean:
        assert len(encode(Result("clean", NOW, [again]))) < len(document) <= LIMIT_BYTES
        assert [getattr(again, name) for name in CLEAN] == [getattr(clean, name) for name in CLEAN]
        assert again.kept is again.removed_by_reason is None
        assert again.scan is None or again.scan.counts_alone


def test_a_memory_that_is_too_long_for_a_result_stays_on_the_volume() -> None:
    def brought(length: int) -> str | None:
        [member] = decode(encode(Result("scan", NOW, [ScanResult(running="9" * length)]))).members
        assert isinstance(member, ScanResult)
        return member.running

    assert brought(MEMORY_MAX) == "9" * MEMORY_MAX
    assert brought(MEMORY_MAX + 1) is None


@settings(max_examples=50, deadline=None)
@given(st.lists(copies, min_size=1, max_size=MEMBERS_MAX))
def test_what_came_of_copies_comes_back_and_fits(many: list[KeptCopy]) -> None:
    result = Result("keep", NOW, many)
    document = encode(result)
    assert len(document) <= LIMIT_BYTES
    assert decode(document) == result


@settings(max_examples=50, deadline=None)
@given(undos, st.lists(purges, min_size=1, max_size=MEMBERS_MAX))
def test_undos_and_purges_come_back_and_fit(undo: UndoResult, many: list[PurgeResult]) -> None:
    for result in (Result("undo", NOW, [undo]), Result("purge", NOW, many)):
        document = encode(result)
        assert decode(document) == result
        assert len(document) <= LIMIT_BYTES


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
        "baileys-janitor/3 scan a 00000000\n",
        "baileys-janitor/3 scan",
        "baileys-janitor/3 scan zz 00000000\nx",
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
    from baileys_janitor.job.encoder import _document

    try:
        decode(_document(action, NOW, body))
    except BadResult:
        return

"""A forged result with a checksum that matches: each value has its type and bounds, or all of it is refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from baileys_janitor.job.result import (
    LIMIT_BYTES,
    OUTCOMES,
    VERSION,
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
from baileys_janitor.policy.ages.put_in import BINS
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.volume.report.codec_fields import (
    COUNT_MAX,
    NUMBER_MAX,
    STATES,
    checksum,
    is_code,
)
from tests.all_checks import examples

NOW = 1_795_000_000
YEAR_10_000 = 253_402_300_800
SCAN = ScanResult(
    total=230,
    counted=168,
    protected=93,
    reclaimable=21,
    gain=17,
    floor=140,
    identity_state="Paired",
    fingerprint="f00d",
    creds_token="t1",
    looked=NOW,
    bins=[3, 1, 4, 1, 5],
    held_days=2,
    newest_activity=NOW - 340,
    free_bytes=10**10 // 1024 * 1024,
    volume_bytes=2**34,
    free_inodes=655_000,
    trash_runs=1,
    trash_oldest=NOW - 50_000,
    bytes=320_000,
    pre_key_span=40,
    by_kind=[1, 7, 40, 40, 60, 30, 10, 20, 13, 9, 0],
    ages=[60, 70, 50, 30, 20],
    kept={"ProtectedKind": 93, "InUse": 80},
)
CLEAN = CleanResult(
    "20261122-030000-abc",
    "Capped",
    code="DeadlineReached",
    removed=12,
    removed_by_kind=[0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0],
    kept={"InUse": 80},
    left=3,
    before=190,
    after=178,
    freed_bytes=1200,
    duration_ms=340,
    applied=True,
    removed_by_reason={"SessionExpired": 12},
    scan=SCAN,
)
WHOLE = {
    "scan": Result("scan", NOW, [SCAN, ScanResult(error="ReadOnly", total=3)]),
    "clean": Result("clean", NOW, [CLEAN]),
    "undo": Result("undo", NOW, [UndoResult("r1", "Completed", restored=3, kept={"Gone": 1})]),
    "keep": Result("keep", NOW, [KeptCopy("Kept", None, 3, NOW, 1)]),
    "purge": Result("purge", NOW, [PurgeResult("Completed", runs=1, files=12, trash_runs=0)]),
}
HOSTILE = st.sampled_from(
    [
        *(
            "",
            "-1",
            "-0",
            "0",
            "1",
            "zzzzzz",
            "z" * 12,
            "z" * 13,
            "z" * 4000,
            "1_0",
            " 1",
            "+1",
            "1.5",
        ),
        *(
            "٣",
            "NaN",
            "inf",
            "~",
            "?",
            "!",
            "=",
            "a=",
            "=1",
            "A=-1",
            "A=1/A=2",
            "-zzzzz",
            "-zzzzzzz",
        ),
        *(
            "Paired",
            "Completed",
            "Gone",
            "a b",
            "<script>",
            "A" * 41,
            "B",
            "Czz",
            "Ezzzzz" * 11,
            "0102",
            "0",
            "1/2",
            "1/" * 40,
            "1/2/3/4/-5",
        ),
    ]
) | st.text("0123456789abcdefzAZ-+_/=!~?. ", max_size=20)


def forged(head: str, body: str) -> str:
    """A document with a checksum that matches, as anybody can compute it."""
    return f"baileys-janitor/{VERSION} {head} {checksum(f'{head}{chr(10)}{body}')}\n{body}"


def parts(action: str) -> tuple[str, list[str]]:
    """The first line's words between magic and checksum, and the body cut at every separator."""
    head, _, body = encode(WHOLE[action]).decode().partition("\n")
    pieces, start = [], 0
    for place, sign in enumerate(body):
        if sign in ",;/\n":
            pieces += [body[start:place], sign]
            start = place + 1
    return " ".join(head.split(" ")[1:-1]), [*pieces, body[start:]]


def check_number(value: int | None, most: int = COUNT_MAX) -> None:
    assert value is None or (type(value) is int and 0 <= value <= most)


def check_time(value: int | None) -> None:
    assert value is None or (type(value) is int and -(2**32) < value < YEAR_10_000)


def check_counts(values: list[int] | None, length: int) -> None:
    assert values is None or len(values) == length
    for value in values or ():
        check_number(value)


def check_reasons(counts: dict[str, int] | None) -> None:
    assert counts is None or len(counts) <= 32
    for code, count in (counts or {}).items():
        assert is_code(code)
        check_number(count)


def check_code(code: str | None) -> None:
    assert code is None or is_code(code)


def check_scan(scan: ScanResult) -> None:
    for name in ("total", "counted", "protected", "reclaimable", "gain", "floor", "trash_runs"):
        check_number(getattr(scan, name))
    for name in ("bytes", "free_bytes", "free_inodes", "volume_bytes", "pre_key_span"):
        check_number(getattr(scan, name), NUMBER_MAX)
    for name in ("newest_activity", "put_in", "trash_oldest"):
        check_time(getattr(scan, name))
    assert scan.identity_state in (None, *STATES[1:])
    assert scan.counts_alone in (True, False)
    assert len(scan.fingerprint) <= 16
    assert len(scan.creds_token) <= 8
    check_code(scan.error)
    check_counts(scan.by_kind, len(KINDS))
    check_counts(scan.ages, 5)
    check_reasons(scan.kept)
    check_counts(scan.bins, BINS)
    check_number(scan.held_days)
    check_time(scan.put_in)
    assert scan.skewed in (True, False)
    assert scan.running is None or (scan.running.isascii() and len(scan.running) <= LIMIT_BYTES)


def check_clean(clean: CleanResult) -> None:
    assert len(clean.run) <= 63
    assert clean.run.isascii()
    assert clean.outcome in OUTCOMES
    check_code(clean.code)
    check_time(clean.time)
    for name in ("removed", "left", "recovered"):
        assert getattr(clean, name) is not None
        check_number(getattr(clean, name))
    check_number(clean.before)
    check_number(clean.after)
    for name in ("freed_bytes", "duration_ms"):
        assert getattr(clean, name) is not None
        check_number(getattr(clean, name), NUMBER_MAX)
    check_counts(clean.removed_by_kind, len(KINDS))
    check_reasons(clean.kept)
    check_reasons(clean.removed_by_reason)
    if clean.scan is not None:
        check_scan(clean.scan)


def check(result: Result) -> None:
    """That nothing in a result is outside of its bounds."""
    check_time(result.time)
    assert len(result.members) <= MEMBERS_MAX
    check_code(result.failure)
    for member in result.members:
        if isinstance(member, ScanResult):
            check_scan(member)
        elif isinstance(member, CleanResult):
            check_clean(member)
        elif isinstance(member, UndoResult):
            assert member.outcome in OUTCOMES
            check_counts(member.restored_by_kind, len(KINDS))
            check_reasons(member.kept)
        elif isinstance(member, KeptCopy):
            assert member.outcome in ("Kept", "NotDue", "NotKept")
            check_code(member.code)
            check_number(member.copies)
            check_number(member.removed)
            check_time(member.newest)
        else:
            assert member.outcome in OUTCOMES
            check_number(member.files)
            check_time(member.trash_oldest)


@settings(max_examples=examples(400), deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_one_forged_value_is_refused_or_within_its_bounds(action: str, data: st.DataObject) -> None:
    head, pieces = parts(action)
    for _ in range(data.draw(st.integers(1, 3))):
        pieces[data.draw(st.integers(0, len(pieces) - 1))] = data.draw(HOSTILE)
    try:
        result = decode(forged(head, "".join(pieces)))
    except BadResult:
        return
    check(result)


@settings(max_examples=examples(200), deadline=None)
@given(
    st.lists(
        st.sampled_from(["scan", "clean", "failure", "undo", "purge", "keep"]) | HOSTILE, max_size=4
    ),
    HOSTILE,
)
@example(["failure", "a"], "x" * 5000)
@example(["scan", "-1"], "1")
@example(["scan", "zzzzzzzzzzzz"], "1")
@example(["scan", "a", "zzzz"], "!ReadOnly,1")
def test_a_forged_first_line_is_refused_or_within_its_bounds(words: list[str], body: str) -> None:
    try:
        result = decode(forged(" ".join(words), body))
    except BadResult:
        return
    check(result)


@pytest.mark.parametrize("action", sorted(WHOLE))
def test_what_was_not_touched_is_read(action: str) -> None:
    head, pieces = parts(action)
    assert decode(forged(head, "".join(pieces))) == WHOLE[action]


def test_a_document_that_no_kubelet_would_pass_on_is_not_even_looked_at() -> None:
    line = encode(WHOLE["scan"]).decode().partition("\n")[2].partition("\n")[0]
    with pytest.raises(BadResult, match="longer"):
        decode(forged("scan a", "\n".join([line] * 1000)))
    assert len(line) * 50 > LIMIT_BYTES


@pytest.mark.parametrize(
    "body",
    [
        "1o,1o,1,0,0,1o,-1,,f00d,t1,2s0,1imo0",  # a state by a place from the end
        "1o,1o,1,0,0,1o,1,,f00d,t1,2s0,1imo0;;;1/2/3",  # kinds that are too few
        "-5,1o,1,0,0,1o,1,,f00d,t1,2s0,1imo0",
        "!not a code,1",
    ],
)
def test_what_stopped_an_operator_once_is_refused(body: str) -> None:
    with pytest.raises(BadResult):
        decode(forged("scan tp5rmm", body))

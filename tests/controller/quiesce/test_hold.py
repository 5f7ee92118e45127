"""What stands in the status of an operation is believed only as far as its spec allows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.controller.quiesce.hold import Request, decode, encode
from baileys_janitor.controller.quiesce.requests import request_of
from baileys_janitor.quiesce.limits import TIMED_OUT, TOO_LONG, Limits
from baileys_janitor.quiesce.record import OUTCOMES, QuiesceRecord

REQUEST = Request("Deployment", "bot")
TIMES = st.none() | st.integers(0, 2**32).map(float)
RECORDS = st.builds(
    QuiesceRecord,
    st.just("Deployment"),
    st.just("bot"),
    st.uuids().map(str),
    st.integers(1, 2**31 - 1),
    st.integers(0, 2**32).map(float),
    TIMES,
    TIMES,
    st.sampled_from(["", *OUTCOMES]),
)


@given(RECORDS)
def test_what_is_written_is_read_again(record: QuiesceRecord) -> None:
    assert decode(encode(record, None), REQUEST) == record


@pytest.mark.parametrize(
    "forged",
    [
        {"workload": {"kind": "Deployment", "name": "other"}},
        {"workload": {"kind": "StatefulSet", "name": "bot"}},
        {"workload": {"kind": "DaemonSet", "name": "bot"}},
        {"replicas": 0},
        {"replicas": 2**31},
        {"replicas": True},
        {"uid": ""},
        {"since": "yesterday"},
    ],
)
def test_a_record_about_another_workload_or_out_of_bounds_counts_for_nothing(
    forged: dict[str, Any],
) -> None:
    honest = encode(QuiesceRecord("Deployment", "bot", "u", 2, 1.0), None)
    assert decode(honest, REQUEST) is not None
    assert decode(honest | forged, REQUEST) is None


@given(st.dictionaries(st.sampled_from(list("abc")), st.text()) | st.none() | st.lists(st.text()))
def test_whatever_stands_there_is_read(value: object) -> None:
    assert decode(value, REQUEST) is None
    assert request_of(value) == Request()


def test_a_request_by_hand_names_no_workload() -> None:
    asked = {"workload": {"kind": "Deployment", "name": "bot"}, "timeout": "1m", "maxDuration": "x"}
    found = request_of({"quiesce": asked})
    assert (found.kind, found.workload) == ("", "")
    assert found.limits == Limits(60.0)
    assert request_of({"quiesce": {**asked, "method": "Scale"}}).workload == "bot"


def test_the_time_for_the_pods_ends_with_the_first_moment_without_them() -> None:
    limits, record = Limits(60.0, 300.0), QuiesceRecord("Deployment", "bot", "u", 1, 1000.0)
    assert limits.why_resume(record, 0.0, quiet=False, now=1059.0) == ""
    assert limits.why_resume(record, 0.0, quiet=False, now=1060.0) == TIMED_OUT
    assert limits.why_resume(record, 0.0, quiet=True, now=1060.0) == ""
    assert limits.why_resume(record, 0.0, quiet=True, now=1300.0) == TOO_LONG
    assert limits.why_resume(None, 1000.0, quiet=True, now=9999.0) == ""

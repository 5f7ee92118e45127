"""The status as it is stored, read back and written again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.status import ByKind, Condition, TenantStatus
from baileys_janitor.policy.file_kinds import KINDS
from tests.api.statuses import FULL_STATUS


def test_a_status_makes_the_round_trip_unchanged() -> None:
    assert TenantStatus.read(FULL_STATUS).to_wire() == FULL_STATUS


def test_the_example_sets_every_field() -> None:
    assert set(TenantStatus.read(FULL_STATUS).model_dump(exclude_none=True)) == set(
        TenantStatus.model_fields
    )


def test_nothing_known_is_an_empty_status() -> None:
    assert TenantStatus.read(None).to_wire() == {}
    assert TenantStatus.read({"observedGeneration": -1}).to_wire() == {"observedGeneration": -1}


def test_the_kinds_are_those_of_the_rules_in_their_order() -> None:
    aliases = [field.alias for field in ByKind.model_fields.values()]

    assert tuple(aliases) == KINDS


def test_a_status_of_an_older_operator_keeps_what_still_parses() -> None:
    stored = {
        "level": "Panic",
        "files": {"total": 5, "gone": 1},
        "fleet": 1,
        "observedGeneration": 2,
    }

    assert TenantStatus.read(stored).to_wire() == {"files": {"total": 5}, "observedGeneration": 2}


@given(
    st.dictionaries(
        st.sampled_from(sorted(FULL_STATUS)) | st.text(max_size=5),
        st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2),
    )
)
def test_no_stored_status_stops_the_operator(stored: dict[str, Any]) -> None:
    TenantStatus.read(stored)


@pytest.mark.parametrize(
    "text", ["2026-11-22T08:30:00Z", "2026-11-22T05:30:00-03:00", "2026-11-22T08:30:00.750000Z"]
)
def test_times_are_instants_in_utc_and_whole_seconds_on_the_wire(text: str) -> None:
    status = TenantStatus.read({"lastScanTime": text})

    assert status.last_scan_time is not None
    assert status.last_scan_time.replace(microsecond=0) == datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    assert status.to_wire() == {"lastScanTime": "2026-11-22T08:30:00Z"}


def test_a_status_can_be_written_in_the_words_of_the_code() -> None:
    condition = Condition(
        type="Ready",
        status="True",
        reason="Observing",
        message="",
        last_transition_time=datetime(2026, 11, 22, tzinfo=UTC),
    )

    wire = TenantStatus(observed_generation=1, conditions=[condition]).to_wire()

    assert wire["observedGeneration"] == 1
    assert wire["conditions"][0]["lastTransitionTime"] == "2026-11-22T00:00:00Z"

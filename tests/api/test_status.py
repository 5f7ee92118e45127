"""The status as it is stored, read back and written again."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.names import KIND
from baileys_janitor.api.status import ByKind, TenantStatus
from baileys_janitor.api.status_readers import reader_of
from baileys_janitor.api.values import decoding
from baileys_janitor.policy.files.file_kinds import KINDS
from tests.api.statuses import FULL_STATUS


def test_a_status_makes_the_round_trip_unchanged() -> None:
    assert decoding.status(FULL_STATUS) == FULL_STATUS


def test_the_example_sets_every_field() -> None:
    assert set(FULL_STATUS) == {field.alias for field in TenantStatus.model_fields.values()}


def test_nothing_known_is_an_empty_status() -> None:
    assert decoding.status(None) == {}
    assert decoding.status({"observedGeneration": -1}) == {"observedGeneration": -1}


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

    assert decoding.status(stored) == {"files": {"total": 5}, "observedGeneration": 2}


@given(
    st.dictionaries(
        st.sampled_from(sorted(FULL_STATUS)) | st.text(max_size=5),
        st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2),
    )
)
def test_no_stored_status_stops_the_operator(stored: dict[str, Any]) -> None:
    assert isinstance(decoding.status(stored), dict)


def test_a_status_is_read_without_the_models_as_with_them() -> None:
    assert reader_of(KIND).read(FULL_STATUS) == decoding.status(FULL_STATUS) == FULL_STATUS

"""What was told, as it lies in a ConfigMap: small, whole, and readable by nobody but its author."""

from __future__ import annotations

import base64
import contextlib
import json
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.notify import delivery_state_codec
from baileys_janitor.notify.delivery_state import DeliveryState, Entry
from baileys_janitor.notify.incidents import identify
from tests.notify.world import CRITICAL, EMERGENCY, NOW, WARNING

times = st.integers(0, 2**32 - 1).map(float)
ids = st.integers(0, 2**48 - 1)
entries = st.builds(Entry, st.sampled_from(list(INCIDENT_KINDS.values())), times, times)
ledgers = st.builds(
    DeliveryState,
    entries=st.dictionaries(ids, entries, max_size=20),
    sent=st.lists(times, max_size=5),
    mark=st.none() | times,
    runs=st.dictionaries(ids, times, max_size=5),
    calmed=st.dictionaries(ids, st.tuples(st.integers(1, 2**16 - 1), times), max_size=5),
    day=st.none() | times,
)


@given(st.dictionaries(st.text(max_size=20), ledgers, max_size=4))
def test_what_was_told_is_read_back_as_it_was_written(told: dict[str, DeliveryState]) -> None:
    assert delivery_state_codec.decode(delivery_state_codec.encode(told)) == told


def storm(tenants: int, kind_of: object = None) -> DeliveryState:
    """A ledger after all tenants came into trouble over an hour, told by twenty messages."""
    dice = random.Random(7)
    kinds = [WARNING, CRITICAL, EMERGENCY]
    ledger = DeliveryState(mark=NOW, day=NOW)
    for number in range(tenants):
        id_ = identify(f"company-{number}", "session", f"uid-{number}")
        since = NOW + dice.randrange(3600)
        ledger.entries[id_] = Entry(dice.choice(kinds), since, NOW + 180 * (number % 20))
    return ledger


def test_ten_thousand_tenants_in_emergency_fit_easily() -> None:
    text = delivery_state_codec.encode({f"route-{n}/hook": storm(10_000) for n in range(3)})
    assert len(text) < 300_000


@pytest.fixture
def tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the room, for what a tenth of the incidents shows."""
    monkeypatch.setattr(delivery_state_codec, "LIMIT", delivery_state_codec.LIMIT // 10)


@pytest.mark.usefixtures("tenth")
def test_what_came_and_went_is_left_out_before_anything_that_holds() -> None:
    ledger = storm(2_000)
    ledger.calmed = {identify(str(n)): (3, NOW - n * 10 % 86_400) for n in range(9_000)}
    kept = delivery_state_codec.decode(delivery_state_codec.encode({"all/hook": ledger}))[
        "all/hook"
    ]
    assert (kept.entries, kept.calmed) == (ledger.entries, {})


@pytest.mark.usefixtures("tenth")
def test_what_does_not_fit_is_left_out_the_least_grave_first() -> None:
    text = delivery_state_codec.encode({"all/hook": storm(12_000)})
    assert len(text) <= delivery_state_codec.LIMIT
    kept = delivery_state_codec.decode(text)["all/hook"].entries.values()
    assert {entry.kind.rank for entry in kept} == {EMERGENCY.rank}


def test_no_name_can_be_read_in_it() -> None:
    ledger = DeliveryState(
        {identify("shop", "acme", "u-1"): Entry(EMERGENCY, NOW, NOW)}, runs={16: NOW}
    )
    text = delivery_state_codec.encode({"all/hook": ledger})
    assert b"acme" not in base64.b64decode(text)
    assert "acme" not in str(delivery_state_codec.decode(text))


@pytest.mark.parametrize("text", ["", "rubbish", "AAAA", base64.b64encode(b"{}").decode()])
def test_what_nobody_wrote_is_called_unreadable(text: str) -> None:
    with pytest.raises(ValueError, match=r"unreadable|version|base64|padding"):
        delivery_state_codec.decode(text)


def packed(whole: object) -> str:
    return base64.b64encode(zlib.compress(json.dumps(whole).encode())).decode()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "AAAA", "*"]),
    lambda inner: st.lists(inner, max_size=3),
)
parts = st.fixed_dictionaries(
    dict.fromkeys(("states", "rows", "told", "sent", "mark", "runs", "day"), anything)
)
wholes = st.fixed_dictionaries(
    {
        "version": st.just(delivery_state_codec.VERSION) | anything,
        "table": anything,
        "targets": st.dictionaries(st.text(max_size=3), parts | anything, max_size=2) | anything,
    }
)


@given(st.one_of(anything, wholes).map(packed))
def test_whatever_lies_there_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        delivery_state_codec.decode(text)

"""Which creds.json belong to one pairing, and which are whole."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.policy.archives.pairing import Credentials, read_credentials
from tests.pairings import pair, whole


def read(**changes: Any) -> Credentials:
    found = read_credentials(whole(**changes))
    assert found is not None
    return found


SAME = [
    {"nextPreKeyId": 900, "firstUnuploadedPreKeyId": 900},
    {"me": {"id": "1100:3@s.whatsapp.net", "name": "another name", "lid": "990011:3@lid"}},
    {"me": {"id": "1100:3@s.whatsapp.net"}},  # before the login that tells the LID
    {"me": {"id": "1100:3@s.whatsapp.net", "lid": "990011@lid"}},
    {"registered": True, "accountSyncCounter": 4},
    {"signedPreKey": {"keyPair": pair("new"), "signature": {"data": "x"}, "keyId": 2}},
    {"noiseKey": pair("other")},
    {"myAppStateKeyId": ...},
]
OTHER: list[dict[str, Any]] = [
    {"signedIdentityKey": pair("other")},
    {"registrationId": 18},
    {"me": {"id": "1100:4@s.whatsapp.net", "lid": "990011:3@lid"}},
    {"me": {"id": "1101:3@s.whatsapp.net", "lid": "990011:3@lid"}},
    {"me": {"id": "1100:3@s.whatsapp.net", "lid": "990012:3@lid"}},
    {"account": {"details": "CAEQARgBKAA=", "accountSignature": "another"}},
    {"account": {"details": "CAEQARgBKAB=", "accountSignature": "siga"}},
    {"advSecretKey": "another"},
]


@pytest.mark.parametrize("changes", SAME, ids=lambda changes: next(iter(changes)))
def test_what_a_session_writes_in_its_life_leaves_its_pairing(changes: dict[str, Any]) -> None:
    assert read().same_pairing(read(**changes))
    assert read().tag == read(**changes).tag


@pytest.mark.parametrize("changes", OTHER, ids=lambda changes: next(iter(changes)))
def test_what_phone_and_server_agreed_on_is_another_pairing(changes: dict[str, Any]) -> None:
    assert not read().same_pairing(read(**changes))
    assert not read(**changes).same_pairing(read())


def test_a_pairing_is_the_same_in_every_form_that_the_library_writes_bytes_in() -> None:
    data = base64.b64encode(b"details").decode()
    numbers = list(b"details")
    forms: list[Any] = [
        {"type": "Buffer", "data": data},
        {"type": "Buffer", "data": numbers},
        {str(place): number for place, number in enumerate(numbers)},
        data,
    ]
    pairings = {read(account={"details": form}).pairing for form in forms}
    assert len(pairings) == 1


NEEDED = [
    "noiseKey",
    "signedIdentityKey",
    "signedPreKey",
    "registrationId",
    "advSecretKey",
    "nextPreKeyId",
    "firstUnuploadedPreKeyId",
    "account",
    "me",
]


@pytest.mark.parametrize("key", NEEDED)
@pytest.mark.parametrize("value", [..., None, {}, [], "", -1])
def test_a_file_that_lacks_what_a_session_starts_with_is_not_whole(key: str, value: Any) -> None:
    if (key, value) == ("account", {}):
        return  # an object, and nobody knows what a version puts into it
    assert read_credentials(whole(**{key: value})) is None


@given(st.integers(0, len(whole()) - 1))
def test_a_cut_file_is_never_whole(end: int) -> None:
    assert read_credentials(whole()[:end]) is None


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from(sorted(json.loads(whole()))), json_values)
def test_no_value_of_any_key_raises(key: str, value: Any) -> None:
    found = read_credentials(whole(**{key: value}))
    assert found is None or 0 <= found.tag < 1_000_000


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    assert read_credentials(data) is None


def test_nothing_that_is_printed_holds_a_key_or_a_number() -> None:
    text = repr(read())
    assert "1100" not in text
    assert "adv" not in text
    assert "identity" not in text


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 3), st.integers(0, 3))
def test_older_is_what_any_counter_is_lower_in(mine: int, its: int, key: int, other: int) -> None:
    def with_counters(number: int, signed: int) -> Credentials:
        keys = {"keyPair": pair("signed"), "signature": {"data": "x"}, "keyId": signed}
        return read(nextPreKeyId=number, firstUnuploadedPreKeyId=number, signedPreKey=keys)

    older = with_counters(mine, key).is_older_than(with_counters(its, other))
    assert older == (mine < its or key < other)

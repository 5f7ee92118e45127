"""Who the tenant is, from any bytes that creds.json may hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.policy.files.identity import MAX_CREDS_BYTES, Identity, read_identity
from tests.policy.worlds import OWN_LID, OWN_PN, OWN_SPELLINGS, PAIRED, creds, identity_of

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from([f"{OWN_PN}:7@s.whatsapp.net", "@lid", ":@", "x" * 50, "1@lid"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "lid", "public", "data", "type"]), inner)
    ),
    max_leaves=8,
)
FIELDS = [
    "me",
    "account",
    "signedIdentityKey",
    "registrationId",
    "nextPreKeyId",
    "firstUnuploadedPreKeyId",
]


@given(st.binary(max_size=200))
def test_any_bytes_make_an_identity(data: bytes) -> None:
    assert read_identity(data).state in ("Corrupt", "Unpaired")


@given(st.dictionaries(st.sampled_from(FIELDS), anything))
def test_any_types_make_an_identity(content: dict[str, Any]) -> None:
    whole = read_identity(json.dumps(creds(**content)).encode())
    alone = read_identity(json.dumps(content).encode())

    for identity in (whole, alone):
        assert identity.state in ("Paired", "Unpaired")
        assert (identity.state == "Paired") == bool(identity.fingerprint)
        assert (identity.state == "Paired") <= bool(identity.own_users)


@given(st.integers(0, 1_000))
def test_a_cut_file_is_corrupt(length: int) -> None:
    data = json.dumps(creds()).encode()

    assert read_identity(data[: min(length, len(data) - 1)]).state == "Corrupt"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  \n",
        b"null",
        b"[]",
        b'"creds"',
        b"0",
        b"\xff\xfe{\0}\0",
        b"\xef\xbb\xbf{}",
        b"{" * 200_000,
        b'{"a":' * 200_000,
        b"[" * 200_000 + b"]" * 200_000,
        b'{"nextPreKeyId": NaN}',
        b'{"registrationId": Infinity}',
        b'{"noiseKey":',
        b"{",
        b'{"a" 1}',
        b"[1,",
        b'"\x01"',
        b"nul",
    ],
    ids=range(19),
)
def test_what_the_library_cannot_read_is_corrupt(data: bytes) -> None:
    assert read_identity(data).state == "Corrupt"


def test_what_is_larger_than_any_creds_is_not_read() -> None:
    whole = json.dumps(creds()).encode()
    padding = b" " * (MAX_CREDS_BYTES - len(whole))

    assert read_identity(whole + padding).state == "Paired"
    assert read_identity(whole + padding + b" ").state == "TooLarge"


def test_no_file_is_absent() -> None:
    assert read_identity(None).state == "Absent"


def test_bytes_that_are_no_utf8_are_read_as_node_reads_them() -> None:
    data = json.dumps(creds()).encode().replace(b"Acme", b"Acm\xff")

    assert read_identity(data).state == "Paired"


def test_a_pairing_by_qr_code_counts_although_registered_stays_false() -> None:
    assert identity_of(registered=False).state == "Paired"


@pytest.mark.parametrize(
    "changes",
    [
        {"account": ...},
        {"account": None},
        {"account": "yes"},
        {"me": ...},
        {"me": {}},
        {"me": {"id": ""}},
        {"me": {"id": "nobody"}},
        {"me": {"id": ["12015550100@s.whatsapp.net"]}},
        {"me": {"id": "bob@s.whatsapp.net"}},
        {"me": {"lid": f"{OWN_LID}@lid"}},
    ],
)
def test_without_me_or_account_nobody_is_paired(changes: dict[str, Any]) -> None:
    identity = identity_of(registered=True, **changes)

    assert identity.state == "Unpaired"
    assert identity.fingerprint == ""


@pytest.mark.parametrize(
    ("phone", "lid"),
    [
        (f"{OWN_PN}:7@s.whatsapp.net", f"{OWN_LID}:7@lid"),
        (f"{OWN_PN}@s.whatsapp.net", f"{OWN_LID}@lid"),
        (f"{OWN_PN}_128:99@hosted", f"{OWN_LID}_129:99@hosted.lid"),
        (f"{OWN_PN}:7@c.us", f"{OWN_LID}:0@lid"),
    ],
)
def test_own_users_are_known_with_or_without_device(phone: str, lid: str) -> None:
    identity = identity_of(me={"id": phone, "lid": lid})

    assert identity.own_users == set(OWN_SPELLINGS)
    assert all(identity.owns(user) for user in OWN_SPELLINGS)
    assert not identity.owns("12015550111")
    assert not identity.owns(OWN_PN[:-1])


@pytest.mark.parametrize("lid", [None, "", ...])
def test_a_missing_lid_is_no_fault(lid: object) -> None:
    me = {"id": f"{OWN_PN}:7@s.whatsapp.net", "lid": lid}
    identity = identity_of(me={name: value for name, value in me.items() if value is not ...})

    assert (identity.state, identity.knows_lid, identity.lid_unreadable) == ("Paired", False, False)
    assert identity.owns(OWN_PN)
    assert not identity.owns(OWN_LID)


@pytest.mark.parametrize("lid", ["?", 5, [], "x@lid"])
def test_a_lid_that_makes_no_sense_is_told_apart_from_a_missing_one(lid: object) -> None:
    identity = identity_of(me={"id": f"{OWN_PN}:7@s.whatsapp.net", "lid": lid})

    assert (identity.state, identity.knows_lid, identity.lid_unreadable) == ("Paired", False, True)


@pytest.mark.parametrize(
    ("value", "counter"),
    [(813, 813), (813.0, 813), (1, 1)]
    + [(value, None) for value in (0, -5, 1.5, "813", True, None, [], 1e12, 10**400, ...)],
)
def test_counters_are_whole_numbers_or_unknown(value: object, counter: int | None) -> None:
    identity = identity_of(nextPreKeyId=value, firstUnuploadedPreKeyId=value)

    assert identity.next_pre_key_id == identity.first_unuploaded_pre_key_id == counter


def test_the_last_of_two_equal_keys_counts() -> None:
    data = b'{"me":{"id":"1@lid"},"me":{"id":"12015550100@s.whatsapp.net"},"account":{}}'

    assert read_identity(data).owns(OWN_PN)


def test_the_fingerprint_names_the_identity_and_nothing_else() -> None:
    same = identity_of(nextPreKeyId=900, me={"id": "12015550111:3@s.whatsapp.net"})
    other_key = identity_of(signedIdentityKey={"public": {"type": "Buffer", "data": "BBBB"}})
    other_registration = identity_of(registrationId=78)

    assert len(PAIRED.fingerprint) == 16
    assert int(PAIRED.fingerprint, 16) >= 0
    assert same.fingerprint == PAIRED.fingerprint
    assert len({PAIRED.fingerprint, other_key.fingerprint, other_registration.fingerprint}) == 3


def test_the_fingerprint_does_not_depend_on_how_a_buffer_is_written() -> None:
    forms: list[object] = [
        {"type": "Buffer", "data": "AQID"},
        {"type": "Buffer", "data": [1, 2, 3]},
        {"0": 1, "1": 2, "2": 3},
        "AQID",
    ]

    fingerprints = {identity_of(signedIdentityKey={"public": form}).fingerprint for form in forms}
    assert len(fingerprints) == 1


def test_an_identity_prints_without_numbers() -> None:
    assert OWN_PN not in repr(PAIRED)
    assert OWN_LID not in repr(PAIRED)
    assert isinstance(PAIRED, Identity)

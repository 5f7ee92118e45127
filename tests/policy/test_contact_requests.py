"""What may be asked of a repair, how contacts are hashed and listed, and what is said of them."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.policy import reasons
from baileys_janitor.policy.contact import codes
from baileys_janitor.policy.contact.find import contacts_of
from baileys_janitor.policy.contact.hashes import contact_hash, is_hash
from baileys_janitor.policy.contact.plan import make_repair_plan
from baileys_janitor.policy.contact.records import is_old_record, lasting_keys
from baileys_janitor.policy.contact.request import Request
from tests.policy.contacts import (
    DOMESTIC,
    GROUP,
    KEY,
    LID,
    OTHER,
    PHONE,
    files,
    key,
    mappings,
    moved,
    plan_of,
    session,
)
from tests.policy.worlds import OWN_LID, OWN_PN, PAIRED, creds, file


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"phone": ""},
        {"phone": "0447700"},
        {"phone": "1" * 16},
        {"phone": "44 77"},
        {"phone": "../creds"},
        {"phone": PHONE, "lid": LID},
        {"digest": "xyz"},
        {"group": "120363"},
        {"group": "a@g.us"},
        {"all_authors": True},
        {"group": GROUP, "phone": PHONE, "all_authors": True},
        {"group": GROUP, "phone": PHONE, "lid": LID},
    ],
)
def test_a_request_is_one_contact_or_one_group_or_nothing(asked: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not a contact"):
        Request(**asked)  # type: ignore[arg-type]


def test_neither_request_nor_contact_shows_its_numbers() -> None:
    plan = plan_of(DOMESTIC, phone=PHONE)
    shown = f"{plan.request!r} {plan.contact!r} {plan.removals!r}"
    assert PHONE not in shown
    assert LID not in shown


@given(st.binary(min_size=32, max_size=32), st.integers(1, 10**15 - 1).map(str))
def test_a_hash_is_an_hmac_and_the_same_for_every_spelling_of_a_form(
    secret: bytes, user: str
) -> None:
    phone, lid = (
        hmac.new(secret, f"{user}@{server}".encode(), hashlib.sha256).hexdigest()[:16]
        for server in ("s.whatsapp.net", "lid")
    )
    bare = lid if len(user) >= 14 else phone
    assert [contact_hash(secret, user + each) for each in ("", "_128", "_1", "_129", "_1-12")] == [
        bare,
        phone,
        lid,
        lid,
        lid,
    ]
    assert is_hash(phone)
    assert contact_hash(bytes(32), user) != phone or secret == bytes(32)


def test_a_hash_of_nobody_is_refused() -> None:
    assert plan_of(DOMESTIC, digest="0" * 16).refused == codes.HASH_UNKNOWN
    request = Request(digest=contact_hash(KEY, PHONE))
    assert (
        make_repair_plan(DOMESTIC, PAIRED, request, mappings(), None).refused
        == codes.NO_CONTACT_KEY
    )


def test_the_list_has_each_contact_once_with_its_devices_the_latest_first() -> None:
    world = [
        file(session(OTHER, 2), age=-1),
        *DOMESTIC,
        *files(session(OWN_PN), session(OWN_LID + "_1"), key("77001")),
    ]
    listed = contacts_of(world, PAIRED, mappings())
    assert [each.contact.phone for each in listed] == [OTHER, PHONE]
    found = {each.contact.phone: each for each in listed}
    assert (found[PHONE].files, found[PHONE].devices) == (7, {0, 3, 5, 12})
    assert found[PHONE].hash(KEY) == contact_hash(KEY, PHONE)
    for each in listed:
        assert moved(plan_of(world, digest=each.hash(KEY)))


def test_every_code_has_a_sentence_without_a_number() -> None:
    for code, sentence in codes.EXPLANATIONS.items():
        assert code[0].isupper()
        assert code.isalpha()
        assert sentence.endswith(".")
    assert not set(codes.EXPLANATIONS) & set(reasons.EXPLANATIONS)
    assert creds()["me"]["id"].split(":")[0] == OWN_PN


def test_the_page_explains_each_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "repair.md").read_text()
    for code, sentence in codes.EXPLANATIONS.items():
        assert f"| `{code}` | {sentence} |" in page


@settings(max_examples=60)
@given(
    st.sampled_from([session(PHONE), key(OWN_PN), f"sender-key-memory-{GROUP}.json", "creds.json"]),
    st.one_of(
        st.binary(max_size=80),
        st.recursive(
            st.one_of(st.none(), st.integers(), st.text(max_size=8), st.just("Buffer")),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(
                    st.sampled_from(["_sessions", "type", "data", "senderSigningKey", "public"]),
                    inner,
                    max_size=3,
                ),
            ),
        ).map(lambda value: json.dumps(value).encode()),
    ),
    st.booleans(),
)
def test_whatever_a_record_holds_it_is_compared(name: str, data: bytes, own: bool) -> None:
    """The volume's writer can put anything there."""
    for old, new in ((data, b"{}"), (b"{}", data), (data, None), (data, data)):
        found = is_old_record(name, old, new, own=own)
        assert found is (True if new in (None, old) else found)
    keys = lasting_keys(name, data)
    assert keys is None or all(isinstance(each, str) for each in keys)

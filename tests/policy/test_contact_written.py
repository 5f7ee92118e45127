"""What a Secret names is one contact, one group or both, and whatever else is refused without repeating it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.policy.contact.request import Request
from baileys_janitor.policy.contact.written import Unreadable, request_in, texts_of

GROUP = "120363400000000000@g.us"
TEXTS = st.one_of(
    st.none(),
    st.text(max_size=40),
    st.from_regex(r"\+?[0-9 ()-]{1,22}(@(lid|s\.whatsapp\.net|g\.us))?", fullmatch=True),
    st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
)


@pytest.mark.parametrize(
    ("contact", "group", "asked"),
    [
        ("+44 7700 900123\n", None, Request(phone="447700900123")),
        ("250000000000123:7@lid", None, Request(lid="250000000000123")),
        ("0123456789ABCDEF", None, Request(digest="0123456789abcdef")),
        (None, "120363400000000000", Request(group=GROUP)),
        ("447700900123@s.whatsapp.net", GROUP, Request(phone="447700900123", group=GROUP)),
    ],
)
def test_a_contact_and_a_group_are_read_as_people_write_them(
    contact: str | None, group: str | None, asked: Request
) -> None:
    assert request_in(contact, group) == asked


@given(TEXTS, TEXTS)
def test_any_two_texts_are_a_request_or_refused_without_a_number(
    contact: str | None, group: str | None
) -> None:
    asked, said = _read(contact, group)
    if asked is not None:
        assert request_in(*texts_of(asked)) == asked
        return
    assert said.endswith(".")
    digits = {"".join(c for c in text or "" if c.isdecimal()) for text in (contact, group)}
    assert not any(len(each) > 6 and each in said for each in digits)


def _read(contact: str | None, group: str | None) -> tuple[Request | None, str]:
    """What is asked for, or why it is refused."""
    try:
        return request_in(contact, group), ""
    except Unreadable as refused:
        return None, str(refused)

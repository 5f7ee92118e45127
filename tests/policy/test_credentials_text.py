"""Raising the counters changes two numbers, and no other byte of a creds.json."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from baileys_janitor.policy.files.credentials_text import COUNTERS, with_counters
from baileys_janitor.policy.files.strict_json import parse
from tests.pairings import whole

#: Tokens as other writers spell them: numbers no round trip keeps, escapes, text of any kind.
TOKENS = st.sampled_from(
    [
        "0", "-0", "1.0", "1e2", "1E+2", "1.10", "12345678901234567890123", "0.1000", "true", "null",
        '""', r'"\u0041\/\n"', r'"\ud800"', '"é✓"', r'"{\"nextPreKeyId\":1}"', '"[,:]{}"', '"\\\\"',
    ]
)  # fmt: skip
#: Drawing a document costs more than editing it.
some = settings(max_examples=25, deadline=None)
SPACE = st.text(" \t\r\n", max_size=2)


@st.composite
def values(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(st.sampled_from(["token", "object", "list"])) if depth else "token"
    if kind == "token":
        return draw(TOKENS)
    inner = draw(st.lists(values(depth - 1), max_size=3))
    if kind == "list":
        return "[" + ",".join(inner) + "]"
    keys = draw(
        st.lists(st.sampled_from([*COUNTERS, "a", ""]), min_size=len(inner), max_size=len(inner))
    )
    return "{" + ",".join(f'"{key}": {value}' for key, value in zip(keys, inner, strict=True)) + "}"


SPELLINGS = {
    "nextPreKeyId": ['"nextPreKeyId"', r'"next\u0050reKeyId"'],
    "firstUnuploadedPreKeyId": ['"firstUnuploadedPreKeyId"', r'"\u0066irstUnuploadedPreKeyId"'],
}


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Objects with both counters, each perhaps twice, in any order, among any other members."""
    members = draw(
        st.lists(st.tuples(st.sampled_from(['"x"', '"me"', '""', '"é"']), values()), max_size=5)
    )
    for spellings in SPELLINGS.values():
        for _ in range(draw(st.integers(1, 2))):
            members.append((draw(st.sampled_from(spellings)), draw(values())))
    parts = [
        f"{draw(SPACE)}{key}{draw(SPACE)}:{draw(SPACE)}{value}{draw(SPACE)}"
        for key, value in draw(st.permutations(members))
    ]
    return draw(SPACE) + "{" + ",".join(parts) + "}" + draw(SPACE)


def skeleton(text: str) -> str:
    """The text without its numbers."""
    return re.sub(r"-?\d[\d.eE+-]*", "#", text)


@some
@given(documents(), st.integers(1, 0xFFFFFF))
def test_every_other_value_stays_and_the_library_reads_the_new_counters(
    text: str, number: int
) -> None:
    edited = with_counters(text.encode(), number).decode()
    before, after = parse(text), parse(edited)
    assert isinstance(before, dict)
    assert after == {**before, **dict.fromkeys(COUNTERS, number)}
    assert list(json.loads(edited)) == list(json.loads(text))


@some
@given(documents())
def test_what_stands_around_the_counters_is_the_same_byte_for_byte(text: str) -> None:
    """With both counters at the same number already, nothing changes at all."""
    once = with_counters(text.encode(), 4711)
    assert with_counters(once, 4711) == once
    assert with_counters(with_counters(once, 12), 4711) == once


@given(st.integers(1, 0xFFFFFF))
def test_a_file_of_the_library_keeps_its_length_but_for_the_digits(number: int) -> None:
    data = whole()
    assume(b" %d," % number not in data)
    edited = with_counters(data, number)
    assert skeleton(edited.decode()) == skeleton(data.decode())
    assert len(edited) == len(data) + 2 * (len(str(number)) - 2)
    assert edited.replace(b" %d," % number, b" 31,") == data


def test_bytes_that_are_no_utf_8_stay() -> None:
    data = whole().replace(b'"android"', b'"and\xff\xferoid"')
    edited = with_counters(data, 99)
    assert b'"and\xff\xferoid"' in edited


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"1", b"{", b'{"nextPreKeyId": 1}', b'{"a": {"nextPreKeyId": 1}}',
        whole()[:-1], whole(nextPreKeyId=...), b'"nextPreKeyId"',
    ],
)  # fmt: skip
def test_what_has_no_counters_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"counters|JSON"):
        with_counters(data, 5)


@given(st.binary(max_size=60), st.integers(1, 99))
def test_no_bytes_raise_anything_else(data: bytes, number: int) -> None:
    try:
        edited: Any = with_counters(data, number)
    except ValueError:
        return
    assert parse(edited.decode("utf-8", "replace"))

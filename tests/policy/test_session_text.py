"""Closing the open session of a file changes one number, and no other byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.policy.files.session_text import with_closed_session
from baileys_janitor.policy.files.strict_json import parse
from tests.archived import record
from tests.policy.test_credentials_text import SPACE, TOKENS

NOW_MS = 1_795_000_000_123
some = settings(max_examples=40, deadline=None)

#: How `closed` is spelled: open, closed, and what is neither.
OPEN = st.sampled_from(["-1", "-1.0", "-1e0"])
CLOSED = st.sampled_from(["0", "1764240000123", "5.5", "-2", "1e12"])
CLOSED_KEY = st.sampled_from(['"closed"', r'"clos\u0065d"'])


@st.composite
def members(draw: st.DrawFn, *fixed: str) -> str:
    """The text of an object with these members among others, white space anywhere."""
    others = draw(st.lists(st.tuples(st.sampled_from(['"x"', '"é"', '""']), TOKENS), max_size=3))
    texts = [*fixed, *(f"{key}:{value}" for key, value in others)]
    parts = [draw(SPACE) + each + draw(SPACE) for each in draw(st.permutations(texts))]
    return "{" + ",".join(parts) + "}"


@st.composite
def entries(draw: st.DrawFn) -> str:
    """One session of a file: its `closed` perhaps said twice, and said again where it means nothing."""
    said = draw(st.lists(st.tuples(CLOSED_KEY, OPEN | CLOSED), min_size=1, max_size=2))
    info = draw(members(*(f"{key}: {value}" for key, value in said)))
    decoys = draw(st.sampled_from([[], ['"closed":-1'], ['"_chains":{"indexInfo":{"closed":-1}}']]))
    return draw(members(f'"indexInfo":{info}', *decoys))


@st.composite
def documents(draw: st.DrawFn) -> str:
    sessions = draw(st.lists(entries(), max_size=3))
    named = ",".join(f'"key{place}": {each}' for place, each in enumerate(sessions))
    decoy = draw(st.sampled_from([[], ['"indexInfo":{"closed":-1}'], ['"a":[{"closed":-1}]']]))
    return draw(members(f'"_sessions": {{{named}}}', '"version":"v1"', *decoy))


def with_closed(document: Any) -> Any:
    for each in document["_sessions"].values():
        if each["indexInfo"]["closed"] == -1:
            each["indexInfo"]["closed"] = NOW_MS
    return document


@some
@given(documents())
def test_what_is_open_is_closed_and_nothing_else_changes(text: str) -> None:
    edited = with_closed_session(text.encode(), NOW_MS).decode()
    assert parse(edited) == with_closed(parse(text))


@some
@given(documents())
def test_every_other_byte_stays(text: str) -> None:
    """Without the numbers that were written, what is left of the text was in it before, in its order."""
    edited = with_closed_session(text.encode(), NOW_MS).decode()
    place = 0
    for part in edited.split(str(NOW_MS)):
        place = text.index(part, place) + len(part)
    assert edited.count(str(NOW_MS)) >= sum(
        each["indexInfo"]["closed"] == NOW_MS
        for each in parse(edited)["_sessions"].values()  # type: ignore[index]
    )


@some
@given(documents())
def test_a_file_without_an_open_session_stays_as_it_is(text: str) -> None:
    closed = with_closed_session(text.encode(), NOW_MS)
    assert with_closed_session(closed, NOW_MS + 1) == closed


@some
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_other_bytes_are_refused_and_nothing_else_is_raised(data: bytes) -> None:
    with pytest.raises(ValueError, match="session"):
        with_closed_session(data, NOW_MS)


@pytest.mark.parametrize(
    "data",
    [
        record(-1, version="v2"),
        record(-1).replace(b'"version": "v1"', b'"version": null'),
        b'{"version": "v1"}',
        b'{"_sessions": [], "version": "v1"}',
        b'{"_sessions": {"a": {}}, "version": "v1"}',
        b'{"_sessions": {"a": {"indexInfo": {"closed": true}}}, "version": "v1"}',
        b'{"_sessions": {"a": {"indexInfo": {"closed": "-1"}}}, "version": "v1"}',
        record(-1)[:-1],
        b'{"type": "Buffer", "data": "CAESIA=="}',
    ],
    ids=range(9),
)
def test_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="session"):
        with_closed_session(data, NOW_MS)


def test_a_session_of_the_library_gets_the_time_of_the_restore() -> None:
    edited = json.loads(with_closed_session(record(5, -1, 9), NOW_MS))
    infos = [each["indexInfo"]["closed"] for each in edited["_sessions"].values()]
    assert infos == [5, NOW_MS, 9]

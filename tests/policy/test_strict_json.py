"""JSON read as strictly as the library reads it."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.policy.files import strict_json
from baileys_janitor.policy.files.strict_json import JsonError, is_whole, parse

documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(documents)
def test_what_anybody_writes_can_be_read(document: object) -> None:
    assert parse(json.dumps(document)) == document


@given(st.text(max_size=30))
def test_text_is_read_as_json_reads_it_or_refused(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(JsonError):
            parse(text)
    else:
        if not (isinstance(expected, float) and not math.isfinite(expected)):
            assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        '{"a":1}x',
        '{"a":1,}',
        "[1,]",
        "'a'",
        "NaN",
        "[Infinity]",
        "-Infinity",
        "\ufeff{}",
        "\u00a0{}",
        '"\n"',
        "01",
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_what_javascript_refuses_is_refused(text: str) -> None:
    with pytest.raises(JsonError):
        parse(text)


def test_an_error_does_not_repeat_the_document() -> None:
    with pytest.raises(JsonError) as caught:
        parse('{"private": "c2VjcmV0"')

    error: BaseException | None = caught.value
    while error is not None:
        assert "c2VjcmV0" not in str(error)
        error = error.__cause__ or error.__context__


def test_numbers_too_long_for_an_integer_become_doubles() -> None:
    assert parse("9" * 39) == 10**39 - 1
    assert parse("1" + "0" * 60) == 1e60
    assert parse("9" * 5_000) == math.inf


def test_of_a_key_that_is_there_twice_the_last_one_counts() -> None:
    assert parse('{"a": 1, "b": 2, "a": 3}') == {"a": 3, "b": 2}


@given(st.lists(documents, min_size=1, max_size=3), st.data(), st.booleans())
def test_a_document_is_whole_and_no_beginning_of_it_is(
    document: list[object], data: st.DataObject, large: bool
) -> None:
    text = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.MonkeyPatch.context() as patch:
        if large:  # as if it were too large to be parsed
            patch.setattr(strict_json, "MAX_PARSED_BYTES", -1)
        assert is_whole(text)
        assert not is_whole(text[:cut])

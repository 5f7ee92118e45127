"""JSON read as strictly as the library reads it, and written without spaces."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.policy import json_text
from baileys_janitor.policy.json_text import JsonError, compact, parse

DECODER_OPTIONS = sorted(
    set(vars(json.JSONDecoder())) - {"scan_once", "parse_object", "parse_array"} - {"parse_string"}
)

documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(documents)
def test_what_is_written_can_be_read_by_anybody(document: object) -> None:
    text = compact(document)

    assert text.isascii()
    assert json.loads(text) == document == parse(text)


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
        error = error.__cause__


def test_numbers_too_long_for_an_integer_become_doubles() -> None:
    assert parse("9" * 39) == 10**39 - 1
    assert parse("1" + "0" * 60) == 1e60
    assert parse("9" * 5_000) == math.inf


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, {1}, b"x", {1: 2}])
def test_what_has_no_json_form_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError):
        compact([value])


@pytest.mark.parametrize("option", [*DECODER_OPTIONS, "array_hook"])
def test_the_scanner_of_any_python_finds_the_options_that_it_asks_for(option: str) -> None:
    """A scanner that misses one makes no Job start: 3.15 asks for `array_hook`."""
    getattr(json_text._options, option)

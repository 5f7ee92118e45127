"""Durations and quantities as people write them."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.values import patterns, quantities
from baileys_janitor.api.values.durations import (
    MAX_LENGTH,
    Duration,
    duration_text,
    elapsed_text,
    seconds_of,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("14d", 1_209_600),
        ("6h", 21_600),
        ("1m30s", 90),
        ("90s", 90),
        ("0s", 0),
        ("1d0h0m1s", 86_401),
        ("007m", 420),
        ("36h", 129_600),
    ],
)
def test_a_duration_has_its_seconds_and_keeps_its_text(text: str, seconds: int) -> None:
    assert Duration(text).seconds == seconds
    assert str(Duration(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "14",
        "d",
        "14 d",
        "14D",
        "1.5h",
        "-1h",
        "+1h",
        "1h1d",
        "1h1h",
        "1ms",
        "1w",
        "٣d",
        "1h\n",
    ],
)
def test_anything_else_is_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration: write it as days, hours"):
        Duration(text)


@given(st.integers(0, 10**9))
def test_every_number_of_seconds_has_a_text_that_reads_back(seconds: int) -> None:
    assert seconds_of(duration_text(seconds)) == seconds


@given(st.text(max_size=40))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        seconds = seconds_of(text)
    except ValueError:
        return
    assert seconds >= 0
    assert len(text) <= MAX_LENGTH
    assert re.fullmatch(patterns.DURATION, text)


@given(st.from_regex(patterns.DURATION, fullmatch=True))
def test_what_the_api_server_lets_through_can_be_read(text: str) -> None:
    if len(text) >= 2 and text.isascii():
        assert seconds_of(text) >= 0


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0ms"), (340, "340ms"), (2500, "2.5s"), (59_999, "60.0s"), (65_000, "1m5s")],
)
def test_elapsed_time_is_short_to_read(milliseconds: int, text: str) -> None:
    assert elapsed_text(milliseconds) == text


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [("100m", "0.1"), ("1", "1"), ("0.5", "0.5"), ("64Mi", str(64 * 2**20)), ("2k", "2000")],
)
def test_a_quantity_has_its_amount(quantity: str, amount: str) -> None:
    assert quantities.amount_of(quantity) == Decimal(amount)


@given(st.text(max_size=40))
def test_any_text_is_a_quantity_or_a_value_error(text: str) -> None:
    try:
        amount = quantities.amount_of(text)
    except ValueError:
        return
    assert amount >= 0
    assert re.fullmatch(patterns.QUANTITY, text)


def test_a_quantity_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="'1GB' is no quantity: write it as 100m, 1, 64Mi or 1Gi"):
        quantities.amount_of("1GB")

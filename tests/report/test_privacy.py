"""A report names no phone number, and tells two sessions apart all the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.report.privacy import Names

NUMBERS = st.integers(10**6, 10**15 - 1).map(str)
SEPARATORS = st.sampled_from(["", " ", "-", ".", " (", ") "])


@pytest.mark.parametrize(
    "name",
    [
        "491511234567",
        "+49 151 1234567",
        "49-151-1234567",
        "(49) 151.123.4567",
        "md_491511234567",
        "491511234567_sessions",
        "/srv/auth/491511234567/x",
        "491511234567@s.whatsapp.net",
        "1234567",
        "٤٩١٥١١٢٣٤٥٦٧",
    ],
)
def test_a_phone_number_in_a_name_is_masked(name: str) -> None:
    shown = Names().name(name)
    assert "•" in shown
    assert len(re.findall(r"\d", shown)) <= 4


@pytest.mark.parametrize(
    "name",
    [
        "acme",
        "962302",
        "company_12",
        "550e8400-e29b-41d4-a716-446655440000",
        "/srv/a1/b2",
        "shop-1",
    ],
)
def test_any_other_name_stays(name: str) -> None:
    names = Names()
    assert names.name(name) == name
    assert not names.any_masked


@given(st.lists(NUMBERS, unique=True, max_size=8), SEPARATORS)
def test_masked_names_differ_and_are_the_same_each_time(numbers: list[str], between: str) -> None:
    names = Names()
    shown = [names.name(f"md_{number[:3]}{between}{number[3:]}") for number in numbers]
    assert len(set(shown)) == len(numbers)
    assert shown == [names.name(f"md_{number[:3]}{between}{number[3:]}") for number in numbers]


@given(st.text(max_size=20), NUMBERS, st.text(max_size=20))
def test_no_name_keeps_seven_digits_in_a_row(before: str, number: str, after: str) -> None:
    shown = Names().name(before + number + after)
    assert not re.search(r"\d{7}", shown)
    assert number not in shown


@pytest.mark.parametrize("name", ["/srv/+49 151 1234567", "/srv/49-151-1234567/x", "1.234.567"])
def test_a_sentence_about_a_name_with_separators_is_masked_too(name: str) -> None:
    names = Names()
    shown = names.name(name)
    assert (
        names.sentence(f"One pairing in {name} and /srv/a.")
        == f"One pairing in {shown} and /srv/a."
    )


@given(NUMBERS)
def test_a_sentence_about_a_masked_name_is_masked_too(number: str) -> None:
    names = Names()
    names.name(f"/srv/{number}")
    assert number not in names.sentence(f"/srv/{number}/creds.json cannot be read.")


def test_sizes_in_sentences_stay_and_what_must_be_a_number_goes() -> None:
    said = Names().sentence("1234567 bytes, 491511234567 of them.")
    assert said == "1234567 bytes, 49••••••••67 of them."


def test_names_are_shown_when_somebody_asks() -> None:
    names = Names(shown=True)
    assert names.name("+491511234567") == "+491511234567"
    assert names.sentence("491511234567 has none.") == "491511234567 has none."

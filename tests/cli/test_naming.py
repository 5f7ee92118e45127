"""Numbers, LIDs and groups as people write them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.cli.repair.naming import group_of, lid_of, person_of
from baileys_janitor.cli.terminal.problems import Problem

GROUP = "120363400000000000@g.us"


@pytest.mark.parametrize(
    "text",
    [
        "447700900123",
        "+447700900123",
        "+44 7700 900123",
        "+44 (0)7700 900-123",
        "00 44 7700 900 123",
        "+44.7700.900.123",
        "+44\N{NO-BREAK SPACE}7700\N{EN DASH}900\N{NON-BREAKING HYPHEN}123",
        "\N{FULLWIDTH DIGIT FOUR}47700900123",
        "447700900123@s.whatsapp.net",
        "447700900123:12@s.whatsapp.net",
        "447700900123_128:12@hosted",
        "447700900123@c.us",
        " 447700900123\n",
    ],
)
def test_a_number_is_read_in_every_form(text: str) -> None:
    assert person_of(text) == ("447700900123", "")


@pytest.mark.parametrize(
    "text", ["250000000000123@lid", "250000000000123:7@lid", "250000000000123_1:7@lid"]
)
def test_a_lid_is_told_by_its_server(text: str) -> None:
    assert person_of(text) == ("", "250000000000123")
    assert lid_of(text) == "250000000000123"
    assert lid_of("250000000000123_1") == lid_of("250000000000123") == "250000000000123"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no number was given"),
        ("   ", "no number was given"),
        ("07700900123", "country code"),
        ("12345", "7 to 15 digits, and this one has 5"),
        ("1" * 16, "this one has 16"),
        ("alice", "this is not a phone number"),
        ("447700900123@example.com", "this is not a phone number"),
        ("+44 7700 900123 x", "this is not a phone number"),
        ("120363000000000001@g.us", "name it with --group"),
    ],
)
def test_what_is_no_number_is_said_without_showing_it(text: str, said: str) -> None:
    with pytest.raises(Problem, match=said) as caught:
        person_of(text)
    assert caught.value.exit_code == 2
    assert not text.strip() or text not in caught.value.message


@given(st.text(max_size=60))
def test_any_text_is_a_number_or_a_sentence(text: str) -> None:
    for read in (person_of, lid_of, group_of):
        found = _read(read, text)
        assert found.endswith(".") or re.fullmatch(
            r"[0-9]+(-[0-9]+)?(@g\.us)?|status@broadcast", found
        )


def _read(read: Callable[[str], str | tuple[str, str]], text: str) -> str:
    """What was read, or the sentence."""
    try:
        return "".join(read(text))
    except Problem as problem:
        return problem.message


@pytest.mark.parametrize("text", ["120363400000000000", GROUP, f" {GROUP}\n"])
def test_a_group_is_named_with_or_without_its_server(text: str) -> None:
    assert group_of(text) == GROUP
    assert group_of("447700900123-1600000000") == "447700900123-1600000000@g.us"
    assert group_of("status@broadcast") == "status@broadcast"


@pytest.mark.parametrize(
    "text", ["", "family", "1@s.whatsapp.net", "https://chat.whatsapp.com/Abc"]
)
def test_what_is_no_group_is_said(text: str) -> None:
    with pytest.raises(Problem, match="--group: the id of a group is written as"):
        group_of(text)

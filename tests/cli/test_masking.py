"""Names that people see hold no phone number and can do a terminal no harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.cli.terminal.masking import masked, printable, shown_path

PHONE = "4915112345678"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (f"session-{PHONE}_1.0.json", "session-49*********78_1.0.json"),
        (
            f"sender-key-{PHONE}-1412345678@g.us--{PHONE}_1--12.json",
            "sender-key-49*********78-14******78@g.us--49*********78_1--12.json",
        ),
        ("pre-key-812.json", "pre-key-812.json"),
        ("creds.json", "creds.json"),
        (f"lid-mapping-{PHONE}.json", "lid-mapping-***.json"),
        (f"tctoken-{PHONE}@s.whatsapp.net.json", "tctoken-***.json"),
        ("device-list-alice.json", "device-list-***.json"),
        (f"session-{PHONE}.json.bak", "***.bak"),
        (f"notes about {PHONE}.txt", "***"),
    ],
)
def test_a_masked_name_shows_the_kind_and_hides_the_person(name: str, shown: str) -> None:
    assert masked(name) == shown


@given(
    st.sampled_from(
        [
            "session-{0}.0.json",
            "session-{0}_1.3.json",
            "sender-key-{0}@g.us--{0}_1--0.json",
            "sender-key-memory-{0}-{0}@g.us.json",
            "lid-mapping-{0}.json",
            "lid-mapping-{0}_reverse.json",
            "device-list-{0}.json",
            "tctoken-{0}@lid.json",
            "identity-key-{0}_1.0.json",
            "{0}",
            "session-{0}.json.tmp",
            "pre-key-{0}.json",
        ]
    ),
    st.integers(min_value=10**6, max_value=10**18).map(str),
)
def test_no_number_long_enough_to_be_a_phones_survives_masking(form: str, number: str) -> None:
    assert number not in masked(form.format(number))


def test_a_path_that_ends_in_a_session_file_is_masked_there() -> None:
    assert shown_path(f"/srv/wa/session-{PHONE}.0.json") == "/srv/wa/session-49*********78.0.json"


def test_a_directory_is_shown_as_it_was_typed() -> None:
    assert shown_path("/srv/wa/company_962302") == "/srv/wa/company_962302"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_printable_afterwards(text: str) -> None:
    assert printable(text).isprintable()


def test_bytes_and_control_characters_are_escaped() -> None:
    assert printable("a\x1b[31mb\n\udcff") == "a\\x1b[31mb\\n\\xff"

"""The memory as a line of text: short, and unforgeable by accident."""

from __future__ import annotations

import string
from hashlib import blake2s

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.policy.ages.ages import EARLIEST_SECONDS, LATEST_SECONDS
from baileys_janitor.policy.ages.put_in import BINS
from baileys_janitor.policy.ages.running import GROWTH_MAX_SECONDS, Memory
from baileys_janitor.policy.ages.running_text import (
    STRETCHES_MAX,
    TEXT_BYTES_MAX,
    decode,
    encode,
)
from tests.all_checks import examples
from tests.policy.worlds import NOW

DAY = 86_400
AT = int(NOW)
many = settings(max_examples=examples(100), deadline=None)

names = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=16)
spans = st.one_of(st.integers(0, 400 * DAY), st.just(0))


bitmaps = st.sampled_from([64, 256, 2048]).flatmap(
    lambda bits: st.tuples(spans, st.just(bits), st.integers(0, 2**bits - 1))
)


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    looked = draw(st.integers(EARLIEST_SECONDS, LATEST_SECONDS - 1))
    running = []
    time = looked - draw(spans)
    for _ in range(draw(st.integers(0, 30))):
        end = time
        time -= draw(spans)
        running.append((time, end))
        time -= DAY + 1 + draw(spans)
    since = looked - draw(spans)
    return Memory(
        looked,
        tuple(reversed(running)),
        draw(st.one_of(st.none(), spans.map(lambda span: looked - span))),
        floor=draw(st.one_of(st.none(), spans.map(lambda span: looked - span))),
        put_in=draw(st.one_of(st.none(), spans.map(lambda span: (since - span, since)))),
        grown=draw(st.integers(0, GROWTH_MAX_SECONDS)),
        ahead=draw(st.one_of(st.none(), spans.map(lambda span: looked + span))),
        boot=draw(st.one_of(st.none(), st.tuples(names, st.integers(0, 10**9)))),
        identity=draw(st.one_of(st.just(""), names)),
        bins=tuple(draw(st.lists(st.integers(0, 10**6), min_size=BINS, max_size=BINS))),
        seen=draw(st.one_of(st.none(), bitmaps.map(lambda seen: (looked - seen[0], *seen[1:])))),
    )


@many
@given(memories())
def test_what_is_written_is_read(memory: Memory) -> None:
    text = encode(memory)

    assert decode(text) == memory
    assert text.isascii()
    assert text.isprintable()


@many
@given(memories(), st.data())
def test_a_damaged_line_is_no_memory(memory: Memory, data: st.DataObject) -> None:
    text = encode(memory)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(string.printable))

    assert decode(text[:place]) is None
    assert decode(text[place + 1 :]) is None
    assert decode(text[:place] + other + text[place + 1 :]) in (None, memory)


def signed(body: str) -> str:
    """A forged line with the right checksum."""
    return f"{body};{blake2s(body.encode(), digest_size=4).hexdigest()}"


PLAIN = Memory(AT, ((AT - 9 * DAY, AT - 3 * DAY), (AT - DAY, AT - 60)), AT - 60, boot=("b", 9))


def test_a_forged_line_with_a_right_checksum_can_be_read() -> None:
    assert decode(signed(encode(PLAIN).rpartition(";")[0])) == PLAIN


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (0, "2"),
        (0, ""),
        (1, "0"),  # 1970
        (1, "zzzzzzzz"),
        (1, "zzzzzzzzzzzzzzzzzzzzzz"),
        (2, "00"),
        (2, "1,1"),
        (3, "-1"),
        (3, "1_1"),
        (4, "1"),
        (4, "1,1,1"),
        (5, "zzzz"),
        (5, ""),
        (6, "x."),
        (7, "b"),
        (7, ",9"),
        (7, "0123456789abcdefg,9"),
        (8, "0123456789abcdefg"),
        (9, ",".join("0" * (BINS - 1))),
        (9, ",".join("0" * (BINS + 1))),
        (9, ""),
        (10, "0,0"),
        (10, "0," + "0" * 17),
        (10, "0," + "0" * 48),
        (10, "0," + "0" * 1024),
        (10, "0," + "g" * 16),
        (10, "0" * 16),
        (11, "1o"),
        (11, "1o.5.5"),
        (11, "1o.5,5"),
        (11, "1o.5,1.1"),  # nearer than a day: unordered, or one stretch
        (11, "1o.5,"),
        (11, "\u0661.\u0661"),
    ],
)
def test_a_field_out_of_its_form_is_no_memory(field: int, text: str) -> None:
    fields = encode(PLAIN).split(";")[:-1]
    fields[field] = text

    assert decode(signed(";".join(fields))) is None


@pytest.mark.parametrize("text", [None, 7, b"1", [], "", ";", "1;;;;;;;;;;;;", "x" * 10**7])
def test_whatever_else_is_found_is_no_memory(text: object) -> None:
    assert decode(text) is None


def test_more_fields_are_no_memory() -> None:
    assert decode(signed(encode(PLAIN).rpartition(";")[0] + ";0")) is None


def longest(number: int) -> Memory:
    """Stretches of hours with silences of weeks, as many as are kept."""
    silence, length = 30 * DAY, 20 * DAY
    newest = LATEST_SECONDS - 1
    running = [
        (newest - n * (silence + length) - length, newest - n * (silence + length))
        for n in range(number)
    ]
    return Memory(
        newest,
        tuple(reversed(running)),
        newest,
        floor=newest - 400 * DAY,
        put_in=(newest - 400 * DAY, newest - 300 * DAY),
        grown=DAY,
        ahead=newest + DAY * 400,
        boot=("0123456789abcdef", 10**9),
        identity="0123456789abcdef",
        bins=(100_000,) * BINS,
        seen=(newest, 2048, 2**2048 - 1),
    )


def test_a_line_is_short_at_the_defaults_and_bounded_at_any_limit() -> None:
    assert len(encode(longest(24))) <= 1024
    most = Memory(
        AT,
        tuple((AT - (n + 1) * 2 * DAY, AT - (n + 1) * 2 * DAY) for n in range(STRETCHES_MAX))[::-1],
    )
    assert decode(encode(most)) == most
    assert len(encode(most)) < TEXT_BYTES_MAX < 100_000
    more = Memory(AT, ((AT - 90_000 * DAY, AT - 90_000 * DAY), *most.running))
    assert decode(encode(more)) is None

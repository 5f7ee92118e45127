"""The line of archives that are ours: what was written is read, and nothing else is."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.policy.archives.known_archives import (
    ARCHIVES_MAX,
    REPOSITORIES_MAX,
    TEXT_CHARACTERS_MAX,
    KnownArchives,
    PutArchive,
    decode,
    encode,
)

MOSCOW, EU = "0011223344556677", "8899aabbccddeeff"


def digits(number: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=number // 2, max_size=number // 2).map(bytes.hex)


NAMES = st.sampled_from([MOSCOW, EU, "f" * 16])
ARCHIVES = st.builds(
    PutArchive,
    time=st.integers(0, (1 << 33) - 1),
    digest=digits(16),
    sha256=digits(32),
    size=st.integers(0, (1 << 40) - 1),
    files=st.integers(0, (1 << 24) - 1),
    encrypted=st.booleans(),
    held=st.frozensets(NAMES),
    verified=st.frozensets(NAMES),
)
KNOWN = st.builds(
    KnownArchives,
    archives=st.lists(ARCHIVES, max_size=5, unique=True),
    fingerprint=st.just("") | digits(16),
    pairing=st.just("") | digits(16),
    recipients=st.just("") | digits(16),
    listed=st.dictionaries(NAMES, st.integers(0, (1 << 33) - 1)),
)


def usual(number: int) -> KnownArchives:
    both = frozenset((MOSCOW, EU))
    archives = [
        PutArchive(
            1_700_000_000 + 3600 * n, f"{n:016x}", f"{n:032x}", 89_000, 906, True, both, both
        )
        for n in range(number)
    ]
    return KnownArchives(archives, MOSCOW, EU, MOSCOW, {MOSCOW: 1_700_000_000, EU: 1_700_000_001})


@given(KNOWN)
def test_what_is_written_is_read(known: KnownArchives) -> None:
    text = encode(known)
    found = decode(text)
    assert found is not None
    newest = sorted(known.archives, key=lambda a: (a.time, a.digest, a.sha256), reverse=True)
    assert list(found.archives) == newest
    assert (found.fingerprint, found.pairing) == (known.fingerprint, known.pairing)
    assert {name: time for name, time in found.listed.items() if time} == {
        name: time for name, time in known.listed.items() if time
    }
    assert encode(found) == text


@given(KNOWN, st.data())
def test_a_line_that_was_changed_is_no_memory(known: KnownArchives, data: st.DataObject) -> None:
    text = encode(known)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != text[place]))
    assert decode(text[:place] + other + text[place + 1 :]) is None
    assert decode(text[:place]) is None


@given(st.none() | st.integers() | st.text() | st.lists(st.text()))
def test_anything_else_is_no_memory(junk: object) -> None:
    assert decode(junk) is None


def test_the_usual_retention_takes_little_and_the_most_is_bounded() -> None:
    assert len(encode(usual(66))) < 3700
    most = encode(usual(ARCHIVES_MAX))
    assert len(most) <= TEXT_CHARACTERS_MAX
    assert decode(most) is not None


def test_of_too_many_archives_the_oldest_are_forgotten() -> None:
    found = decode(encode(usual(ARCHIVES_MAX + 50)))
    assert found is not None
    assert len(found.archives) == ARCHIVES_MAX
    assert found.archives[0].time == 1_700_000_000 + 3600 * (ARCHIVES_MAX + 49)


def test_of_too_many_repositories_those_that_were_asked_last_are_remembered() -> None:
    listed = {f"{n:016x}": n for n in range(1, 20)}
    found = decode(encode(KnownArchives(listed=listed)))
    assert found is not None
    assert set(found.listed.values()) == set(range(20 - REPOSITORIES_MAX, 20))


def test_the_newest_is_one_that_a_repository_holds() -> None:
    known = usual(3)
    lost = replace(known.archives[2], held=frozenset())
    found = decode(encode(replace(known, archives=[*known.archives[:2], lost])))
    assert found is not None
    assert found.newest == known.archives[1]

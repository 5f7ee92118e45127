"""What a session's directory remembers of its archives: bounded, ours alone, and true to what a store lists."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.backup.known import (
    LIMIT_BYTES,
    MOST_NOWHERE,
    Known,
    KnownArchive,
    Seen,
    change_known,
    decoded,
    encoded,
    read_known,
    repository_id,
)
from baileys_janitor.backup.names import name_of
from baileys_janitor.backup.stores.location import location_of
from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.files.state_names import BACKUPS
from baileys_janitor.volume.runs.lock import acquire

NOW = 1_796_000_000
DAY = 86_400
HERE, THERE = (repository_id(location_of(url)) for url in ("s3://here-it-is/x", "/there"))

digests = st.text("0123456789abcdef", min_size=64, max_size=64)


def archive(time: int = NOW, digest: str = "ab" * 32, **verified: int) -> KnownArchive:
    return KnownArchive(
        *(name_of(time, digest, encrypted=True), digest, "cd" * 32, 1000, 3),
        *("1" * 16, "2" * 16, "3" * 16, verified),
    )


@pytest.fixture
def session(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "creds.json").write_text("{}")
    directory = os.open(tmp_path, os.O_RDONLY)
    yield directory
    os.close(directory)


@given(
    st.lists(
        st.builds(
            archive,
            st.integers(NOW - 400 * DAY, NOW),
            digests,
        ),
        max_size=20,
        unique_by=lambda each: each.name,
    )
)
def test_what_is_written_is_read_again(archives: list[KnownArchive]) -> None:
    known = Known(
        tuple(sorted(archives, key=lambda each: each.name, reverse=True)),
        {HERE: NOW},
        {HERE: NOW - 60},
    )
    assert decoded(encoded(known)) == known


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_junk_is_no_record(data: bytes) -> None:
    assert decoded(data) is None


@given(st.data())
def test_a_record_that_somebody_changed_is_whole_or_none(data: st.DataObject) -> None:
    whole = encoded(Known((archive(), archive(NOW - 5)), {HERE: NOW}, {HERE: NOW}))
    at = data.draw(st.integers(0, len(whole) - 1))
    other = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    found = decoded(other)
    assert found is None or len(found.archives) == 2


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, "../20261128T093500Z-abababab.tar.gz.age"),
        (1, "zz" * 32),
        (1, "cd" * 32),  # not the digest in its name
        (3, -1),
        (3, 1 << 60),
        (3, True),
        (5, "1" * 15),
        (8, {"x": 1}),
        (8, {HERE: "yesterday"}),
        (9, {HERE: "x" * 129}),
    ],
)
def test_every_value_has_bounds(place: int, value: object) -> None:
    document = json.loads(encoded(Known((archive(),))))
    document["archives"][0][place] = value
    assert decoded(json.dumps(document).encode()) is None


def test_a_file_that_is_not_ours_says_nothing(session: int, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(encoded(Known((archive(),))))
    (tmp_path / BACKUPS).symlink_to(tmp_path / "elsewhere")
    assert read_known(session) == Known()
    (tmp_path / BACKUPS).unlink()
    os.mkfifo(tmp_path / BACKUPS)
    assert read_known(session) == Known()


def test_a_file_without_end_is_not_read(session: int, tmp_path: Path) -> None:
    with (tmp_path / BACKUPS).open("wb") as file:
        file.truncate(LIMIT_BYTES + 1)
    assert read_known(session) == Known()


def test_a_change_is_kept_with_mode_0600(session: int, tmp_path: Path) -> None:
    change_known(session, lambda known: known.with_archive(archive()))
    change_known(session, lambda known: known.put_in(archive().name, HERE, NOW, None))
    assert read_known(session).archives == (archive(**{HERE: NOW}),)
    assert (tmp_path / BACKUPS).stat().st_mode & 0o777 == 0o600


def test_a_lock_that_is_held_is_waited_for_and_then_a_refusal(session: int) -> None:
    lock = acquire(session, owners_of(session), "somebody")
    waited: list[float] = []
    with pytest.raises(VolumeProblem) as found:
        change_known(session, lambda known: known.with_archive(archive()), waited.append)
    assert found.value.code == "Busy"
    assert 5 < sum(waited) < 10
    change_known(session, lambda known: known.with_archive(archive()), lambda _: lock.release())
    assert len(read_known(session).archives) == 1


def test_nothing_is_left_behind_in_a_directory_that_a_bot_has_cleared(
    session: int, tmp_path: Path
) -> None:
    (tmp_path / "creds.json").unlink()
    with pytest.raises(VolumeProblem):
        change_known(session, lambda known: known.with_archive(archive()))
    assert os.listdir(tmp_path) == []


def test_what_a_listing_lacks_is_not_vouched_for_there() -> None:
    old = archive(NOW - 3 * DAY, **{HERE: NOW - 3 * DAY, THERE: NOW - 3 * DAY})
    known = Known((old,)).listed_in(HERE, {}, NOW)
    assert known.in_repository(HERE) == []
    assert known.in_repository(THERE) == [known.archives[0]]


def test_what_comes_back_into_sight_is_vouched_for_again() -> None:
    old = archive(NOW - 3 * DAY, **{HERE: NOW - 3 * DAY})
    unmounted = Known((old,)).listed_in(HERE, {}, NOW)
    assert unmounted.in_repository(HERE) == []
    mounted = unmounted.listed_in(HERE, {old.name: Seen(old.size)}, NOW + DAY)
    assert [each.sha256 for each in mounted.in_repository(HERE)] == [old.sha256]


def test_of_what_is_nowhere_only_the_newest_is_remembered() -> None:
    times = range(NOW - 3 * DAY, NOW - 3 * DAY - MOST_NOWHERE - 5, -1)
    lost = tuple(archive(time, **{HERE: time}) for time in times)
    known = Known(lost).listed_in(HERE, {lost[-1].name: Seen(lost[-1].size)}, NOW)
    assert [each.time for each in known.archives] == [*times[:MOST_NOWHERE], times[-1]]


def test_an_archive_of_another_size_is_not_the_one_that_was_put() -> None:
    known = Known((archive(**{HERE: NOW}),))
    assert known.listed_in(HERE, {archive().name: Seen(999)}, NOW).in_repository(HERE) == []
    assert known.listed_in(HERE, {archive().name: Seen(1000)}, NOW).in_repository(HERE)


def test_an_archive_with_another_tag_is_not_the_one_that_was_put() -> None:
    known = Known((archive(),)).put_in(archive().name, HERE, NOW, "ours")
    assert (
        known.listed_in(HERE, {archive().name: Seen(1000, "forged")}, NOW).in_repository(HERE) == []
    )
    for tag in ("ours", None):
        assert known.listed_in(HERE, {archive().name: Seen(1000, tag)}, NOW).in_repository(HERE)
    assert decoded(encoded(known)) == known


def test_a_put_that_arrived_although_it_failed_is_ours() -> None:
    claimed = archive(NOW - 3 * DAY)
    known = Known((claimed,)).listed_in(HERE, {claimed.name: Seen(1000)}, NOW)
    assert [each.name for each in known.in_repository(HERE)] == [claimed.name]


def test_an_archive_that_is_on_its_way_is_not_forgotten() -> None:
    assert Known((archive(NOW - 60),)).listed_in(HERE, {}, NOW).archives

"""Which archives go: never the last good one, nobody else's, and nothing while backups have stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.policy.archives.archive_retention import (
    DAY_SECONDS,
    HOUR_SECONDS,
    UNVERIFIED_SECONDS,
    Retention,
    StoredArchive,
    UnknownArchives,
    is_due,
    newest_known,
    surplus,
    unknown_archives,
)
from baileys_janitor.policy.clocks import AHEAD_SECONDS

NOW = 1_795_858_500
MONTHS = 400 * DAY_SECONDS

times = st.integers(NOW - MONTHS, NOW + 3 * HOUR_SECONDS)
verified = st.none() | st.integers(NOW - MONTHS, NOW)
digests = st.sampled_from(["aaaaaaaa", "bbbbbbbb", "cccccccc"])
archives = st.lists(st.builds(StoredArchive, times, digests, st.booleans(), verified), max_size=60)
retentions = st.builds(Retention, st.integers(0, 30), st.integers(0, 30), st.integers(0, 14))


def ours(time: int, digest: str = "aaaaaaaa") -> StoredArchive:
    """An archive that we put and that was verified then."""
    return StoredArchive(time, digest, known=True, verified=time)


def fresh(there: list[StoredArchive]) -> list[StoredArchive]:
    """The same with one that was put and verified just now, so that nothing holds deletions up."""
    return [*there, ours(NOW)]


@given(archives, retentions, st.integers(NOW - 500 * DAY_SECONDS, NOW + 500 * DAY_SECONDS))
def test_the_newest_known_and_the_newest_verified_always_stay(
    there: list[StoredArchive], retention: Retention, now: int
) -> None:
    gone = surplus(there, retention, now)
    known = [each for each in there if each.known and each.time <= now + AHEAD_SECONDS]
    whole = [each for each in known if each.verified is not None]
    if known:
        assert newest_known(there, now) not in gone
    if whole:
        assert max(whole, key=lambda each: each.time).time in {
            each.time for each in whole if each not in gone
        }


@given(archives, retentions, st.integers(NOW - MONTHS, NOW + MONTHS))
def test_nobody_elses_and_none_from_the_future_goes(
    there: list[StoredArchive], retention: Retention, now: int
) -> None:
    for each in surplus(there, retention, now):
        assert each.known
        assert each.time <= now + AHEAD_SECONDS


@given(archives, archives, retentions)
def test_what_is_not_known_or_ahead_changes_nothing_for_the_others(
    there: list[StoredArchive], forged: list[StoredArchive], retention: Retention
) -> None:
    there = fresh(there)
    more = [
        each._replace(known=False) if number % 2 else each._replace(time=NOW + 2 * HOUR_SECONDS)
        for number, each in enumerate(forged)
    ]
    assert surplus(there + more, retention, NOW) == surplus(there, retention, NOW)


@given(archives, retentions)
def test_a_second_look_finds_nothing_more(there: list[StoredArchive], retention: Retention) -> None:
    there = fresh(there)
    gone = surplus(there, retention, NOW)
    assert surplus([each for each in there if each not in gone], retention, NOW) == []


@given(archives, retentions, st.data())
def test_more_to_keep_never_removes_more(
    there: list[StoredArchive], retention: Retention, data: st.DataObject
) -> None:
    there = fresh(there)
    field = data.draw(st.sampled_from(["hourly", "daily", "monthly"]))
    more = replace(retention, **{field: getattr(retention, field) + data.draw(st.integers(0, 9))})
    assert set(surplus(there, more, NOW)) <= set(surplus(there, retention, NOW))


@given(archives, retentions, st.data())
def test_two_at_once_or_an_old_listing_remove_nothing_that_stays(
    there: list[StoredArchive], retention: Retention, data: st.DataObject
) -> None:
    there = fresh(there)
    kept = set(there) - set(surplus(there, retention, NOW))
    seen = [each for each in there if each == there[-1] or data.draw(st.booleans())]
    assert not kept & set(surplus(seen, retention, NOW))


@given(archives, retentions)
def test_nothing_goes_while_none_has_been_verified_for_35_days(
    there: list[StoredArchive], retention: Retention
) -> None:
    long_ago = NOW - UNVERIFIED_SECONDS - 1
    stale = [
        each._replace(verified=None if each.verified is None else min(each.verified, long_ago))
        for each in there
    ]
    assert surplus(stale, retention, NOW) == []


@given(archives, retentions)
def test_nothing_goes_while_the_newest_has_been_unverified_for_35_days(
    there: list[StoredArchive], retention: Retention
) -> None:
    long_ago = NOW - UNVERIFIED_SECONDS - 1
    older = [each._replace(time=min(each.time, long_ago - 1), verified=NOW) for each in there]
    newest = StoredArchive(long_ago, "dddddddd")
    assert surplus([*older, newest], retention, NOW) == []


@given(archives, retentions, st.integers(UNVERIFIED_SECONDS + 1, 50 * MONTHS))
def test_a_clock_that_is_ahead_removes_nothing(
    there: list[StoredArchive], retention: Retention, ahead: int
) -> None:
    there = [each._replace(time=min(each.time, NOW)) for each in fresh(there)]
    assert surplus(there, retention, NOW + ahead) == []


@given(archives, retentions)
def test_no_more_stay_than_the_numbers_say(
    there: list[StoredArchive], retention: Retention
) -> None:
    known = [each for each in set(fresh(there)) if each.known and each.time <= NOW]
    kept = len(known) - len(surplus(known, retention, NOW))
    assert kept <= retention.hourly + retention.daily + retention.monthly + 2


def test_the_newest_of_each_hour_day_and_month_stay() -> None:
    hours = [ours(NOW - each * HOUR_SECONDS) for each in range(24 * 60)]
    kept = set(hours) - set(surplus(hours, Retention(3, 2, 2), NOW))
    assert [f"{datetime.fromtimestamp(each.time, UTC):%m-%d %H}" for each in sorted(kept)] == [
        "10-31 23", "11-27 23", "11-28 07", "11-28 08", "11-28 09",
    ]  # fmt: skip


def test_one_of_a_time_in_the_future_removes_none_and_stays_until_its_time_has_come() -> None:
    hours = [ours(NOW - each * HOUR_SECONDS) for each in range(5)]
    ahead = ours(NOW + 5 * HOUR_SECONDS, "ffffffff")
    assert surplus([*hours, ahead], Retention(5, 0, 0), NOW) == []
    assert surplus([*hours, ahead], Retention(5, 0, 0), NOW + 5 * HOUR_SECONDS) == [hours[-1]]


class TestStrangers:
    def test_an_earlier_life_is_told_from_another_janitor(self) -> None:
        there = [
            StoredArchive(NOW - 900, "aaaaaaaa", known=False),
            ours(NOW - 800), ours(NOW - 700),
            StoredArchive(NOW - 600, "bbbbbbbb", known=False),
            StoredArchive(NOW + DAY_SECONDS, "cccccccc", known=False),
        ]  # fmt: skip
        assert unknown_archives(there, NOW) == UnknownArchives(earlier=1, among=1, ahead=1)

    def test_where_nothing_is_known_all_are_from_an_earlier_life(self) -> None:
        there = [StoredArchive(NOW - 900, "aaaaaaaa", known=False)]
        assert unknown_archives(there, NOW) == UnknownArchives(earlier=1, among=0, ahead=0)


class TestDue:
    def test_the_first_a_changed_one_and_one_after_a_week(self) -> None:
        last = ours(NOW - 7 * DAY_SECONDS + 1, "aaaaaaaa")
        assert is_due(None, "aaaaaaaa", NOW)
        assert is_due(last, "bbbbbbbb", NOW)
        assert not is_due(last, "aaaaaaaa", NOW)
        assert is_due(last, "aaaaaaaa", NOW + 1)

    def test_one_from_the_future_does_not_stand_for_now(self) -> None:
        assert is_due(ours(NOW + 2 * HOUR_SECONDS), "aaaaaaaa", NOW)

    @given(st.integers(1, 90), st.integers(1, 200))
    def test_an_only_archive_never_expires_in_the_store(self, days: int, hours: int) -> None:
        """Looked at every so many hours, an unchanged session has an archive as long as they are a third of it."""
        kept = days * DAY_SECONDS
        every = min(hours * HOUR_SECONDS, kept // 3)
        put = [NOW]
        for now in range(NOW, NOW + 3 * kept, max(1, every)):
            if is_due(ours(put[-1]), "aaaaaaaa", now, kept_seconds=kept):
                put.append(now)
        assert all(after - before < kept for before, after in pairwise(put))


def month_of(time: int) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m}"


@pytest.mark.parametrize("seed", range(3))
def test_a_bucket_after_14_months(seed: int) -> None:
    """Hourly backups with pauses, two janitors at one prefix, and a forger who puts the newest times there."""
    bucket = simulated(seed)
    last, others = bucket.janitors[0], bucket.janitors[1]
    mine = [each for each in bucket.there if each in last.known]
    assert 12 <= len(mine) <= 24 + 30 + 12 + 2
    assert max(mine) == max(last.known)
    assert bucket.forged <= bucket.there
    months = {month_of(each.time) for each in mine}
    alive = sorted({month_of(each.time) for each in last.known})
    assert set(alive[-12:]) <= months
    theirs = [each for each in bucket.there if each in others.known]
    assert max(theirs) == max(others.known)
    assert len(theirs) <= 24 + 30 + 12 + 2
    assert last.saw_another
    assert others.saw_another


class Janitor:
    """One of the janitors: what it has put, and when it last did."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.known: set[StoredArchive] = set()
        self.last: StoredArchive | None = None
        self.saw_another = False

    def run(self, bucket: Bucket, digest: str, now: int) -> None:
        if is_due(self.last, digest, now):
            self.last = archive = ours(now, digest)
            self.known.add(archive)
            bucket.there.add(archive)
        if now % DAY_SECONDS // HOUR_SECONDS == 3 + self.offset % 2:  # once a day
            view = [
                each if each in self.known else each._replace(known=False) for each in bucket.there
            ]
            self.saw_another |= unknown_archives(view, now).among > 0
            gone = set(surplus(view, Retention(), now))
            assert gone <= self.known
            bucket.there -= gone


class Bucket:
    """What lies at the prefix."""

    def __init__(self) -> None:
        self.there: set[StoredArchive] = set()
        self.forged: set[StoredArchive] = set()
        self.janitors = [Janitor(0), Janitor(1)]


def simulated(seed: int) -> Bucket:
    """14 months of virtual time; another seed has other pauses, changes and forgeries."""
    bucket = Bucket()
    start = NOW - 425 * DAY_SECONDS
    pause = range(start + (60 + 30 * seed) * DAY_SECONDS, start + (110 + 30 * seed) * DAY_SECONDS)
    for hour in range(425 * 24):
        now = start + hour * HOUR_SECONDS
        busy = (now // DAY_SECONDS + seed) % 3 != 0
        digest = f"{hour if busy else now // DAY_SECONDS:08x}"
        for janitor in bucket.janitors:
            if now not in pause or janitor.offset:
                janitor.run(bucket, digest, now + 60 * janitor.offset)
        if hour % 97 == seed:
            forged = StoredArchive(
                now + (hour % 5) * HOUR_SECONDS + 7, digest, known=True, verified=now
            )
            bucket.forged.add(forged)
            bucket.there.add(forged)
    return bucket

"""Which of the two libraries uploaded the pre-keys, told by ids and times, and what follows."""

from __future__ import annotations

from random import Random

import pytest

from baileys_janitor.policy import reasons
from baileys_janitor.policy.cleanup.plan import Plan
from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.files.pre_keys import upload_span
from baileys_janitor.policy.settings import MaxRemovals, Retention, Settings
from tests.policy.worlds import (
    DAY,
    HOUR,
    NOW,
    alive,
    file,
    identity_of,
    names,
    plan_of,
    pre_keys,
    upload_history,
)


def plan(entries: list[Entry], next_id: int | None, keep: int = 50) -> Plan:
    identity = identity_of(nextPreKeyId=next_id, firstUnuploadedPreKeyId=next_id)
    settings = Settings(retention=Retention(pre_keys=keep), max_removals=MaxRemovals(100, 10_000))
    return plan_of([*entries, alive()], settings, identity)


def gone(entries: list[Entry], next_id: int | None, keep: int = 50) -> set[int]:
    return {int(name[8:-5]) for name in names(plan(entries, next_id, keep))}


def test_of_three_small_uploads_the_newest_fifty_keys_stay() -> None:
    entries = [
        *pre_keys(range(1, 31), 60 * DAY),
        *pre_keys(range(31, 61), 40 * DAY),
        *pre_keys(range(61, 91), 5 * DAY),
    ]

    assert gone(entries, 91) == set(range(1, 41))
    assert gone(entries, 91, keep=30) == set(range(1, 61))
    assert gone(entries, 91, keep=200) == set()


def test_the_latest_key_stays_even_when_none_is_to_be_kept() -> None:
    assert gone(pre_keys(range(1, 31), 60 * DAY), 31, keep=0) == set(range(1, 30))


def test_keys_of_retry_receipts_do_not_push_uploaded_ones_out() -> None:
    # Forty failing messages: forty keys that the server never saw, above all it hands out.
    uploaded = pre_keys(range(1, 31), 60 * DAY)
    retries = [file(f"pre-key-{key}.json", 50 * DAY - key * HOUR) for key in range(31, 71)]

    assert gone(uploaded + retries, 71, keep=30) == set(range(31, 70))


@pytest.mark.parametrize(("age", "goes"), [(29 * DAY, False), (31 * DAY, True)])
def test_a_single_key_of_a_retry_receipt_stays_for_thirty_days(age: float, goes: bool) -> None:
    entries = [
        *pre_keys(range(1, 31), 60 * DAY),
        file("pre-key-31.json", age),
        *pre_keys(range(32, 62), 5 * DAY),
    ]

    assert (31 in gone(entries, 62)) == goes


@pytest.mark.parametrize(("age", "goes"), [(29 * DAY, False), (31 * DAY, True)])
def test_keys_that_may_be_retries_or_an_upload_stay_for_thirty_days(age: float, goes: bool) -> None:
    # A second apart: a slow disk, or a receipt after another.
    entries = [
        *pre_keys(range(1, 31), 60 * DAY),
        file("pre-key-31.json", age),
        file("pre-key-32.json", age - 1),
        *pre_keys(range(33, 63), 5 * DAY),
    ]

    removed = gone(entries, 63, keep=30)

    assert {31, 32} & removed == ({31, 32} if goes else set())
    assert set(range(1, 31)) <= removed


def test_the_rest_of_an_upload_is_not_taken_for_a_single_key() -> None:
    # Key 15 is all that is left of an upload: the gaps around it leave room for one.
    entries = [file("pre-key-15.json", 90 * DAY), *pre_keys(range(31, 61), 40 * DAY)]

    assert gone(entries, 61, keep=50) == set()
    assert gone(entries, 61, keep=30) == {15}


def test_a_span_of_a_hundred_is_the_old_library_and_one_more_is_not() -> None:
    def uploads(first: int) -> list[Entry]:
        return pre_keys(range(first, 61), 60 * DAY) + pre_keys(range(61, 102), 5 * DAY)

    assert gone(uploads(2), 102) != set()
    assert gone(uploads(1), 102) == set()
    assert plan(uploads(1), 102).kept[reasons.LARGE_UPLOADS] == 101


def test_the_next_id_counts_although_its_neighbours_are_consumed() -> None:
    entries = pre_keys(range(1, 61), 60 * DAY)

    assert gone(entries, 61) != set()
    assert gone(entries, 300) == set()


@pytest.mark.parametrize("left", [5, 12, 22, 60, 99])
def test_what_is_left_of_an_upload_of_812_stays(left: int) -> None:
    entries = pre_keys(range(813 - left, 813), 60 * DAY)

    assert gone(entries, 813, keep=0) == set()


def test_what_is_left_of_812_and_the_fives_after_it_stays() -> None:
    entries = pre_keys(range(790, 813), 60 * DAY)
    for first in range(813, 863, 5):
        entries += pre_keys(range(first, first + 5), (900 - first) * HOUR)

    assert gone(entries, 863, keep=10) == set()
    assert plan(entries, 863).kept == {reasons.PRE_KEYS_IN_DOUBT: 73, reasons.IN_USE: 1}


def test_the_old_library_is_known_beyond_812_by_its_uploads_of_thirty() -> None:
    history = upload_history(Random(3), [30, 30, 30], 1, start=1_500)

    removed = gone(history.entries(NOW), history.next_id)

    assert removed & history.uploaded
    assert not removed & set(sorted(history.uploaded)[-50:])


def test_keys_newer_than_creds_tell_the_true_counter() -> None:
    # creds.json came from a backup: its counter says little, the keys say more.
    entries = pre_keys(range(1, 31), 90 * DAY) + pre_keys(range(780, 860), 60 * DAY)

    assert gone(entries, 31, keep=0) == set()


@pytest.mark.parametrize("next_id", [None, 0, "31"])
def test_without_a_counter_all_stay(next_id: int | None) -> None:
    assert gone(pre_keys(range(1, 91), 60 * DAY), next_id, keep=0) == set()


def test_times_that_fall_while_ids_rise_were_altered_so_all_stay() -> None:
    entries = pre_keys(range(1, 31), 5 * DAY) + pre_keys(range(31, 61), 60 * DAY)

    assert gone(entries, 61, keep=0) == set()


def test_without_any_upload_in_sight_all_stay() -> None:
    entries = [file(f"pre-key-{key}.json", (140 - key) * DAY) for key in range(1, 61)]

    assert gone(entries, 61, keep=0) == set()


def test_one_upload_is_one_although_a_slow_disk_took_its_time() -> None:
    entries = [file(f"pre-key-{key}.json", 60 * DAY - key * 0.05) for key in range(1, 31)]
    entries += [file(f"pre-key-{key}.json", 9 * DAY - key * 0.05) for key in range(31, 61)]

    assert gone(entries, 61) == set(range(1, 11))


def test_many_retries_in_a_row_are_no_upload() -> None:
    # After a sleep sixty messages fail within a minute: 250 ms lie between two receipts.
    uploaded = pre_keys(range(1, 31), 60 * DAY)
    burst = [file(f"pre-key-{key}.json", 2 * DAY - key * 0.25) for key in range(31, 91)]

    assert gone(uploaded + burst, 91, keep=30) == set()


def test_a_listing_without_pre_keys_has_no_span() -> None:
    assert upload_span([alive()]) == 0
    assert upload_span([alive(), *pre_keys([3, 40], 0)]) == 38


def test_after_a_restore_that_sets_one_time_the_ids_say_which_are_the_newest() -> None:
    restored = pre_keys(range(1, 91), 5 * DAY)
    assert gone(restored, 91) == set(range(1, 41))


def test_after_a_restore_in_another_order_none_goes() -> None:
    entries = [
        *pre_keys(range(1, 46), 5 * DAY),
        *pre_keys(range(46, 91), 5 * DAY + HOUR),
    ]
    assert gone(entries, 91) == set()
    assert plan(entries, 91).kept[reasons.PRE_KEYS_IN_DOUBT] == 90

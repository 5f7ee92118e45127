"""What one look learns of a tenant, and what is known after it."""

from __future__ import annotations

import pytest

from baileys_janitor.policy.ages.ages import Ages, file_time, usable_clock
from baileys_janitor.policy.ages.running import (
    Look,
    Memory,
    advance,
    clocks_differ,
    counted_anew,
    observe,
    recount,
)
from baileys_janitor.policy.files.file_entry import Entry
from tests.policy.worlds import (
    GROUPS,
    NOW,
    OWN_LID,
    OWN_PN,
    PAIRED,
    file,
    identity_of,
    memory,
    sender_key,
    session,
)

HOUR, DAY = 3_600, 86_400
AT = int(NOW)
LIMIT = 14 * DAY


def look_at(
    entries: list[Entry], known: Memory | None = None, now: float = NOW, **more: object
) -> Look:
    look = observe(entries, more.pop("identity", PAIRED), known, now, **more)  # type: ignore[arg-type]
    assert look is not None
    return look


def after(
    entries: list[Entry], known: Memory | None = None, now: float = NOW, **more: object
) -> Memory:
    return advance(known, look_at(entries, known, now, **more), LIMIT)


def regular(days: int, now: float = NOW) -> list[Entry]:
    """One contact a day, the latest an hour ago."""
    return [session(f"49{each}", each * DAY + HOUR, now=now) for each in range(days)]


# What is traffic.


@pytest.mark.parametrize("traffic", [session("4911", HOUR), sender_key(GROUPS[0], OWN_PN, HOUR, 7)])
def test_sessions_with_contacts_and_sender_keys_are_traffic(traffic: Entry) -> None:
    assert look_at([traffic]).newest == AT - HOUR


@pytest.mark.parametrize(
    "quiet",
    [
        file("creds.json", HOUR),
        file("pre-key-9.json", HOUR),
        file("app-state-sync-version-regular.json", HOUR),
        file("device-list-4911.json", HOUR),
        session(OWN_PN, HOUR, 7),
        session(f"{OWN_LID}_1", HOUR, 7),
    ],
)
def test_what_a_login_alone_writes_is_no_traffic(quiet: Entry) -> None:
    look = look_at([quiet, session("4911", 5 * DAY)])

    assert look.newest == AT - 5 * DAY
    assert look.stretches == ((AT - 5 * DAY, AT - 5 * DAY),)


def test_any_lid_may_be_an_own_one_while_that_is_unknown() -> None:
    identity = identity_of(me={"id": f"{OWN_PN}:7@s.whatsapp.net"})
    entries = [session("240000000000999_1", HOUR), session("4911", 2 * DAY)]

    assert look_at(entries, identity=identity).newest == AT - 2 * DAY
    assert look_at(entries).newest == AT - HOUR


@pytest.mark.parametrize(
    "once",
    [
        file("lid-mapping-4911.json", 30 * HOUR),
        file("lid-mapping-240000000000111_reverse.json", 30 * HOUR),
        file("identity-key-4911.0.json", 30 * HOUR),
        memory(GROUPS[0], 30 * HOUR),
    ],
)
def test_files_that_are_written_once_show_days_that_traffic_has_hidden(once: Entry) -> None:
    busy = session("4911", 10 * HOUR)

    assert look_at([once, busy]).stretches == ((AT - 30 * HOUR, AT - 10 * HOUR),)


@pytest.mark.parametrize(
    "own",
    [
        file(f"lid-mapping-{OWN_PN}.json", 30 * HOUR),
        file(f"lid-mapping-{OWN_LID}_reverse.json", 30 * HOUR),
        file(f"identity-key-{OWN_PN}.7.json", 30 * HOUR),
    ],
)
def test_but_not_the_tenants_own_which_each_login_may_write(own: Entry) -> None:
    assert look_at([own, session("4911", 10 * HOUR)]).stretches == (
        (AT - 10 * HOUR, AT - 10 * HOUR),
    )


def test_what_is_written_once_never_ends_a_stop() -> None:
    look = look_at([file("lid-mapping-4911.json", HOUR), session("4911", 20 * DAY)])

    assert look.newest == AT - 20 * DAY
    assert Ages(advance(None, look, LIMIT), AT).stopped


def test_nothing_is_learned_without_a_paired_identity_or_a_clock() -> None:
    entries = [session("4911", HOUR)]

    assert observe(entries, identity_of(account=...), None, NOW) is None
    for now in (0.0, 1.4e9, 1e10, float("nan"), float("inf"), float("-inf")):
        assert observe(entries, PAIRED, None, now) is None
        assert not usable_clock(now)


# The time of a file.


def entry(modified: float, changed: float = 0) -> Entry:
    return Entry.of("session-4911.0.json", 1, int(modified * 1e9), 1, 1, int(changed * 1e9))


@pytest.mark.parametrize(
    ("modified", "changed", "time"),
    [
        (NOW - DAY, NOW, AT - DAY),
        (NOW + 600, 0, AT + 600),
        (NOW + 601, NOW - DAY, None),  # later than a server's clock may be
        (0, NOW - DAY, AT - DAY),  # a restore without times
        (1_420_070_399, NOW - DAY, AT - DAY),
        (1_420_070_400, NOW - DAY, 1_420_070_400),
        (0, 0, None),
        (-5, NOW + DAY, None),
    ],
)
def test_the_time_of_a_file(modified: float, changed: float, time: int | None) -> None:
    assert file_time(entry(modified, changed), AT) == time


def test_a_file_without_a_time_is_no_traffic_and_never_old() -> None:
    known = after([*regular(40), entry(NOW + DAY)])

    assert known.newest == AT - HOUR
    assert not Ages(known, AT).old(None, DAY)


# From look to look.


def test_a_later_look_adds_what_came_since_and_remembers_the_rest() -> None:
    first = after(regular(40))
    assert first.running == ((AT - 39 * DAY - HOUR, AT - HOUR),)

    # All the traffic of the next ten days went to one contact: a listing alone would show a single point.
    known = first
    for day in range(1, 11):
        now = NOW + day * 23 * HOUR
        known = after([session("490", 60, now=now)], known, now)

    assert known.running == ((AT - 39 * DAY - HOUR, AT + 10 * 23 * HOUR - 60),)


def test_traffic_that_was_under_way_at_the_last_look_is_not_lost() -> None:
    first = after([session("4911", 3 * DAY)])
    late = [session("4911", 3 * DAY), session("4912", 90 * 60), session("4913", 3 * HOUR)]

    known = after(late, first, NOW + 60)

    assert known.running == (
        (AT - 3 * DAY, AT - 3 * DAY),
        (AT - 90 * 60, AT - 90 * 60),
    )


def test_only_as_many_stretches_are_kept_as_decide() -> None:
    single = [session(f"49{each}", each * 30 * HOUR) for each in range(60)]

    known = after(single)

    assert len(known.running) == 23
    assert known.running[-1][1] == AT


# Files that come from elsewhere.


def test_files_that_appear_among_older_ones_count_from_the_look_that_sees_them() -> None:
    first = after([session("4911", HOUR), session("4912", HOUR)])
    tomorrow = NOW + DAY
    put_in = [session("4911", 9 * DAY), session("4912", 0, now=tomorrow)]

    known = after(put_in, first, tomorrow)

    assert known.put_in == (AT - 7 * DAY, AT + DAY)
    ages = Ages(known, AT + DAY)
    assert ages.counts_from(AT - 9 * DAY) == AT + DAY
    assert ages.counts_from(AT - 6 * DAY) == AT - 6 * DAY


def test_an_older_copy_shows_by_times_that_were_not_there() -> None:
    # Both directories have 14 files, none of the last three days; the tenant was stopped then.
    here = [session(f"49{each}", 4 * DAY + each * 17 * HOUR) for each in range(14)]
    first = after(here)
    tomorrow = NOW + DAY
    copy = [session(f"49{each}", 7 * DAY + each * 2 * HOUR) for each in range(14)]

    known = after([*copy[1:], session("490", 0, now=tomorrow)], first, tomorrow)

    assert known.put_in == (AT - 7 * DAY, AT + DAY)


def test_an_undo_is_noticed_because_a_cleanup_counts_what_it_left() -> None:
    whole = [*regular(30)]
    left = whole[:10]
    first = recount(after(whole), left)

    assert after(left, first, NOW + HOUR).put_in is None
    undone = after(whole, first, NOW + HOUR)
    assert undone.put_in is not None
    assert undone.put_in[1] == AT + HOUR


def test_a_directory_that_only_goes_on_has_nothing_put_in() -> None:
    known = after(regular(30))
    for hour in range(1, 200):
        now = NOW + hour * HOUR
        entries = regular(30)[5:] + [session(f"49{each}", 0, now=now) for each in range(5)]
        known = after(entries, known, now)
        assert (known.put_in, known.floor) == (None, None)


def test_newest_traffic_a_day_older_than_before_is_a_restore() -> None:
    first = after(regular(30))

    back = after(regular(30)[2:], first, NOW + HOUR)
    assert back.floor == AT + HOUR
    assert Ages(back, AT + HOUR).counts_from(AT - 20 * DAY) == AT + HOUR
    assert after([], first, NOW + HOUR).floor == AT + HOUR
    assert after(regular(30)[1:], first, NOW + HOUR).floor is None


def test_another_identity_starts_anew() -> None:
    first = after(regular(30))
    other = identity_of(registrationId=78)

    assert after(regular(30), first, NOW + HOUR, identity=other).floor == AT + HOUR
    assert after(regular(30), first, NOW + HOUR).floor is None


def test_a_memory_that_came_with_a_copy_lets_nothing_count_from_before() -> None:
    known = counted_anew(after(regular(30)), NOW + DAY)
    known = after(regular(30), known, NOW + DAY)

    assert known.floor == AT + DAY


# Clocks.


def test_a_clock_set_back_on_one_start_of_the_machine_counts_anew() -> None:
    first = after(regular(30), boot=("b1", 5_000))

    back = after(regular(30), first, NOW - 2 * HOUR, boot=("b1", 5_060))
    assert back.floor == AT - 2 * HOUR
    assert after(regular(30), first, NOW - 60, boot=("b1", 5_060)).floor is None
    assert after(regular(30), first, NOW - 2 * HOUR, boot=("b2", 60)).floor is None


def test_a_clock_set_forward_lengthens_limits_by_at_most_a_day() -> None:
    first = after(regular(30), boot=("b1", 5_000))

    for ahead, grown in ((HOUR, 0), (20 * HOUR, 20 * HOUR), (20 * DAY, DAY)):
        known = after(regular(30), first, NOW + 60 + ahead, boot=("b1", 5_060))
        assert (known.grown, known.floor) == (grown, None)
    later = after(regular(30), known, NOW + 120 + 20 * DAY, boot=("b1", 5_120))
    assert later.grown == DAY


def test_what_was_seen_under_a_clock_that_was_ahead_is_cut_off() -> None:
    ahead = NOW + 5 * DAY
    first = after([session("4911", HOUR), session("4912", 0, now=ahead)], now=ahead)
    assert len(first.running) == 2

    known = after([session("4911", HOUR)], first)

    assert known.running == ((AT - HOUR, AT - HOUR),)
    assert known.floor is None


def test_times_that_a_clock_shows_twice_count_from_the_second_time_at_the_earliest() -> None:
    # The machine starts ten days behind, a bot writes, and the next start is right again.
    first = after(regular(30), boot=("b1", 5_000))
    behind = after(regular(30), first, NOW - 10 * DAY, boot=("b2", 60))
    assert (behind.ahead, behind.floor) == (AT, None)

    known = after(regular(30), behind, NOW + DAY, boot=("b3", 60))

    assert (known.ahead, known.floor) == (None, AT + DAY)


@pytest.mark.parametrize(
    ("shown", "differ"),
    [(-601, True), (-600, False), (0, False), (900, False), (901, True)],
)
def test_the_clocks_of_operator_and_node(shown: int, differ: bool) -> None:
    assert clocks_differ(NOW, NOW + shown, wait=300) is differ
    assert clocks_differ(NOW, float("nan"), wait=300)


# When ages stand still, and when none applies.


def quiet_for(silence: int) -> Ages:
    return Ages(after(regular(40), now=NOW - HOUR + silence), AT - HOUR + silence)


def test_ages_stand_still_from_a_day_without_traffic_on_and_end_after_three() -> None:
    running, standing, stopped = (quiet_for(each) for each in (DAY, DAY + 1, 3 * DAY + 1))

    assert (running.as_of, running.silent, running.stopped) == (AT - HOUR + DAY, False, False)
    assert (standing.as_of, standing.silent, standing.stopped) == (AT - HOUR, True, False)
    assert (stopped.as_of, stopped.silent, stopped.stopped) == (None, True, True)
    assert quiet_for(3 * DAY).cutoff(LIMIT) == AT - HOUR - LIMIT - 1
    assert stopped.cutoff(LIMIT) is None


def test_a_tenant_without_any_traffic_is_stopped() -> None:
    assert Ages(after([file("creds.json", HOUR)]), AT).stopped
    assert Ages(None, AT).stopped


def test_the_latest_stretch_is_what_people_are_told() -> None:
    entries = [session("4911", HOUR), session("4912", 5 * HOUR), session("4913", 3 * DAY)]

    assert Ages(after(entries), AT).since == AT - 5 * HOUR
    assert Ages(after([session("4911", 4 * DAY)]), AT).since is None


@pytest.mark.parametrize(("age", "days"), [(13.9, 1), (13, 2), (7, 8), (1, 14), (15, 0)])
def test_how_many_days_of_traffic_are_missing(age: float, days: int) -> None:
    ages = Ages(after(regular(40)), AT)

    assert ages.days_to_go(AT - int(age * DAY), LIMIT) == days

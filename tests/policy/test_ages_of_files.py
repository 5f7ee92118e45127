"""Which reason keeps a file whose age is not what the calendar says, and what the field has shown to go wrong."""

from __future__ import annotations

import pytest

from baileys_janitor.policy import advice, reasons
from baileys_janitor.policy.ages.ages import Ages
from baileys_janitor.policy.ages.running import Memory, advance, observe
from baileys_janitor.policy.cleanup.estimate import Outlook, look_ahead
from baileys_janitor.policy.cleanup.plan import Plan, make_plan
from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.settings import (
    DEFAULTS,
    TOTAL,
    MaxRemovals,
    Retention,
    Settings,
    Thresholds,
)
from tests.policy.worlds import (
    DAY,
    GROUPS,
    HOUR,
    NOW,
    OTHERS,
    OWN_PN,
    PAIRED,
    alive,
    file,
    identity_of,
    mappings,
    memory,
    names,
    plan_of,
    pre_keys,
    sender_key,
    session,
)

AT = int(NOW)
WHOLE = Settings(max_removals=MaxRemovals(100, 10_000))


def first_look(entries: list[Entry], settings: Settings = WHOLE, **more: object) -> Plan:
    """The plan of a janitor that knows nothing but the listing."""
    look = observe(entries, PAIRED, None, NOW)
    assert look is not None
    ages = Ages(advance(None, look, settings.longest_age), AT)
    identity = more.pop("identity", PAIRED)
    return make_plan(entries, identity, settings, NOW, ages, **more)  # type: ignore[arg-type]


def known(memory_of: Memory, entries: list[Entry], settings: Settings = WHOLE) -> Plan:
    return make_plan(entries, PAIRED, settings, NOW, Ages(memory_of, AT))


def test_what_is_old_by_the_calendar_and_not_in_traffic_is_said_to_be_so() -> None:
    running = ((AT - 10 * int(DAY), AT),)
    entries = [
        session("4911", 30 * DAY),
        session("4912", 13 * DAY),
        session("4913", 9 * DAY),
        sender_key(GROUPS[0], OTHERS[0], 30 * DAY),
        alive(),
    ]

    plan = known(Memory(AT, running, AT), entries)

    assert names(plan) == [entries[3].name]
    assert plan.kept == {reasons.SILENCE_NOT_COUNTED: 1, reasons.IN_USE: 3}


def test_what_counts_anew_after_a_restore_is_said_to_do_so() -> None:
    running = ((AT - 60 * int(DAY), AT),)
    entries = [session("4911", 30 * DAY), session("4912", 18 * DAY), alive()]

    floor = known(Memory(AT, running, AT, floor=AT - int(DAY)), entries)
    assert floor.kept == {reasons.AGE_COUNTS_ANEW: 2, reasons.IN_USE: 1}

    put_in = known(Memory(AT, running, AT, put_in=(AT - 20 * int(DAY), AT - int(DAY))), entries)
    assert names(put_in) == ["session-4912.0.json"]
    assert put_in.kept == {reasons.AGE_COUNTS_ANEW: 1, reasons.IN_USE: 1}


def test_a_clock_that_was_set_forward_lengthens_every_limit() -> None:
    running = ((AT - 60 * int(DAY), AT),)
    entries = [session("4911", 15.5 * DAY), session("4912", 14.5 * DAY), alive()]

    plan = known(Memory(AT, running, AT, grown=int(DAY)), entries)

    assert names(plan) == ["session-4911.0.json"]
    assert plan.kept == {reasons.IN_USE: 2}


def old_time(name: str, changed: float | None) -> Entry:
    """A file with the modification time 0."""
    ctime_ns = 0 if changed is None else int((NOW - changed) * 1e9)
    return Entry.of(name, 100, 0, 1, 1, ctime_ns)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [(None, reasons.TIME_UNKNOWN), (2 * DAY, reasons.IN_USE), (20 * DAY, None)],
)
def test_a_file_of_1970_goes_by_its_change_time_or_stays(
    changed: float | None, reason: str | None
) -> None:
    plan = known(
        Memory(AT, ((AT - 60 * int(DAY), AT),), AT),
        [old_time("session-4911.0.json", changed), alive()],
    )

    if reason is None:
        assert names(plan) == ["session-4911.0.json"]
    else:
        assert reason in plan.kept
        assert names(plan) == []


def test_the_pair_of_a_group_goes_by_its_youngest_file_whatever_tells_the_age() -> None:
    key = f"sender-key-{GROUPS[0]}--{OWN_PN}--7.json"
    group = f"sender-key-memory-{GROUPS[0]}.json"
    ever = Memory(AT, ((AT - 60 * int(DAY), AT),), AT)

    unknown = known(ever, [old_time(key, None), file(group, 9 * DAY), alive()])
    assert unknown.kept == {
        reasons.TIME_UNKNOWN: 1,
        reasons.OWN_KEY_IN_USE: 1,
        reasons.IN_USE: 1,
    }
    both = known(ever, [old_time(key, 9 * DAY), old_time(group, 8 * DAY), alive()])
    assert names(both) == [group, key]
    future = known(ever, [file(key, 9 * DAY), file(group, -HOUR), alive()])
    assert future.removals == []


def test_a_lost_key_is_repaired_whatever_the_times_say() -> None:
    lone = old_time(f"sender-key-memory-{GROUPS[0]}.json", None)

    plan = make_plan([lone, session(OTHERS[0], 20 * DAY)], PAIRED, WHOLE, NOW, Ages(None, AT))

    assert names(plan) == [lone.name]


@pytest.mark.parametrize(
    ("silence", "kept"), [(HOUR, reasons.NEWEST_PRE_KEYS), (25 * HOUR, reasons.STOPPED)]
)
def test_pre_keys_stay_from_the_first_day_of_silence_on(silence: float, kept: str) -> None:
    identity = identity_of(nextPreKeyId=92, firstUnuploadedPreKeyId=92)
    keys = [*pre_keys(range(1, 31), 60 * DAY), *pre_keys(range(31, 92), 40 * DAY)]
    settings = Settings(Thresholds(count=TOTAL), retention=Retention(pre_keys=31))
    entries = [*keys, session("4911", silence)]
    at = Memory(AT, ((AT - 90 * int(DAY), AT - int(silence)),), AT - int(silence))

    plan = make_plan(entries, identity, settings, NOW, Ages(at, AT))

    assert kept in plan.kept
    assert (len(plan.removals) == 0) == (silence > DAY)


def test_pre_keys_restored_as_of_1970_stay() -> None:
    identity = identity_of(nextPreKeyId=91, firstUnuploadedPreKeyId=91)
    keys = [old_time(f"pre-key-{key}.json", 20 * DAY) for key in range(1, 91)]
    settings = Settings(Thresholds(count=TOTAL), retention=Retention(pre_keys=10))

    ages = Ages(Memory(AT, ((AT - 60 * int(DAY), AT),), AT), AT)
    plan = make_plan([*keys, alive()], identity, settings, NOW, ages)

    assert plan.kept == {reasons.TIME_UNKNOWN: 90, reasons.IN_USE: 1}


# What the field has shown.


@pytest.mark.parametrize("emergency", [False, True])
@pytest.mark.parametrize("woke", [0.3, 0.75, 1.25, 2, 4, 8, 13])
def test_a_tenant_that_slept_for_twenty_days_loses_nothing_that_it_used_before(
    woke: float, emergency: bool
) -> None:
    # Forty contacts over the fortnight before the sleep; since waking one has written every six hours.
    asleep = [session(f"49{n:02}", (woke + 20 + n % 14 * 0.9) * DAY) for n in range(40)]
    awake = [session(f"47{n:02}", n * 6 * HOUR + 600) for n in range(int(woke * 4))]
    entries = [*asleep, *awake, *mappings(40, 100 * DAY), file("creds.json", woke * DAY)]

    plan = first_look(entries, emergency=emergency)

    # What ran for the limit: the time before the sleep and since.
    limit = 7 if emergency else 14
    for removal in plan.removals:
        age = (NOW - removal.entry.mtime_ns / 1e9) / DAY
        assert age - 20 > limit
    young = [entry for entry in asleep if (NOW - entry.mtime_ns / 1e9) / DAY - 20 <= limit]
    assert not {entry.name for entry in young} & set(names(plan))


@pytest.mark.parametrize("since", [6, 24, 48, 14 * 24])
def test_a_directory_restored_as_of_1970_loses_nothing_that_was_restored(since: int) -> None:
    # Restored so many hours ago; a contact an hour has written since.
    back = float(since) * HOUR
    restored = [
        *[old_time(f"session-49{n:02}.0.json", back) for n in range(40)],
        *[old_time(f"sender-key-{GROUPS[0]}--49{n:02}--0.json", back) for n in range(30)],
        *[old_time(f"lid-mapping-{n}.json", back) for n in range(30)],
        *[old_time(f"pre-key-{n}.json", back) for n in range(1, 91)],
    ]
    busy = [session(f"47{n:02}", n * HOUR + 600) for n in range(min(since, 300))]

    plan = first_look([*restored, *busy])

    sender_keys = [name for name in names(plan) if name.startswith("sender-key")]
    assert set(names(plan)) == set(sender_keys)
    assert bool(sender_keys) == (since > 3 * 24)


# What is told of it.


def outlook_of(entries: list[Entry], settings: Settings) -> Outlook:
    look = observe(entries, PAIRED, None, NOW)
    assert look is not None
    return look_ahead(entries, PAIRED, settings, NOW, Ages(advance(None, look, 14 * DAY), AT))


def test_a_tenant_at_its_trigger_is_told_how_long_silences_keep_files() -> None:
    # Two contacts a day for ten days after a sleep; before it others.
    after = [session(f"47{n:02}", n * DAY + HOUR) for n in range(11)]
    before = [session(f"49{n:02}", (30 + n * 0.4) * DAY) for n in range(8)]
    settings = Settings(Thresholds(10, 15, 18, 20, 25))

    outlook = outlook_of([*after, *before], settings)
    told = advice.silence_not_counted(outlook, settings)

    assert outlook.kept[reasons.SILENCE_NOT_COUNTED] == 8
    assert told is not None
    assert told.numbers == {"files": 8, "days": outlook.held_days}
    # The oldest has had three days of traffic before the sleep and ten since.
    assert told.numbers["days"] == 2
    assert "8 files are older than the limits by the calendar" in told.message
    assert advice.silence_not_counted(outlook, DEFAULTS) is None
    assert advice.silence_not_counted(outlook_of(after, settings), settings) is None


def test_the_days_that_are_told_are_those_after_which_the_first_goes() -> None:
    day = int(DAY)
    running: tuple[tuple[int, int], ...] = ((AT - 40 * day, AT - 37 * day), (AT - 5 * day, AT))
    oldest = AT - 40 * day
    days = Ages(Memory(AT, running, AT), AT).days_to_go(oldest, 14 * DAY)
    for each in range(1, days + 1):
        running = (running[0], (AT - 5 * day, AT + each * day))
        now = AT + each * day
        assert Ages(Memory(now, running, now), now).old(oldest, 14 * DAY) == (each == days)


def test_a_pair_in_use_stays_for_that_reason() -> None:
    plan = plan_of([memory(GROUPS[0], HOUR), sender_key(GROUPS[0], OWN_PN, HOUR, 7), alive()])

    assert plan.kept == {reasons.OWN_KEY_IN_USE: 2, reasons.IN_USE: 1}

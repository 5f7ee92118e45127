"""What a scan reports about cleaning, and the advice that follows from it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.policy import advice, reasons
from baileys_janitor.policy.ages.ages import Ages
from baileys_janitor.policy.ages.running import Memory
from baileys_janitor.policy.ages.stretches import merge
from baileys_janitor.policy.cleanup.estimate import (
    Outlook,
    due_by_calendar,
    look_ahead,
    reclaimable_now,
)
from baileys_janitor.policy.cleanup.guards import Context, shortest
from baileys_janitor.policy.cleanup.selection import Tally
from baileys_janitor.policy.counts import take_census
from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.files.identity import read_identity
from baileys_janitor.policy.settings import (
    DEFAULTS,
    TOTAL,
    Allowances,
    MaxRemovals,
    Settings,
    Thresholds,
)
from tests.all_checks import examples
from tests.policy.worlds import (
    DAY,
    HOUR,
    NOW,
    PAIRED,
    World,
    ages_of,
    alive,
    file,
    mappings,
    pre_keys,
    session,
    worlds,
)

many = settings(max_examples=examples(120), deadline=None)


def outlook_of(world: World) -> Outlook:
    return look_ahead(world.entries, world.identity, world.settings, world.now, world.ages)


def uncapped(world: World) -> World:
    given_settings = world.settings
    whole = Settings(
        given_settings.thresholds,
        given_settings.allowances,
        given_settings.retention,
        given_settings.emergency_retention,
        MaxRemovals(100, 10**6),
    )
    return world._replace(settings=whole)


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    """What is remembered of a tenant with silences, copies and clocks that were set."""
    at = int(NOW)
    times = st.integers(at - 40 * DAY, at)
    day = st.integers(0, 3 * DAY)
    stretches = draw(
        st.lists(st.builds(lambda time, more: (time, min(at, time + more)), times, day))
    )
    return Memory(
        at,
        merge(stretches),
        draw(st.one_of(times, st.integers(at - 2 * DAY, at), st.just(at))),
        floor=draw(st.one_of(st.none(), st.none(), times)),
        put_in=draw(st.one_of(st.none(), st.none(), st.tuples(times, times))),
        grown=draw(st.sampled_from([0, 0, 0, DAY])),
    )


@many
@given(worlds(), st.none() | memories())
def test_what_is_reclaimable_now_is_what_the_outlook_says(
    world: World, memory: Memory | None
) -> None:
    ages = world.ages if memory is None else Ages(memory, memory.looked)
    listing = world.entries, world.identity, world.settings, world.now, ages
    assert reclaimable_now(*listing) == look_ahead(*listing).reclaimable


@many
@given(worlds(paired=True), st.none() | memories())
def test_the_floor_is_what_is_left_when_every_age_is_that_of_the_calendar(
    world: World, memory: Memory | None
) -> None:
    ages = world.ages if memory is None else Ages(memory, memory.looked)
    outlook = look_ahead(world.entries, world.identity, world.settings, world.now, ages)
    if outlook.refused is None:
        limits = shortest(world.settings, emergency=True)
        context = Context(world.entries, world.identity, limits, world.now, ages)
        due = due_by_calendar(world.entries, context, world.settings)
        tally = Tally(world.entries, world.settings)
        for unit in due.normal + due.extra:
            tally.remove(unit)
        assert outlook.floor == tally.counted


@many
@given(worlds())
def test_below_the_trigger_nothing_is_advised_that_needs_the_whole_outlook(world: World) -> None:
    outlook, census = outlook_of(world), take_census(world.entries, world.now)
    if outlook.counted >= world.settings.thresholds.trigger:
        return
    brief = Outlook(outlook.counted, outlook.reclaimable, refused=outlook.refused)
    for known in (outlook, brief):
        assert advice.threshold_unreachable(known, world.settings) is None
        assert advice.silence_not_counted(known, world.settings) is None
    rotation = advice.rotation_recommended(census, outlook, world.settings)
    assert advice.rotation_recommended(census, brief, world.settings) == rotation


@many
@given(worlds())
def test_the_outlook_says_what_the_plans_would_do(world: World) -> None:
    outlook = outlook_of(world)
    normal = uncapped(world).plan(emergency=False)
    emergency = uncapped(world).plan(emergency=True)

    assert outlook.refused == normal.refused
    assert outlook.counted == normal.before
    assert outlook.reclaimable == len(normal.removals)
    assert outlook.emergency_gain == emergency.before - emergency.after


@many
@given(worlds(paired=True))
def test_nothing_gets_below_the_floor(world: World) -> None:
    outlook = outlook_of(world)

    assert outlook.floor <= outlook.counted - outlook.emergency_gain
    assert outlook.floor <= uncapped(world).plan(emergency=False).after


def test_the_floor_of_a_sleeper_counts_what_will_be_old_once_it_has_woken() -> None:
    entries = [session(f"49{each}", 20 * DAY) for each in range(30)] + mappings(10)

    stopped = look_ahead(entries, PAIRED, DEFAULTS, NOW, ages_of(entries))
    awake = [*entries, alive()]
    woken = look_ahead(awake, PAIRED, DEFAULTS, NOW, ages_of(awake, since=NOW - HOUR))

    assert (stopped.reclaimable, stopped.floor) == (0, 10)
    assert (woken.reclaimable, woken.floor) == (0, 11)


def test_a_refused_directory_has_no_outlook() -> None:
    entries = [session("4911", 90 * DAY), alive()]

    outlook = look_ahead(entries, read_identity(b""), DEFAULTS, NOW, ages_of(entries))

    assert outlook.refused == reasons.CREDENTIALS_CORRUPT
    assert (outlook.counted, outlook.reclaimable, outlook.emergency_gain) == (2, 0, 0)
    assert (outlook.floor, outlook.kept) == (2, {})


def busy(contacts: int) -> list[Entry]:
    return [session(f"49{each}", 6 * HOUR) for each in range(contacts)]


def unreachable(entries: list[Entry], limits: Settings = DEFAULTS) -> advice.Advice | None:
    return advice.threshold_unreachable(
        look_ahead(entries, PAIRED, limits, NOW, ages_of(entries)), limits
    )


def test_a_tenant_with_many_contacts_in_use_is_told_which_limits_fit() -> None:
    told = unreachable([*busy(200), *mappings(65)])

    assert told is not None
    assert told.reason == "ThresholdUnreachable"
    assert told.numbers == {"floor": 265, "counted": 265, "trigger": 175, "suggestedTrigger": 320}
    assert told.message == (
        "265 of 265 counted files are in use or protected, so no cleanup gets below the trigger of"
        " 175; limits that fit: warning 295, critical 315, trigger 320, emergency 325, danger 330."
    )


def test_limits_within_reach_need_no_advice() -> None:
    old = [session(f"39{each}", 20 * DAY) for each in range(100)]

    assert unreachable([*busy(174)]) is None
    assert unreachable([*busy(175)]) is not None
    assert unreachable([*busy(100), *old]) is None


@pytest.mark.parametrize("floor", [175, 200, 330, 5_000])
def test_suggested_limits_fit(floor: int) -> None:
    fit = advice.fitting_thresholds(floor, DEFAULTS.thresholds)

    assert fit.trigger >= floor + 25
    assert fit.warning < fit.critical < fit.trigger < fit.emergency < fit.danger


def rotation(entries: list[Entry], limits: Settings) -> advice.Advice | None:
    outlook = look_ahead(entries, PAIRED, limits, NOW, ages_of(entries))
    return advice.rotation_recommended(take_census(entries, NOW), outlook, limits)


def unknown(number: int) -> list[Entry]:
    return [file(f"left-behind-{each}", 20 * DAY) for each in range(number)]


def test_pairing_anew_is_advised_where_protected_files_keep_the_count_up() -> None:
    total = Settings(Thresholds(count=TOTAL))

    told = rotation([*busy(10), *mappings(300)], total)

    assert told is not None
    assert told.reason == "RotationRecommended"
    assert told.numbers == {"stays": 310, "protected": 300, "anew": 48}
    assert "300 protected files go only" in told.message
    told = rotation([*busy(10), *unknown(200)], total)
    assert told is not None
    assert "0 protected files and 200 unknown ones go only" in told.message


def test_pairing_anew_is_not_advised_where_it_would_not_help() -> None:
    total = Settings(Thresholds(count=TOTAL))

    assert rotation([*busy(200), *mappings(300)], total) is None
    assert rotation([*busy(10), *mappings(60)], total) is None
    asleep = [session(f"39{each}", 20 * DAY) for each in range(200)]
    assert rotation(asleep, DEFAULTS) is None


def device_lists(number: int) -> list[Entry]:
    """Protected files that a rotation does not keep."""
    return [file(f"device-list-{49_000 + each}.json", 20 * DAY) for each in range(number)]


def test_a_rotation_is_advised_where_it_sheds_enough_with_the_mappings_that_it_keeps() -> None:
    total = Settings(Thresholds(count=TOTAL))
    told = rotation([*busy(10), *mappings(60), *device_lists(300)], total)
    assert told is not None
    assert told.rotates
    assert told.numbers == {"stays": 370, "protected": 300, "anew": 88}
    assert "300 protected files go only with a new pairing: rotate the session" in told.message
    assert "with the 60 LID mappings that a rotation keeps" in told.message
    told = rotation([*busy(10), *mappings(300)], total)
    assert told is not None
    assert not told.rotates, "mappings stay in a rotation, so that another directory is needed"


CLEANED = (advice.Cleaned(176, 0), advice.Cleaned(172, 4), advice.Cleaned(175, 2))


@pytest.mark.parametrize(
    ("cleanups", "advised"),
    [
        (CLEANED, True),
        ((*CLEANED, advice.Cleaned(20, 90)), True),
        (CLEANED[:2], False),
        ((), False),
        ((*CLEANED[:2], advice.Cleaned(175, 5)), False),
        ((*CLEANED[:2], advice.Cleaned(169, 0)), False),
    ],
    ids=["three", "older ones", "two", "none", "one removed five", "one got below critical"],
)
def test_cleanups_that_help_little_again_and_again_are_a_sign_from_critical_on(
    cleanups: tuple[advice.Cleaned, ...], advised: bool
) -> None:
    total = Settings(Thresholds(count=TOTAL))
    entries = [*busy(10), *device_lists(165)]
    outlook = look_ahead(entries, PAIRED, total, NOW, ages_of(entries))
    assert total.thresholds.critical <= outlook.floor < total.thresholds.emergency
    told = advice.rotation_recommended(take_census(entries, NOW), outlook, total, cleanups)
    assert (told is not None) == advised
    if told is not None:
        assert told.message.startswith(
            "The last 3 cleanups removed fewer than 5 files each and left 172 to 176; 175 counted"
        )
        assert "at or above the limit of 170;" in told.message


def test_what_cleanups_show_is_no_sign_below_critical() -> None:
    total = Settings(Thresholds(count=TOTAL))
    entries = [*busy(10), *device_lists(150)]
    outlook = look_ahead(entries, PAIRED, total, NOW, ages_of(entries))
    assert advice.rotation_recommended(take_census(entries, NOW), outlook, total, CLEANED) is None


@pytest.mark.parametrize(
    "sign",
    [
        pre_keys(range(1, 813), 10 * DAY),
        [*pre_keys(range(790, 813), 10 * DAY), file("tctoken-4911@lid.json", DAY)],
        [*pre_keys(range(790, 813), 10 * DAY), file("identity-key-4911_1.0.json", DAY)],
    ],
)
def test_pairing_anew_does_not_help_where_it_brings_812_counted_pre_keys(
    sign: list[Entry],
) -> None:
    entries = [*busy(10), *mappings(300), *sign]

    assert rotation(entries, Settings(Thresholds(count=TOTAL))) is None
    tight = Settings(Thresholds(10, 50, 60, 100, 110), Allowances(pre_keys=0, protected=500))
    assert rotation([*entries, *unknown(100)], tight) is not None


@pytest.mark.parametrize("active_since", [None, NOW - HOUR])
def test_a_stopped_or_just_woken_tenant_is_judged_by_what_will_be_old(
    active_since: float | None,
) -> None:
    asleep = [session(f"39{each}", 20 * DAY) for each in range(200)]
    asleep += [] if active_since is None else [alive()]
    outlook = look_ahead(asleep, PAIRED, DEFAULTS, NOW, ages_of(asleep, since=active_since))

    assert outlook.counted >= DEFAULTS.thresholds.emergency
    assert outlook.emergency_gain == 0
    assert advice.rotation_recommended(take_census(asleep, NOW), outlook, DEFAULTS) is None


@pytest.mark.parametrize(
    ("quiet", "words"),
    [(7 * DAY, None), (7 * DAY + 1, "7 days"), (40 * DAY, "40 days")],
)
def test_a_tenant_without_traffic_is_reported(quiet: float, words: str | None) -> None:
    told = advice.session_inactive(NOW - quiet, NOW)

    assert (told is None) == (words is None)
    assert told is None or words in told.message  # type: ignore[operator]


def test_the_time_without_traffic_can_be_configured() -> None:
    assert "for 5 hours" in str(advice.session_inactive(NOW - 5 * HOUR, NOW, 4 * HOUR))
    assert "for 1 day:" in str(advice.session_inactive(NOW - DAY, NOW, 4 * HOUR))
    assert advice.session_inactive(None, NOW) is None


def test_a_nearly_full_volume_is_reported_with_numbers() -> None:
    told = advice.disk_pressure(3 * 1024 * 1024, 12)

    assert told is not None
    assert told.message.startswith("Only 3 MiB and 12 inodes are free on the volume;")
    assert told.numbers == {"freeBytes": 3 * 1024 * 1024, "freeInodes": 12}
    assert advice.disk_pressure(10**9, 10**6) is None
    assert advice.disk_pressure(None, None) is None


def test_no_message_repeats_a_name() -> None:
    entries = [*busy(200), *mappings(300), file("lid-mapping-12015550100.json", DAY)]
    told = [unreachable(entries), rotation(entries, Settings(Thresholds(count=TOTAL)))]

    assert not any("12015550100" in str(each) for each in told)


def piled_up(number: int, now: float = NOW) -> list[Entry]:
    """Pre-keys as a library adds them that keeps all: 110 a day."""
    return [
        file(f"pre-key-{each}.json", (number - each) / 110 * DAY, now=now)
        for each in range(1, number + 1)
    ]


def test_pre_keys_by_the_thousand_are_named_with_their_growth_and_two_ways_out() -> None:
    told = rotation([*busy(40), *mappings(120), *piled_up(5_241)], DEFAULTS)

    assert told is not None
    assert told.reason == "RotationRecommended"
    assert told.numbers == {"preKeys": 5_241, "aDay": 110, "anew": 812}
    assert "5241 pre-keys are there, about 110 more each day, and none may go" in told.message
    assert "leave them" in told.message
    assert "pair the tenant again" in told.message


def test_where_every_file_counts_the_other_count_is_the_first_way_out() -> None:
    total = Settings(Thresholds(count=TOTAL))
    told = rotation([*busy(40), *mappings(120), *piled_up(2_000)], total)

    assert told is not None
    assert "set thresholds.count to Pressure" in told.message
    assert "leave them" not in told.message


def test_pre_keys_of_a_usual_number_are_no_matter() -> None:
    total = Settings(Thresholds(count=TOTAL))
    files = [*busy(40), *mappings(60), *piled_up(812)]

    assert rotation(files, total) is None
    assert rotation([*busy(40), *piled_up(advice.MANY_PRE_KEYS - 1)], DEFAULTS) is None
    assert rotation([*busy(40), *piled_up(advice.MANY_PRE_KEYS)], DEFAULTS) is not None


def test_the_growth_of_pre_keys_is_left_out_where_it_is_unknown() -> None:
    first_login = pre_keys(range(1, 6_001), DAY)
    told = rotation([*busy(40), *first_login], DEFAULTS)

    assert told is not None
    assert told.numbers["aDay"] == 0
    assert "each day" not in told.message


def test_temporary_files_of_cut_off_writes_are_named_once_they_are_a_day_old() -> None:
    left = [
        file("creds.json.3948234", 2 * DAY, size=30),
        file("session-4911.0.json.tmp", 9 * DAY, size=12),
    ]
    others = [file("creds.json.bak", 9 * DAY), file("pre-key-7.json.tmp", HOUR), *busy(3)]

    assert advice.temporary_files(others, NOW) is None
    told = advice.temporary_files([*left, *others], NOW)
    assert told is not None
    assert told.reason == "TemporaryFiles"
    assert told.numbers == {"files": 2, "bytes": 42}
    assert told.message.startswith("2 temporary files are left over")
    one = advice.temporary_files(left[:1], NOW)
    assert one is not None
    assert one.message.startswith("1 temporary file is left over")

"""What the sleep rule promises, for any traffic, any stops, any looks and any clock."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import example, given, settings
from hypothesis import strategies as st

from baileys_janitor.policy.ages.ages import Ages, file_time
from baileys_janitor.policy.ages.running import Memory, advance, observe
from baileys_janitor.policy.ages.running_text import decode, encode
from baileys_janitor.policy.ages.stretches import capped, cut, merge
from baileys_janitor.policy.ages.stretches import credit as credit_after
from baileys_janitor.policy.files.file_entry import Entry
from tests.policy.worlds import NOW, PAIRED

HOUR, DAY = 3_600, 86_400
AT = int(NOW)
many = settings(max_examples=60, deadline=None)

limits = st.sampled_from([DAY, 3 * DAY, 7 * DAY, 14 * DAY])
contacts = st.integers(0, 4)
#: Time from one event to the next: minutes, hours, about a day, days.
gaps = st.one_of(
    st.integers(1, 12 * HOUR),
    st.integers(DAY - 2, DAY + 2),
    st.integers(DAY, 3 * DAY),
    st.integers(1, 20 * DAY),
)


def entry(contact: int, time: int, changed: int = 0) -> Entry:
    times = (time * 10**9, (changed or time) * 10**9)
    return Entry.of(f"session-49{contact}.0.json", 9, times[0], contact, 1, times[1])


def look(
    files: dict[int, int], known: Memory | None, now: int, limit: int, boot: int | None = None
) -> Memory:
    """The memory after a look, told and read again as a line of text."""
    entries = [entry(contact, time) for contact, time in files.items()]
    seen = observe(entries, PAIRED, known, now, None if boot is None else ("b", boot))
    assert seen is not None
    memory = decode(encode(advance(known, seen, limit)))
    assert memory is not None
    return memory


def old(files: dict[int, int], memory: Memory, now: int, limit: int) -> set[int]:
    ages = Ages(memory, now)
    return {contact for contact, time in files.items() if ages.old(time, limit)}


@many
@given(
    limits,
    st.lists(st.tuples(gaps, contacts, st.booleans(), st.integers(0, 3)), min_size=20, max_size=90),
)
def test_a_file_stays_until_its_tenant_ran_that_long(
    limit: int, events: list[tuple[int, int, bool, int]]
) -> None:
    """Stops of more than a day do not count as running; more than the rule bears are left out."""
    files: dict[int, int] = {}
    stops: list[tuple[int, int]] = []
    known = None
    now = AT
    for gap, contact, stopped, looks in events:
        before, now = now, now + gap
        if stopped and gap > DAY + 1:
            stops.append((before + 1, now))
        for each in range(looks):
            at = before + (each + 1) * gap // (looks + 1)
            if not files or (known is not None and at <= known.looked):
                continue
            known = look(files, known, at, limit)
            for gone in old(files, known, at, limit):
                written = files.pop(gone)
                within = [end - start for start, end in stops if start >= written and end <= at]
                here = at - before - 1 if stopped and gap > DAY + 1 else 0
                ran = at - written - sum(within) - here
                number = len(within) + (here > 0)
                assert ran > limit or number > max(limit / 2, 2 * DAY) / DAY
        files[contact] = now


@many
@given(
    limits,
    st.lists(st.integers(0, 60 * DAY), min_size=1, max_size=60),
    st.data(),
)
def test_leaving_out_an_observation_never_makes_a_file_older(
    limit: int, ages: list[int], data: st.DataObject
) -> None:
    times = [AT - age for age in ages]
    fewer = data.draw(st.lists(st.sampled_from(times), max_size=60))

    def cutoff(seen: list[int]) -> int | None:
        running = merge([(time, time) for time in seen])
        return Ages(Memory(AT, running, max(seen, default=None)), AT).cutoff(limit)

    less, all_of_it = cutoff(fewer), cutoff(times)
    assert less is None or (all_of_it is not None and less <= all_of_it)


@many
@given(
    st.lists(st.integers(0, 40 * DAY), min_size=1, max_size=40),
    st.integers(0, 40 * DAY),
    st.integers(0, 40 * DAY),
    st.integers(DAY + 1, 90 * DAY),
)
def test_a_silence_adds_nothing_to_credit_and_a_day_to_the_cap(
    ages: list[int], age: int, place: int, silence: int
) -> None:
    times = [AT - each for each in ages]
    time, here = AT - max(age, place), AT - place
    later = [each if each <= here else each + silence for each in times]
    before = merge([(each, each) for each in times])
    after = merge([(each, each) for each in later])

    assert credit_after(after, time) <= credit_after(before, time)
    assert capped(after, time, AT + silence) <= capped(before, time, AT) + DAY


@many
@given(
    limits,
    st.lists(st.tuples(gaps, contacts), min_size=5, max_size=60),
    st.integers(-5_000 * DAY // 2, 5_000 * DAY),
)
def test_moving_all_times_changes_nothing(
    limit: int, events: list[tuple[int, int]], by: int
) -> None:
    def run(start: int) -> list[set[int]]:
        files: dict[int, int] = {}
        known, now, found = None, start, []
        for gap, contact in events:
            now += gap
            files[contact] = now
            known = look(files, known, now + 60, limit)
            found.append(old(files, known, now + 60, limit))
        return found

    assert run(AT) == run(AT + by)


PUT_IN = ("equal", "1970", "now", "older copy")


@many
@given(
    st.sampled_from(PUT_IN),
    st.booleans(),
    st.booleans(),
    st.integers(3, 25),
    st.integers(2, 5),
    st.integers(10 * 60, 23 * HOUR),
)
@example("older copy", True, True, 20, 2, 12 * HOUR)
def test_files_that_are_put_in_count_from_the_look_that_sees_them(
    what: str, instead: bool, message: bool, age_days: int, number: int, hours: int
) -> None:
    """All contacts write daily until a day before; then files of a third party appear."""
    limit = 14 * DAY
    files: dict[int, int] = {}
    known = None
    for day in range(30):
        files = {each: AT + day * DAY + each for each in range(number)}
        known = look(files, known, AT + day * DAY + 4 * HOUR, limit)
    last = AT + 29 * DAY + 4 * HOUR
    put = last + hours
    time = {"equal": put - age_days * DAY, "1970": 0, "now": put, "older copy": 0}[what]
    names = range(number if instead else max(1, number - 1))
    if instead:
        files = {}
    for each in names:
        files[each] = put - age_days * DAY - each * HOUR if what == "older copy" else time
    if message:
        files[number + 1] = put + 60
    now = put + 10 * 60
    seen_at = now
    while now < seen_at + limit:
        entries = [entry(each, stamp, changed=put) for each, stamp in files.items()]
        seen = observe(entries, PAIRED, known, now)
        assert seen is not None
        known = advance(known, seen, limit)
        ages = Ages(known, now)
        for each in names:
            assert not ages.old(file_time(entry(each, files[each], changed=put), now), limit)
        files[number + 2] = now
        now += 20 * HOUR


def test_the_smallest_case_of_a_file_that_is_put_back() -> None:
    start = AT
    limit = 14 * DAY
    known = None
    for day in range(31):
        files = {0: start + day * DAY, 1: start + day * DAY + 60}
        known = look(files, known, start + day * DAY + 120, limit)
    files[0] = start + int(9.9 * DAY)  # at day 30.5
    files[1] = start + int(30.6 * DAY)

    now = start + 31 * DAY
    assert old(files, look(files, known, now, limit), now, limit) == set()


@many
@given(st.lists(st.integers(DAY, 40 * DAY), min_size=22, max_size=22), st.integers(1, 9 * DAY))
def test_traffic_on_22_later_days_makes_old(gaps: list[int], first: int) -> None:
    limit = 14 * DAY
    now = AT
    files = {0: AT, 1: AT}
    known = look(files, None, now, limit)
    for gap in [first, *gaps[1:]]:
        now += gap
        files[1] = now
        known = look(files, known, now + 60, limit)

    assert old(files, known, now + 60, limit) == {0}


@many
@given(
    limits,
    st.lists(st.tuples(gaps, contacts, st.integers(0, 2)), min_size=5, max_size=60),
    st.integers(0, 40),
    st.integers(0, 2_000),
    st.integers(1, 60 * DAY),
)
def test_less_memory_never_makes_a_file_older(
    limit: int, events: list[tuple[int, int, int]], kept: int, letters: int, ahead: int
) -> None:
    files: dict[int, int] = {}
    known = None
    now = AT
    for gap, contact, looks in events:
        now += gap
        files[contact] = now
        for _ in range(looks):
            now += 60
            known = look(files, known, now, limit)
    if known is None:
        return
    now += 60
    whole = old(files, look(files, known, now, limit), now, limit)
    newest = known.running[len(known.running) - min(kept, len(known.running)) :]
    cut_short = Memory(known.looked, newest, known.newest, bins=known.bins, seen=known.seen)
    future = Memory(now + ahead, known.running, known.newest, bins=known.bins)

    assert decode(encode(known)[:letters]) in (None, known)
    for other in (None, cut_short, future):
        assert old(files, look(files, other, now, limit), now, limit) <= whole


@many
@given(
    limits,
    st.lists(
        st.tuples(gaps, st.integers(-400 * DAY, 400 * DAY), st.booleans(), st.booleans()),
        min_size=3,
        max_size=40,
    ),
)
def test_one_file_under_any_clock_is_only_as_wrong_as_its_own_age(
    limit: int, events: list[tuple[int, int, bool, bool]]
) -> None:
    written = AT
    known = None
    true = AT
    for gap, ahead, write, set_clock in events:
        true += gap
        wall = true + (ahead if set_clock else 0)
        if write:
            written = wall
        known = look({0: written}, known, wall, limit, boot=true - AT)
        if old({0: written}, known, wall, limit):
            assert wall - written > limit


def every_sum(running: Iterable[tuple[int, int]]) -> list[int]:
    stretches = cut(running, AT)
    return [capped(stretches, AT - age, AT) for age in range(0, 30 * DAY, 7 * HOUR)]


@many
@given(st.lists(st.integers(0, 60 * DAY), max_size=40))
def test_cutoffs_rise_with_time_and_fall_with_the_limit(ages: list[int]) -> None:
    running = merge([(AT - age, AT - age) for age in [0, *ages]])
    memory = Memory(AT, running, AT)
    found = [Ages(memory, AT).cutoff(days * DAY) for days in range(1, 20)]
    known = [each for each in found if each is not None]

    assert known == sorted(known, reverse=True)
    assert found == known + [None] * (len(found) - len(known))
    sums = every_sum(running)
    assert sums == sorted(sums)

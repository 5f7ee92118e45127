"""Slots of the timers: whole seconds, in order, once a day whatever the clocks on the wall do."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.schedule import slots as module
from tests.controller.pure.world import DAY, HOUR, NOW

CHANGES = {
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    "America/Sao_Paulo": ["2018-11-04", "2018-02-18"],
    "UTC": ["2026-11-22"],
    "Asia/Kathmandu": ["2026-11-22"],
}
DAYS = [(zone, day) for zone, days in CHANGES.items() for day in days]


def midnight(zone: str, day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(("zone", "day"), DAYS)
@pytest.mark.parametrize(
    "cron", ["30 1 * * *", "0 2 * * *", "30 2 * * *", "0 0 * * *", "45 1 * * *"]
)
def test_a_daily_time_comes_once_a_day_also_when_the_clocks_change(
    zone: str, day: str, cron: str
) -> None:
    # A gap lets the time come right after it; a repeated hour lets it come the first time only.
    start = midnight(zone, day) - 2 * HOUR
    times = [start + 900.5 * step for step in range(int(52 * HOUR / 900.5))]
    slots = [module.daily_slot(cron, zone, 0.0, now) for now in times]

    assert slots == sorted(slots)  # type: ignore[type-var]  # None would fail here
    met = [datetime.fromtimestamp(s or 0.0, ZoneInfo(zone)).date().isoformat() for s in set(slots)]
    assert met.count(day) == 1
    assert len(met) == len(set(met))


@given(
    st.sampled_from(DAYS),
    st.sampled_from(["30 1 * * *", "0 3 * * *", "*/30 * * * *", "15 */2 * * *", "0 0 1 * *"]),
    st.floats(-DAY, 2 * DAY),
    st.floats(0, 7200),
)
def test_the_next_daily_time_is_ahead_and_becomes_the_latest_slot(
    day: tuple[str, str], cron: str, offset: float, jitter: float
) -> None:
    zone, now = day[0], midnight(*day) + offset
    before = module.daily_slot(cron, zone, jitter, now)
    coming = module.next_daily(cron, zone, jitter, now)

    assert coming is not None
    assert before is not None
    assert coming > now
    assert before + jitter <= now + 1e-6
    reached = module.daily_slot(cron, zone, jitter, coming + 1e-3)
    assert reached == pytest.approx(coming - jitter, abs=1e-3)
    assert module.daily_slot(cron, zone, jitter, coming - 1.0) == before


def test_a_day_that_never_comes_has_no_slot() -> None:
    assert module.daily_slot("0 3 * * *", "UTC", 0.0, NOW) is not None
    # A leap day is far, and still comes.
    assert module.next_daily("0 3 29 2 *", "UTC", 0.0, NOW) is not None


@given(st.integers(60, 604_800), st.floats(0, 604_800), st.floats(NOW, NOW + 30 * DAY))
def test_a_trigger_slot_is_a_whole_second_within_one_interval(
    interval: int, offset: float, now: float
) -> None:
    slot = module.trigger_slot(interval, offset, now)

    assert slot == int(slot)
    assert now - interval < slot <= now
    assert module.trigger_slot(interval, offset, slot) == slot
    assert module.trigger_slot(interval, offset, slot + interval) == slot + interval


@given(st.text(max_size=40), st.floats(0, 86_400))
def test_the_spread_of_a_tenant_is_the_same_at_every_start(key: str, span: float) -> None:
    assert module.spread(key, "daily", span) == module.spread(key, "daily", span)
    assert 0 <= module.spread(key, "daily", span) <= span


def test_a_fleet_is_spread_over_the_whole_span() -> None:
    keys = [f"shop/tenant-{n}" for n in range(1000)]
    tenths = [int(module.spread(key, "daily", 10.0)) for key in keys]

    assert all(60 <= tenths.count(tenth) <= 140 for tenth in range(10))


@given(
    st.sampled_from(["0 3 * * *", "*/7 * * * *", "30 2 * * 0", "0 0 29 2 *", "15 1-3 * * *"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe"]),
    st.lists(st.integers(0, 400 * 86_400), min_size=1, max_size=12),
)
def test_remembered_spans_say_what_cronsim_says(cron: str, zone: str, moments: list[int]) -> None:
    slots = module._Slots(cron, zone)
    for moment in moments:
        when = 1_795_000_000.0 + moment
        told = slots.around(when)
        assert told == (
            module._cron(cron, zone, when, reverse=True),
            module._cron(cron, zone, when, reverse=False),
        )

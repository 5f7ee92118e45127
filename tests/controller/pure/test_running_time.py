"""What the operator remembers of running times, from look to look and from one start to the next."""

from __future__ import annotations

from typing import Any

import pytest

from baileys_janitor.api.conditions.conditions import Conditions
from baileys_janitor.job.result import ScanResult
from baileys_janitor.policy.ages.running import Memory
from baileys_janitor.policy.ages.running_text import decode, encode
from baileys_janitor.status import compose, forecast, level_and_ready
from baileys_janitor.tenants import record_result, running_time
from tests.controller.pure.world import CONTEXT, NOW, RUNNING, SCHEDULE, look, tenant

HOUR, DAY = 3_600, 86_400
AT = int(NOW)
LIMIT = 14 * DAY
BOOT = ("b1", 5_000)


def later(seconds: int = HOUR, **more: Any) -> ScanResult:
    """A scan that was given what is known."""
    at = AT + seconds
    values = {"looked": at, "newest_activity": at - 60, "running": None, "bins": [1, 2, 3, 4, 5]}
    return look(**(values | more))


def memory(text: str | None) -> Memory:
    found = decode(text)
    assert found is not None
    return found


def test_the_first_look_brings_it_and_later_ones_add_their_newest_traffic() -> None:
    first = running_time.remember(None, look(running=RUNNING), LIMIT, BOOT)
    assert memory(first).boot == BOOT

    second = memory(running_time.remember(first, later(), LIMIT, ("b1", 5_000 + HOUR)))

    assert second.looked == AT + HOUR
    assert second.running == ((AT - 30 * DAY, AT + HOUR - 60),)
    assert second.bins == (1, 2, 3, 4, 5)


def test_a_pause_of_more_than_a_day_begins_another_stretch() -> None:
    text = running_time.remember(RUNNING, later(2 * DAY), LIMIT)

    assert len(memory(text).running) == 2


@pytest.mark.parametrize(
    "told",
    [
        later(skewed=True),
        later(looked=None),
        later(identity_state="Corrupt"),
        later(bins=None),
        later(-60),  # a scan that ended after a cleanup that began later
        look(running="1;damaged", looked=AT + HOUR),
    ],
)
def test_a_look_that_says_nothing_leaves_it_alone(told: ScanResult) -> None:
    assert running_time.remember(RUNNING, told, LIMIT) == RUNNING


def test_without_anything_known_a_scan_that_was_given_something_says_nothing() -> None:
    assert running_time.remember(None, later(), LIMIT) is None


def test_files_that_were_put_in_and_clocks_that_were_set_are_taken_over() -> None:
    put_in = memory(running_time.remember(RUNNING, later(put_in=AT - DAY), LIMIT))
    assert put_in.put_in == (AT - DAY, AT + HOUR)

    first = running_time.remember(None, look(running=RUNNING), LIMIT, BOOT)
    ahead = memory(running_time.remember(first, later(5 * HOUR), LIMIT, ("b1", 5_000 + HOUR)))
    assert ahead.grown == 4 * HOUR


@pytest.mark.parametrize(
    "told",
    [
        {"newest_activity": AT + 10**9},
        {"put_in": AT + 10**9},
        {"put_in": -(10**12), "newest_activity": -(10**12)},
        {"bins": [-5, 10**15]},
        {"bins": [1] * 40},
        {"looked": AT + 400 * DAY, "newest_activity": AT + 400 * DAY},
    ],
)
def test_whatever_a_job_says_the_memory_stays_one_that_can_be_read(told: dict[str, Any]) -> None:
    text = running_time.remember(RUNNING, later(**told), LIMIT)

    assert decode(text) is not None


def test_a_scan_takes_along_less_than_a_cleanup() -> None:
    known = memory(RUNNING)
    known.seen = (AT, 64, 5)
    text = encode(known)

    assert running_time.to_take_along(text, everything=True) == text
    taken = running_time.to_take_along(text, everything=False)
    assert memory(taken).seen is None
    assert memory(taken).running == known.running
    assert running_time.to_take_along("damaged", everything=True) is None
    assert running_time.to_take_along(None, everything=False) is None


def test_it_survives_a_restart_in_the_status_and_is_no_reason_to_write_one() -> None:
    known = tenant()
    record_result.scanned(known, look(), NOW, used=True, boot=BOOT)
    first = compose.compose(known, NOW, CONTEXT)
    assert decode(first["running"]) is not None

    known.take_stored(first)
    record_result.scanned(known, later(60), NOW + 60, used=True, boot=BOOT)
    second = compose.compose(known, NOW + 60, CONTEXT)
    assert second["running"] != first["running"]
    assert not compose.is_material(first, second)

    again = tenant(status=second)
    assert again.scan.running == second["running"]
    damaged = tenant(status=second | {"running": second["running"][:-3]})
    assert damaged.scan.running is None


def test_clocks_that_differ_are_a_fault_until_they_agree_again() -> None:
    known = tenant()
    record_result.scanned(known, later(skewed=True, reclaimable=0, gain=0), NOW, used=True)
    conditions = Conditions(None, 1, NOW)
    level_and_ready.state_readiness(conditions, known, NOW, None)
    ready = next(each for each in conditions.items() if each["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ClockSkew")
    assert "NTP" in ready["message"]

    record_result.scanned(known, later(60), NOW + 60, used=True)
    assert known.backoff.work_fault is None


@pytest.mark.parametrize(
    ("counted", "kept", "days", "said"),
    [
        (176, {"SilenceNotCounted": 12}, 3, "12 files are older than the limits by the calendar"),
        (176, {"SilenceNotCounted": 1}, 1, "traffic on one more day."),
        (174, {"SilenceNotCounted": 12}, 3, None),
        (176, {"InUse": 12}, None, None),
    ],
)
def test_what_comes_next_says_how_long_silences_keep_the_count_up(
    counted: int, kept: dict[str, int], days: int | None, said: str | None
) -> None:
    known = tenant()
    record_result.scanned(known, look(counted, kept=kept, held_days=days), NOW, used=True)

    told = forecast.told(known, NOW, SCHEDULE)
    assert (said in told) if said else ("calendar" not in told)

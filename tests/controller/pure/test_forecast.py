"""What happens next, in words that are still true when they are read half an hour later."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.values.timestamps import from_rfc3339, to_rfc3339
from baileys_janitor.policy import reasons
from baileys_janitor.schedule import calendar, cleanup_times, slots
from baileys_janitor.schedule.context import Context
from baileys_janitor.status import compose, forecast
from baileys_janitor.tenants import directory_faults, record_result, wording
from baileys_janitor.tenants.record import TenantRecord
from baileys_janitor.volume.runs import move_to_trash
from tests.controller.pure.world import (
    CONTEXT,
    DAY,
    HOUR,
    NOW,
    PACE,
    claimed,
    cleaned,
    look,
    looks,
    tenant,
)

Object = dict[str, Any]
NEVER = {"schedule": {"dailyCleanup": "Never"}}


def counted(files: int, spec: Object | None = None, **more: Any) -> TenantRecord:
    """A tenant of which so many files were just counted."""
    known = tenant(spec)
    record_result.scanned(known, look(files, **more), NOW, used=True)
    return known


def told(known: TenantRecord, held: float | None = None) -> str:
    return forecast.told(known, NOW, Context(NOW - DAY, PACE, held))


def coming(
    known: TenantRecord, held: float | None = None, started: float = NOW - DAY
) -> tuple[float, str] | None:
    due = calendar.next_cleanup(known, NOW, Context(started, PACE, held))
    return None if due is None else (due.time, due.reason)


def test_the_next_cleanup_is_the_slot_after_the_cooldown() -> None:
    known = counted(176, NEVER)
    known.cleanup.cooldown_until = NOW + 6 * HOUR
    found = coming(known)
    assert found is not None
    when, reason = found
    assert reason == "Trigger"
    assert NOW + 6 * HOUR <= when < NOW + 6 * HOUR + 1800
    interval = 1800
    offset = slots.spread(known.text, "trigger", interval)
    assert slots.trigger_slot(interval, offset, when) == when
    assert told(known).startswith(
        f"A Trigger cleanup runs at {to_rfc3339(when)}, after the cooldown until {to_rfc3339(NOW + 6 * HOUR)}."
    )
    assert coming(counted(100, NEVER)) is None


def test_a_healthy_tenant_is_told_its_daily_cleanup_and_from_when_on_others_come() -> None:
    said = told(counted(100))
    assert said.startswith("The daily cleanup is due at 2026-11-")
    assert said.endswith(
        "; 10 files are old enough for it now. From 175 counted files on a Trigger cleanup runs, from 180 on an"
        " Emergency one. The files are counted every 1m."
    )
    assert "nothing is old enough for it now" in told(counted(100, reclaimable=0))


def test_an_emergency_that_cools_down_is_told_when_the_next_cleanup_comes() -> None:
    known = counted(183, NEVER)
    known.cleanup.emergency_cooldown_until = NOW + 900
    known.cleanup.cooldown_until = NOW + 6 * HOUR
    assert coming(known) == (NOW + 900, "Emergency")
    assert told(known).startswith(
        f"An Emergency cleanup runs at {to_rfc3339(NOW + 900)}, when the cooldown after the last one ends, if 180"
        " or more are still counted; a requested one does not wait."
    )


def test_an_emergency_that_no_cleanup_helps_is_told_so() -> None:
    known = counted(183, gain=0, reclaimable=0)
    assert told(known).startswith(
        "No Emergency cleanup runs while it would gain nothing. The daily"
    )


def test_while_the_breaker_holds_nothing_comes_earlier() -> None:
    known = counted(176)
    until = NOW + 40 * HOUR
    found = coming(known, until)
    assert found is not None
    assert found[0] >= until
    assert f"wait until {to_rfc3339(until)}" in told(known, until)
    assert coming(counted(183), until) == (NOW, "Emergency")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"suspend": True}, "No Job runs while spec.suspend is true"),
        ({"mode": "Observe"}, "No cleanup runs in mode Observe. The files are counted every 1m."),
        ({"mode": "DryRun"}, "In mode DryRun a cleanup only says what it would remove."),
        ({"volume": {}}, "Nothing is done until the spec is valid; see Ready."),
        ({"thresholds": {"warning": 500}}, "and no cleanup runs. The files are counted every 1m."),
    ],
)
def test_what_the_spec_rules_out_is_not_promised(spec: Object, words: str) -> None:
    known = tenant(spec)
    known.scan.look, known.scan.last_scan = look(100), NOW
    assert words in told(known)


def test_other_states_are_told_in_their_own_words() -> None:
    assert "is under way" in told(claimed(counted(176)))
    absent = counted(20, identity_state="Absent")
    assert "before creds.json shows a paired account" in told(absent)
    lost = counted(100)
    lost.fail(directory_faults.of_directory("DirectoryMissing"), NOW)
    assert "tries again by itself" in told(lost)
    capped = claimed(counted(176))
    record_result.cleaned(capped, cleaned("Capped", left=7, scan=look(176)), NOW, used=True)
    assert told(capped).startswith("The last cleanup goes on at ")
    cut = claimed(counted(300), "Emergency")
    record_result.cleaned(cut, cleaned("Capped", left=70, scan=look(290, gain=90)), NOW, used=True)
    assert "when the pause after the last one ends" in told(cut)
    unused = counted(100)
    unused.scan.unused_since = NOW
    assert "No running pod uses the claim" in told(unused)


@given(looks, st.integers(0, 7200), st.sampled_from([{}, NEVER, {"mode": "DryRun"}]))
def test_what_is_promised_lies_ahead_and_its_time_is_the_fields(
    seen: Any, later: int, spec: Object
) -> None:
    known = tenant(spec)
    record_result.scanned(known, seen, NOW, used=True)
    known.take_stored(compose.compose(known, NOW, CONTEXT))
    found = compose.compose(known, NOW + later, CONTEXT)
    if "nextCleanupTime" in found:
        assert (from_rfc3339(found["nextCleanupTime"]) or 0) >= NOW + later
        assert found["nextCleanupReason"] in {"Daily", "Trigger", "Emergency"}
    assert found["next"]
    assert len(found["next"]) <= 1024


def test_a_forecast_names_the_thresholds_ahead_and_no_others() -> None:
    known = counted(160)
    known.scan.growth = 5.0
    found = {name: from_rfc3339(when) for name, when in forecast.forecast(known).items()}
    assert set(found) == {"criticalTime", "emergencyTime"}
    assert NOW + 2 * DAY - 60 <= (found["criticalTime"] or 0) <= NOW + 2 * DAY
    assert NOW + 4 * DAY - 60 <= (found["emergencyTime"] or 0) <= NOW + 4 * DAY
    for growth in (None, 0.0, 0.01):
        known.scan.growth = growth
        assert forecast.forecast(known) == {}


def entry(day: int, after: int, outcome: str = "Completed", removed: int = 12) -> Object:
    return {
        "time": f"2026-11-{day:02}T03:00:00Z",
        "outcome": outcome,
        "after": after,
        "removed": removed,
    }


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (
            (140, 150, 158),
            "; what they left rose from 140 to 158: files grow faster than they are removed.",
        ),
        ((158, 150, 140), "; what they left fell from 158 to 140."),
        ((140, 150, 141), "; what they left stays at about 141."),
    ],
)
def test_a_trend_is_what_cleanups_leave_behind(left: tuple[int, ...], words: str) -> None:
    history = [entry(day, after) for day, after in enumerate(left, 20)][::-1]
    idle = entry(23, 170, "NothingToDo", 0)
    assert forecast.trend([idle, *history]) == (
        f"3 cleanups from 2026-11-20T03:00:00Z to 2026-11-22T03:00:00Z removed 36 files{words}"
    )
    assert forecast.trend(history[:1]) is None
    assert forecast.trend([]) is None


def test_every_reason_has_a_phrase() -> None:
    assert set(wording.PHRASES) == set(reasons.EXPLANATIONS) | set(move_to_trash.EXPLANATIONS)


def test_a_list_begins_with_the_most_and_sums_up_what_is_too_much() -> None:
    codes = sorted(reasons.KEPT)
    counts = {code: n for n, code in enumerate(codes, 1)}
    said = wording.listed(counts)
    most, second = (wording.PHRASES[code] for code in codes[:-3:-1])
    assert said.startswith(f"{len(codes)} {most}, {len(codes) - 1} {second}, ")
    assert said.endswith(f", {sum(range(1, len(codes) - wording.NAMED + 1))} others")
    assert wording.listed({"Newest": 0, "SomethingNew": 2}) == "2 SomethingNew"
    assert wording.listed(None) == ""


def test_a_single_one_is_told_as_one() -> None:
    assert set(wording.ONE) <= set(wording.PHRASES)
    counts = {reasons.OWN_DEVICE: 1, reasons.IN_USE: 1, reasons.LATEST_PRE_KEY: 2}
    assert wording.listed(counts) == "2 latest pre-keys, 1 in use, 1 session with an own device"
    many = dict.fromkeys(sorted(reasons.KEPT)[: wording.NAMED + 1], 1)
    assert wording.listed(many).endswith(", 1 other")
    assert (wording.files_are(1), wording.files_are(2)) == ("1 file is", "2 files are")
    assert (wording.files(0), wording.files(1), wording.files(2)) == (
        "0 files",
        "1 file",
        "2 files",
    )


def test_a_daily_cleanup_that_was_missed_is_told_for_soon_after_the_start() -> None:
    known = counted(100)
    known.timers.daily_slot = NOW - 3 * DAY
    rested = cleanup_times.catch_up_time(known, Context(NOW, PACE))
    assert coming(known, started=NOW) == (rested, "Daily")
    said = forecast.told(known, NOW, Context(NOW, PACE))
    assert f"The daily cleanup is due at {to_rfc3339(rested)}" in said
    # Another one has done its work meanwhile.
    known.cleanup.record({"reason": "Trigger", "outcome": "Completed", "time": to_rfc3339(NOW)}, {})
    later = coming(known, started=NOW)
    assert later is not None
    assert later[0] > NOW + PACE.jitter

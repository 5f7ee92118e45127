"""The day of a fleet on one page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from baileys_janitor.notify import render, summary
from baileys_janitor.notify.document import rfc3339
from baileys_janitor.notify.incidents import Place
from baileys_janitor.notify.words import DAY
from tests.notify.messages import READER, status
from tests.notify.world import HOUR, NOW

Object = dict[str, Any]


def day(tenants: int = 12) -> summary.Day:
    """Twelve tenants: the later, the fuller; each had two cleanups, one of them before yesterday."""
    found = summary.Day(NOW - DAY)
    for number in range(tenants):
        level = "Emergency" if number == 11 else "Warning" if number > 8 else "Healthy"
        place = Place("shop", f"t{number:02}", f"c{number}")
        history = [
            {"time": rfc3339(when), "outcome": outcome, "removed": 10, "freedBytes": 2048}
            for when, outcome in ((NOW - HOUR, "Completed"), (NOW - 30 * HOUR, "Completed"))
        ]
        if number == 3:
            history.insert(0, {"time": rfc3339(NOW - 60), "outcome": "Failed", "removed": 0})
        found.add(
            place, status(level, 70 + 10 * number, history=history), history, [10, 20, 30, 5, 0]
        )
    return found


def test_a_summary_tells_levels_cleanups_sizes_ages_the_worst_and_what_comes() -> None:
    message = render.finished(summary.message("all/hook", day(), NOW, READER, NOW), READER)
    assert (
        message["text"]
        == """\
Daily summary, 18 November 2026: 12 tenants, 3 above a threshold

Levels: 9 Healthy, 2 Warning, 1 Emergency
Also: 1 CleanupFailing
Last day: 13 cleanups removed 120 files and freed 24.0 KiB; 1 failed
Files: 1,740, 2.9 MiB; the counted ones grow by 252 a day
Ages: 15 % under 1 day, 31 % 1 to 7 days, 46 % 7 to 14 days, 8 % 14 to 30 days, 0 % over 30 days
Nearest to their limits: shop/t11 180 of 180; shop/t10 170 of 180; shop/t09 160 of 180; shop/t08 150 of 180; \
shop/t07 140 of 180
Forecast: without a cleanup 11 tenants would reach the limit within 7 days: shop/t10 in 11 h 25 min; \
shop/t09 in 22 h 51 min; shop/t08 in 34 h 17 min; shop/t07 in 45 h 42 min; shop/t06 in 2 d 9 h"""
    )
    data = message["summary"]
    assert data["levels"]["Healthy"] == 9
    assert (data["removed"], data["freedBytes"], data["failed"]) == (120, 12 * 2048, 1)
    assert [each["name"] for each in data["worst"]] == ["t11", "t10", "t09", "t08", "t07"]
    assert data["forecast"][0]["daysToEmergency"] == 0.5
    assert sum(data["ages"].values()) == 12 * 65


def test_the_summary_of_a_day_has_one_id_however_often_it_is_made() -> None:
    one = summary.message("all/hook", day(), NOW, READER, NOW)
    again = summary.message("all/hook", day(11), NOW, READER, NOW + HOUR)
    tomorrow = summary.message("all/hook", day(), NOW + DAY, READER, NOW + DAY)
    assert one["id"] == again["id"] != tomorrow["id"]


def test_an_empty_fleet_has_a_summary_too() -> None:
    message = render.finished(summary.message("r/h", summary.Day(NOW), NOW, READER, NOW), READER)
    assert message["title"] == "Daily summary, 18 November 2026: 0 tenants, none above a threshold"
    assert "Forecast: no tenant reaches its limit within 7 days" in message["text"]


def test_ten_thousand_tenants_make_no_longer_page() -> None:
    assert len(render.plain(summary.message("r/h", day(10_000), NOW, READER, NOW), READER)) < 2000


def test_the_first_summary_of_a_month_reports_the_drills_of_the_last_one() -> None:
    first = datetime(2026, 12, 1, 8, tzinfo=UTC).timestamp()
    day = summary.Day(first - DAY)
    for number in range(3):
        drill = {"time": rfc3339(first - 10 * DAY), "seconds": 0.5 + number}
        if number == 2:
            drill = {"time": rfc3339(first - 50 * DAY), "seconds": 9.0, "failures": 1}
        found = {"backup": {"repositories": [{"name": "eu", "drill": drill}]}}
        day.add(Place("shop", f"tenant-{number}"), {"level": "Healthy"} | found, [])
    lines = summary.message("all/chat", day, first, READER, first)["lines"]
    assert lines[-1] == (
        "Drills of the last month: archives of 2 of 3 sessions were restored in a rehearsal, the slowest in 1.5 s; "
        "1 failed"
    )
    second = summary.message("all/chat", day, first + DAY, READER, first + DAY)["lines"]
    assert not any("Drills of the last month" in line for line in second)

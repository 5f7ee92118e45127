"""A log to read and to search: one line a decision, with fields, and never more than that."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.values.durations import elapsed_seconds, elapsed_text
from baileys_janitor.log_lines import (
    BURST,
    FIELDS,
    WINDOW_SECONDS,
    Calm,
    ConsoleLines,
    JsonLines,
    fields,
)
from baileys_janitor.schedule.circuit_breaker import Hold
from baileys_janitor.status import compose, decision_log
from baileys_janitor.status.changes import JobEnded, between
from baileys_janitor.tenants import record_result
from baileys_janitor.tenants.fault import Fault

from .world import CONTEXT, NOW, claimed, cleaned, look, tenant


def record(message: str = "Said", *args: Any, level: int = logging.INFO, **extra: Any):
    logger = logging.getLogger("janitor.reconciler")
    made = logger.makeRecord(logger.name, level, "f", 1, message, args, None, extra=extra)
    made.created, made.msecs = NOW, 7
    return made


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture):
    """Writes what has changed between two statuses; gives the lines from `level` on."""

    def write(known, before, after, level: int = logging.INFO) -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.DEBUG):
            for news in between(known, before, after):
                decision_log.write(news)
        return [
            f"{r.levelname} {r.getMessage()} "
            + " ".join(f"{k}={v}" for k, v in fields(r).items() if k not in ("namespace", "tenant"))
            for r in caplog.records
            if r.levelno >= level
        ]

    return write


def test_the_whole_story_of_a_cleanup_has_its_numbers_as_fields(told) -> None:
    known = tenant()
    record_result.scanned(known, look(160), NOW, used=True)
    statuses = [compose.compose(known, NOW, CONTEXT)]
    record_result.scanned(known, look(190), NOW, used=True)
    statuses.append(compose.compose(known, NOW, CONTEXT))
    assert told(known, *statuses) == [
        "WARNING Level changed action=scan before=Warning after=Emergency counted=190"
    ]
    claimed(known, "Emergency")
    statuses.append(compose.compose(known, NOW, CONTEXT))
    begun = "INFO Cleanup started action=clean reason=Emergency run=20261122-030000-abc"
    assert told(known, *statuses[1:]) == [f"{begun} counted=190 reclaimable=10"]
    record_result.cleaned(known, cleaned(scan=look(178)), NOW, used=True)
    statuses.append(compose.compose(known, NOW, CONTEXT))
    over = "INFO Cleanup finished action=clean reason=Emergency outcome=Completed"
    assert told(known, *statuses[2:]) == [
        f"{over} run=20261122-030000-abc before=190 after=178 removed=12 seconds=0.34",
        "INFO Level changed action=scan before=Emergency after=Critical counted=178",
    ]


@pytest.mark.parametrize(
    ("counted", "spec", "seen", "cooled", "said"),
    [
        (176, {}, {}, None, None),
        (
            176,
            {},
            {},
            3600,
            "reason=Cooldown counted=176 reclaimable=10 until=2026-11-18T12:06:40Z",
        ),
        (172, {}, {}, 3600, None),
        (190, {}, {"gain": 0}, None, "reason=NothingToGain counted=190 reclaimable=10"),
        (
            190,
            {},
            {},
            3600,
            "reason=Cooldown counted=190 reclaimable=10 until=2026-11-18T12:06:40Z",
        ),
        (190, {"mode": "Observe"}, {}, None, "reason=Observe counted=190 reclaimable=10"),
        (
            190,
            {},
            {"identity_state": "Corrupt"},
            None,
            "reason=NotPaired counted=190 reclaimable=10",
        ),
    ],
)
def test_where_a_level_calls_for_a_cleanup_and_none_begins_it_is_said_why(
    told, counted, spec, seen, cooled, said
) -> None:
    known = tenant(spec)
    record_result.scanned(known, look(120), NOW, used=True)
    first = compose.compose(known, NOW, CONTEXT)
    known.take_stored(first)
    record_result.scanned(known, look(counted, **seen), NOW, used=True)
    if cooled is not None:
        known.cleanup.cooldown_until = known.cleanup.emergency_cooldown_until = NOW + cooled
    lines = told(known, first, compose.compose(known, NOW, CONTEXT))
    held = [line for line in lines if "held back" in line]
    assert held == ([] if said is None else [f"INFO Cleanup held back action=clean {said}"])


def test_a_fault_is_one_warning_and_its_end_one_line(told) -> None:
    known = tenant()
    record_result.scanned(known, look(120), NOW, used=True)
    first = compose.compose(known, NOW, CONTEXT)
    known.backoff.fault = Fault("ClaimMissing", "Create it.")
    second = compose.compose(known, NOW, CONTEXT)
    assert told(known, first, second) == [
        "WARNING Fault action=scan reason=ClaimMissing detail=Create it."
    ]
    assert told(known, second, second) == []
    known.backoff.fault = None
    assert told(known, second, compose.compose(known, NOW, CONTEXT))[-1] == (
        "INFO Fault over action=scan reason=NoFault"
    )


def test_a_hold_that_many_tenants_have_at_once_is_no_line_for_each(told) -> None:
    known = tenant()
    record_result.scanned(known, look(120), NOW, used=True)
    first = compose.compose(known, NOW, CONTEXT)
    hold = Hold(NOW + 3600, fleet=True, namespaces=("bank", "clinic", "school"))
    held = compose.compose(known, NOW, replace(CONTEXT, hold=hold))
    assert told(known, first, held) == []
    lines = told(known, first, held, logging.DEBUG)
    assert any(line.startswith("DEBUG CleanupsHeld begins action=clean") for line in lines)


def test_ten_thousand_healthy_tenants_and_their_scans_are_silent(told, caplog) -> None:
    known = tenant()
    record_result.scanned(known, look(120), NOW, used=True)
    assert told(known, known.stored.status, compose.compose(known, NOW, CONTEXT)) == []
    caplog.clear()
    with caplog.at_level(logging.INFO):
        decision_log.write(JobEnded("shop", "scan", 40, 3.2, "Completed"))
    assert caplog.records == []


def test_a_refused_or_failed_cleanup_warns_and_an_idle_one_does_not(told) -> None:
    known = tenant()
    record_result.scanned(known, look(120), NOW, used=True)
    first = compose.compose(known, NOW, CONTEXT)
    record_result.unanswered(known, "Daily", "NothingToDo", "Nothing was old enough.", NOW)
    second = compose.compose(known, NOW, CONTEXT)
    record_result.unanswered(known, "Requested", "Refused", "The mode is Observe.", NOW + 1)
    third = compose.compose(known, NOW, CONTEXT)
    assert told(known, first, second) == []
    refused = "WARNING Cleanup finished action=clean reason=Requested outcome=Refused removed=0"
    assert told(known, second, third) == [f"{refused} detail=The mode is Observe."]


def test_json_has_each_field_as_a_key_and_nothing_that_others_attached() -> None:
    line = record("%s is told", "It", tenant="acme", removed=3, k8s_ref={"uid": "x"}, settings=1)
    assert json.loads(JsonLines().format(line)) == {
        "time": "2026-11-18T11:06:40.007Z",
        "level": "info",
        "logger": "janitor.reconciler",
        "message": "It is told",
        "tenant": "acme",
        "removed": 3,
    }


def test_a_console_line_can_be_read_and_parsed() -> None:
    line = record("Cleanup finished", tenant="acme", seconds=0.34, detail='a "b" = c', run=None)
    assert ConsoleLines().format(line) == (
        "2026-11-18T11:06:40.007Z INFO    reconciler: Cleanup finished "
        'tenant=acme seconds=0.34 detail="a \\"b\\" = c"'
    )


@given(st.text(), st.text())
def test_nobody_can_forge_a_line_or_move_the_cursor(message: str, value: str) -> None:
    made = record("%s", message, tenant=value)
    for formatter in (ConsoleLines(), JsonLines()):
        assert formatter.format(made).isprintable()
    assert json.loads(JsonLines().format(made))["message"] == message


@pytest.mark.parametrize("formatter", [ConsoleLines(), JsonLines()])
def test_a_traceback_shows_no_values(formatter: logging.Formatter) -> None:
    made = record("unforeseen", level=logging.ERROR)
    number = "+15550001111"
    try:
        {}[len(number)]
    except KeyError as error:
        made.exc_info = (type(error), error, error.__traceback__)
    text = formatter.format(made)
    assert "KeyError" in text
    assert "test_logging_setup.py" in text
    assert number not in text


def test_what_all_tenants_meet_at_once_is_told_a_few_times_and_then_counted() -> None:
    calm, written = Calm(), []
    for number in range(10_000):
        made = record("%s: cannot be written", f"t{number}", level=logging.WARNING)
        if calm.filter(made):
            written.append(made)
    assert len(written) == BURST
    later = record("%s: cannot be written", "t", level=logging.WARNING)
    later.created = NOW + WINDOW_SECONDS
    assert calm.filter(later)
    assert fields(later) == {"suppressed": 10_000 - BURST}


def test_decisions_are_told_however_many_there_are() -> None:
    calm = Calm()
    made = [record("Fault", level=logging.WARNING, tenant=f"t{n}") for n in range(1000)]
    assert all(calm.filter(each) for each in made)
    assert all(calm.filter(record("The Lease is given up")) for _ in range(1000))


@given(st.integers(0, 10**9))
def test_how_long_a_cleanup_took_is_read_back_as_seconds(milliseconds: int) -> None:
    seconds = elapsed_seconds(elapsed_text(milliseconds))
    assert seconds is not None
    assert abs(seconds - milliseconds / 1000) <= (1.0 if milliseconds >= 59_950 else 0.0501)


@pytest.mark.parametrize("text", [None, "", "soon", "1.x", "xms"])
def test_a_length_of_time_that_cannot_be_read_is_none(text: str | None) -> None:
    assert elapsed_seconds(text) is None


def test_every_field_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "logs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?`) \|", page.partition("## Fields")[2], re.MULTILINE)
    assert {name for row in rows for name in re.findall("`(\\w+)`", row)} == set(FIELDS)

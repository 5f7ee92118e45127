"""What is told of a tenant is what changed between two stored statuses, once."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.status import compose
from baileys_janitor.status.changes import (
    ChangeBus,
    CleanupFinished,
    CleanupStarted,
    ConditionChanged,
    JobEnded,
    LevelChanged,
    between,
)
from baileys_janitor.tenants import record_result

from .world import CONTEXT, NOW, claimed, cleaned, look, looks, tenant


def told(known, before, after):
    return list(between(known, before, after))


def test_a_first_count_tells_its_level_and_that_all_is_ready() -> None:
    known = tenant()
    record_result.scanned(known, look(155), NOW, used=True)
    after = compose.compose(known, NOW, CONTEXT)
    news = told(known, known.stored.status, after)
    levels = [n for n in news if isinstance(n, LevelChanged)]
    assert [(n.before, n.after) for n in levels] == [("Unknown", "Warning")]
    assert "155 files are counted" in levels[0].message
    ready = [n for n in news if isinstance(n, ConditionChanged) and n.type == "Ready"]
    assert [(n.before, n.status, n.reason) for n in ready] == [("Unknown", "True", "Observing")]


def test_a_cleanup_is_told_when_it_is_claimed_and_when_it_is_over() -> None:
    known = tenant()
    record_result.scanned(known, look(176), NOW, used=True)
    first = compose.compose(known, NOW, CONTEXT)
    claimed(known)
    second = compose.compose(known, NOW, CONTEXT)
    assert told(known, first, second) == [CleanupStarted(known, "20261122-030000-abc", "Trigger")]
    record_result.cleaned(known, cleaned(scan=look(164)), NOW, used=True)
    third = compose.compose(known, NOW, CONTEXT)
    (over,) = [n for n in told(known, second, third) if isinstance(n, CleanupFinished)]
    assert over.entry["removed"] == 12
    assert told(known, third, third) == []


@given(st.lists(looks, min_size=2, max_size=2), st.integers(0, 7200))
def test_equal_statuses_have_no_news_and_each_level_is_told_once(found, later) -> None:
    known = tenant()
    record_result.scanned(known, found[0], NOW, used=True)
    before = compose.compose(known, NOW, CONTEXT)
    assert told(known, before, before) == []
    known.take_stored(before)
    record_result.scanned(known, found[1], NOW + later, used=True)
    after = compose.compose(known, NOW + later, CONTEXT)
    moved = [n for n in told(known, before, after) if isinstance(n, LevelChanged)]
    assert len(moved) == (before["level"] != after["level"])


def test_a_listener_that_fails_keeps_nothing_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bus, heard = ChangeBus(), []

    def fails(_: object) -> None:
        raise RuntimeError("no")

    bus.subscribe(fails)
    bus.subscribe(heard.append)
    ended = JobEnded("shop", "scan", 40, 3.2, "Completed")
    with caplog.at_level(logging.ERROR):
        bus.publish(ended)
    assert heard == [ended]
    assert "A listener failed" in caplog.text

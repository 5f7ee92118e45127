"""Cleanups that are over: each told once, many together, and a large one as a warning."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.notify import cleanups
from baileys_janitor.notify.cleanups import LATE_SECONDS, Done
from baileys_janitor.notify.delivery_state import DeliveryState
from baileys_janitor.notify.document import rfc3339
from baileys_janitor.notify.incidents import Place
from tests.notify.messages import READER
from tests.notify.world import HOUR, NOW

Object = dict[str, Any]
ACME = Place("shop", "acme", "962302")


def entry(when: float = NOW, removed: int = 12, outcome: str = "Completed", **more: Any) -> Object:
    return {
        "run": f"run-{when:.0f}",
        "time": rfc3339(when),
        "reason": "Trigger",
        "outcome": outcome,
        "removed": removed,
        "before": 190,
        "after": 190 - removed,
        "freedBytes": 100 * removed,
        **more,
    }


def told(*entries: Object, large: int = 1000) -> Object:
    found = [done for each in entries if (done := Done.of(ACME, each)) is not None]
    return cleanups.message("all/hook", found, large, READER, NOW)


def test_one_cleanup_is_told_in_its_title() -> None:
    message = told(entry())
    assert message["title"] == "Cleanup of shop/acme: 12 files removed, 1.2 KiB freed"
    assert message["lines"] == ["Trigger cleanup, 11:06 UTC: 190 counted before and 178 after"]
    assert message["severity"] == "Info"
    assert message["cleanups"]["runs"][0]["outcome"] == "Completed"


def test_many_are_one_message_with_those_that_failed_first() -> None:
    many = [entry(NOW - n) for n in range(50)]
    message = told(*many, entry(NOW + 1, 0, "Failed"))
    assert message["title"] == "51 cleanups: 600 files removed, 58.6 KiB freed; 1 failed"
    assert message["cleanups"]["count"] == 51
    assert message["cleanups"]["runs"][0]["outcome"] == "Failed"
    assert "and 46 more" in message["lines"]
    assert message["lines"][-1] == "Runbook: https://docs.example/runbooks/cleanup-failing.md"


def test_a_run_that_removed_more_than_a_thousand_files_is_a_warning_with_the_way_back() -> None:
    message = told(entry(), entry(NOW - 1, 1001))
    assert message["severity"] == "Warning"
    assert message["title"] == "Warning: a cleanup of shop/acme removed 1,001 files"
    assert any("undo" in line for line in message["lines"])
    assert message["lines"][-2:] == [
        "kubectl describe baileystenant acme -n shop",
        "Runbook: https://docs.example/runbooks/undo-cleanup.md",
    ]
    assert told(entry(removed=1000))["severity"] == "Info"


def test_a_dry_run_that_would_remove_many_is_no_warning() -> None:
    message = told(entry(removed=5000, outcome="DryRun"))
    assert message["severity"] == "Info"
    assert message["title"] == "Cleanup of shop/acme: 5,000 files would be removed (DryRun)"


def test_where_there_was_nothing_to_do_nothing_is_told() -> None:
    assert Done.of(ACME, entry(outcome="NothingToDo")) is None
    assert Done.of(ACME, {"outcome": "Completed"}) is None


def test_what_ended_before_anybody_listened_is_not_news() -> None:
    ledger = DeliveryState(mark=NOW)
    assert list(cleanups.untold(ACME, [entry(NOW - 1)], ledger)) == []
    assert len(list(cleanups.untold(ACME, [entry(NOW + 1), entry(NOW - 1)], ledger))) == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 5000), st.floats(0, LATE_SECONDS - 1)),
        unique_by=lambda pair: pair[0],
        max_size=40,
    ),
    st.lists(st.integers(0, 6000), min_size=1, max_size=10),
)
def test_each_cleanup_is_told_once_even_one_that_becomes_known_late(
    runs: list[tuple[int, float]], looks: list[int]
) -> None:
    """Runs end at a time and become known a little later; looks happen now and then."""
    ledger = DeliveryState(mark=NOW - 1)
    count: dict[int, int] = {}
    for look in [*sorted(looks), 7000]:
        now = NOW + look
        known = [NOW + end for end, late in runs if end + late <= look]
        history = [entry(when) for when in sorted(known, reverse=True)]
        found = list(cleanups.untold(ACME, history, ledger))
        cleanups.settle(ledger, found, now)
        for done in found:
            count[done.run] = count.get(done.run, 0) + 1
    assert len(count) == len(runs)
    assert set(count.values()) <= {1}
    # What is remembered does not pile up.
    cleanups.settle(ledger, [], NOW + 7000 + HOUR)
    assert ledger.runs == {}

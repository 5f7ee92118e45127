"""Cleaning rows: what goes is what the rules let go, it lies in the archive, and nothing else changes."""

from __future__ import annotations

from baileys_janitor.keystore.clean import Cleaning
from baileys_janitor.keystore.layout import layout_of
from baileys_janitor.keystore.postgres.checks import inspect
from baileys_janitor.keystore.postgres.connect import Database, Limits
from baileys_janitor.keystore.results import CleanResult
from baileys_janitor.policy.settings import MaxRemovals, Retention, Settings
from tests.keystore.data import DAY, company, first_layout, removable, rows

SETTINGS = Settings(
    retention=Retention(30 * DAY, 30 * DAY),
    emergency_retention=Retention(30 * DAY, 30 * DAY),
    max_removals=MaxRemovals(60, 5_000),
)
LIMITS = Limits(pause=0.0, lock_timeout=5.0, statement_timeout=60.0)


def clean(
    url,
    run="run-1",
    *,
    dry_run=False,
    keeping=None,
    keys=None,
    credentials=None,
    settings=SETTINGS,
    **more,
) -> CleanResult:
    with Database(url, limits=more.pop("limits", LIMITS)) as database:
        facts = inspect(database, layout_of(keys, credentials))
        cleaning = Cleaning(database, facts, settings, run, keeping=keeping, **more)
        return cleaning.dry_run() if dry_run else cleaning.apply()


def test_what_goes_is_what_the_rules_let_go(any_url: str) -> None:
    both = company("962302"), company("7", seed=2)
    first_layout(any_url, *both)
    before = rows(any_url)
    expected = {(each.name, *key) for each in both for key in removable(each)}

    looked = clean(any_url, dry_run=True)
    assert rows(any_url) == before
    result = clean(any_url)
    after = rows(any_url)

    assert (result.outcome, result.code) == ("Completed", None)
    assert before.keys() - after.keys() == expected
    assert len(expected) == 64
    assert after.items() <= before.items()
    assert (looked.outcome, looked.removed, looked.by_type) == ("DryRun", 64, result.by_type)
    assert result.removed == 64
    assert result.by_type == {"session": 16, "sender-key": 32, "sender-key-memory": 16}
    assert result.before.keys - result.after.keys == 64
    assert result.row_bytes > 64 * 100


def test_a_run_happens_once(url: str) -> None:
    first_layout(url, company())

    first = clean(url)
    again = clean(url)

    assert (again.outcome, again.code, again.removed) == ("Repeated", "Completed", first.removed)

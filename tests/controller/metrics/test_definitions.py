"""Every metric keeps to the conventions of Prometheus."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import generate_latest

from baileys_janitor.controller.metrics.exposition import pages
from baileys_janitor.controller.metrics.key_stores import STORE_DEFINITIONS
from baileys_janitor.controller.metrics.process import OperatorMetrics
from baileys_janitor.controller.metrics.reference import with_tables
from baileys_janitor.controller.metrics.tenant_sets import SET_DEFINITIONS
from baileys_janitor.metrics.definitions import DEFINITIONS as OF_OPERATOR
from baileys_janitor.metrics.tenants import FAMILIES, LABELS
from tests.alerts.promtool import promtool
from tests.controller.metrics.fleets import Heart, StandingClock, series
from tests.controller.pure.world import NOW

DEFINITIONS = (*OF_OPERATOR, *STORE_DEFINITIONS, *SET_DEFINITIONS)
PAGE = Path(__file__).resolve().parents[3] / "docs" / "metrics.md"
KNOWN = "baileys_session_files_count non-histogram and non-summary metrics should not have"
"""The one name that was given: dashboards rely on it."""


def page() -> str:
    heart = Heart()
    heart.tenant()
    heart.operation("clean-now", "Clean")
    process = OperatorMetrics(StandingClock())
    process.leads(heart.reconciler)
    process.answered("GET", "/", 200)
    process.notifies(["pager"])("pager", "failed")
    process.watches_channels(lambda: {"pager": True})
    tenants = list(heart.cache.tenants.values())
    return b"".join(pages(process.registry, tenants, "Full", NOW)).decode()


def test_promtool_has_nothing_to_say() -> None:
    # The lines of the libraries' own collectors are theirs.
    own = "\n".join(line for line in page().splitlines() if "baileys_" in line) + "\n"
    _, printed = promtool("check", "metrics", given=own)
    said = printed.splitlines()
    assert [line for line in said if not line.startswith(KNOWN)] == []


def test_names_are_unique_and_every_metric_says_what_it_is() -> None:
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names)
    for family in FAMILIES:
        assert re.fullmatch(r"baileys_(session|volume|backup)_[a-z_]+", family.name)
        assert family.help.endswith(".")
        assert (family.one is None) != (family.many is None)
        assert bool(family.label) == (family.many is not None)


def test_labels_are_names_that_people_gave_or_words_from_fixed_lists() -> None:
    allowed = {*LABELS, *(family.label for family in FAMILIES if family.label)}
    allowed |= {"reason", "outcome", "file_type", "action", "verb", "code", "level", "version"}
    allowed |= {"le", "generation", "channel", "site", "key_store", "age", "workload"}
    allowed |= {"phase", "tenant_set", "state"}
    assert {label for _, labels in series(page()) for label, _ in labels} <= allowed


def test_an_operator_that_has_just_started_writes_no_series_twice() -> None:
    assert series(generate_latest(OperatorMetrics(StandingClock()).registry).decode())


def test_the_page_is_written_from_the_definitions() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_tables(text), "run: make generate"
    for each in (*(family.name for family in FAMILIES), *(d.name for d in DEFINITIONS)):
        assert f"`{each}`" in text


def test_every_metric_that_is_served_is_defined() -> None:
    defined = {*(family.name for family in FAMILIES), *(d.name for d in DEFINITIONS)}
    served = {line.split()[2] for line in page().splitlines() if line.startswith("# TYPE baileys_")}
    assert served <= defined

"""The dashboard shows every metric, by queries that Prometheus understands."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from baileys_janitor.controller.metrics.key_stores import STORE_DEFINITIONS
from baileys_janitor.metrics.definitions import DEFINITIONS as OF_OPERATOR
from baileys_janitor.metrics.tenants import FAMILIES, LABELS
from charts.dashboard.page import dashboard
from tests.alerts.board import BOARD, VARIABLE, panels, queries
from tests.alerts.promtool import promtool
from tests.alerts.rules import FILES, rules

DEFINITIONS = (*OF_OPERATOR, *STORE_DEFINITIONS)
GIVEN = {"namespace": ".*", "tenant": "acme", "job": ".*", "__rate_interval": "5m"}


def test_it_is_written_from_its_definition() -> None:
    assert (FILES / "dashboard.json").read_text() == dashboard(), "run: make generate"


def test_it_shows_every_metric() -> None:
    asked = " ".join(query.expr for query in queries())
    known = [*(family.name for family in FAMILIES), *(each.name for each in DEFINITIONS)]
    assert [name for name in known if not re.search(rf"\b{name}(_bucket)?\b", asked)] == []


def test_it_asks_for_no_metric_that_does_not_exist() -> None:
    asked = set(re.findall(r"\b(baileys_[a-z_]+)\{", " ".join(q.expr for q in queries())))
    known = {*(family.name for family in FAMILIES), *(each.name for each in DEFINITIONS)}
    assert {re.sub(r"_(bucket|count)$", "", name) for name in asked - known} <= known


def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    found = [
        {"record": f"panel:{number}", "expr": query.given(**GIVEN)}
        for number, query in enumerate(queries())
    ]
    place = tmp_path / "queries.yaml"
    place.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": found}]}))
    code, said = promtool("check", "rules", place)
    assert code == 0, said


def test_its_variables_are_defined_and_each_is_used() -> None:
    defined = {variable["name"] for variable in BOARD["templating"]["list"]}
    used = {name for query in queries() for name in VARIABLE.findall(query.expr)}
    used |= {VARIABLE.findall(panel["datasource"]["uid"])[0] for panel in panels()}
    assert used - {"__rate_interval"} == defined


def test_its_legends_name_labels_that_are_there() -> None:
    labels = {*LABELS, "instance", "severity"}
    labels |= {family.label for family in FAMILIES if family.label}
    labels |= {label for each in DEFINITIONS for label in each.labels}
    for query in queries():
        for label in re.findall(r"\{\{(\w+)\}\}", query.legend):
            assert label in labels
            assert re.search(rf"\b{label}\b", query.expr), query


def test_no_panel_covers_another_and_each_says_what_it_shows() -> None:
    taken: dict[tuple[int, int], str] = {}
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in panels():
        assert panel["description"].endswith(".")
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            assert x < 24
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


def test_its_alerts_are_those_of_the_rules() -> None:
    (selector,) = {
        found for query in queries() for found in re.findall(r'alertname=~"([^"]+)"', query.expr)
    }
    assert all(re.fullmatch(selector, rule.alert) for rule in rules())

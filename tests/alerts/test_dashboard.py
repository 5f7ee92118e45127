"""The dashboard shows every metric, by queries that Prometheus understands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from baileys_janitor.api.conditions.condition_kinds import ADVICE
from baileys_janitor.api.config.notification_config import RUNBOOKS
from baileys_janitor.controller.metrics.key_stores import STORE_DEFINITIONS
from baileys_janitor.controller.metrics.tenant_sets import SET_DEFINITIONS
from baileys_janitor.metrics.definitions import DEFINITIONS as OF_OPERATOR
from baileys_janitor.metrics.tenants import FAMILIES, LABELS
from charts.dashboard.page import dashboard
from charts.dashboard.queries import gravest
from tests.alerts.board import BOARD, VARIABLE, annotations, panels, queries
from tests.alerts.promtool import promtool
from tests.alerts.rules import FILES, INDEX, rules

DEFINITIONS = (*OF_OPERATOR, *STORE_DEFINITIONS, *SET_DEFINITIONS)
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


def test_a_mark_is_set_when_a_level_changes_and_when_a_cleanup_ends(tmp_path: Path) -> None:
    of = '{namespace="shop",tenant="acme",company_id="1",pod="a"}'
    expressions = {marked["name"]: marked["expr"] for marked in annotations()}
    given = GIVEN | {"namespace": "shop"}
    levels = {"Now Healthy": 9, "Now Warning": None, "Now Critical": 3, "Now Emergency": 6}
    who = 'namespace="shop", tenant="acme", company_id="1"'
    expected = [
        {
            "expr": VARIABLE.sub(lambda found: given[found[1]], expressions[name]),
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": f"{{{who}}}", "value": value}] if minute == at else [],
        }
        for (name, at), value in zip(levels.items(), (1, 2, 3, 4), strict=True)
        for minute in range(12)
    ]
    ended = VARIABLE.sub(lambda found: given[found[1]], expressions["Cleanups"])
    sample = {"labels": f"{{{who}}}", "value": 1_795_000_000_000}
    expected.append({"expr": ended, "eval_time": "5m", "exp_samples": [sample]})
    tests = {
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    # Healthy from the beginning, which is no change, Critical, Emergency, and Healthy again.
                    {"series": f"baileys_session_level{of}", "values": "0x2 2x2 3x2 0x5"},
                    {
                        "series": f"baileys_session_last_cleanup_timestamp_seconds{of}",
                        "values": "1795000000x12",
                    },
                ],
                "promql_expr_test": expected,
            }
        ]
    }
    place = tmp_path / "marks.yaml"
    place.write_text(yaml.safe_dump(tests))
    code, said = promtool("test", "rules", place)
    assert code == 0, said


def test_every_fault_and_advice_has_a_name_in_the_table_and_the_gravest_wins(
    tmp_path: Path,
) -> None:
    (table,) = (panel for panel in panels() if "fullest tenants" in panel["title"])
    (override,) = (
        each for each in table["fieldConfig"]["overrides"] if each["matcher"]["options"] == "Advice"
    )
    fields = {each["id"]: each["value"] for each in override["properties"]}
    (mapping,) = fields["mappings"]
    names = {int(number): shown["text"] for number, shown in mapping["options"].items()}
    assert set(names.values()) == {"Stalled", *ADVICE}
    assert names[max(names)] == "CredentialsCorrupt"
    of = 'namespace="shop",tenant="acme",company_id="1"'
    held = ("SessionInactive", "CredentialsCorrupt", "IdentityChanged")
    series = [
        {"series": f'baileys_session_condition{{{of},condition="{kind}"}}', "values": "1"}
        for kind in held
    ]
    series.append({"series": f'baileys_session_stalled{{{of},reason="Mounted"}}', "values": "1"})
    (number,) = (each for each, name in names.items() if name == "CredentialsCorrupt")
    expected = {
        "expr": VARIABLE.sub(lambda found: GIVEN[found[1]], gravest()),
        "eval_time": "0m",
        "exp_samples": [{"labels": f"{{{of}}}", "value": number}],
    }
    test = {"interval": "1m", "input_series": series, "promql_expr_test": [expected]}
    place = tmp_path / "gravest.yaml"
    place.write_text(yaml.safe_dump({"tests": [test]}))
    code, said = promtool("test", "rules", place)
    assert code == 0, said


def test_links_keep_the_time_and_every_alert_leads_to_its_row_in_the_index() -> None:
    text = (FILES / "dashboard.json").read_text()
    within = re.findall(r'"url": "(/d/[^"]+)"', text)
    assert within
    for url in within:
        assert "${__url_time_range}" in url
        assert "${datasource:queryparam}" in url
    assert f"{RUNBOOKS}README.md#${{__value.raw}}" in text
    index = INDEX.read_text()
    assert all(f'<a id="{rule.alert}"></a>' in index for rule in rules())


OF_PROMETHEUS = {"step", "titleFormat", "textFormat", "tagKeys", "useValueForTime"}
"""Fields of a mark that the data source reads, and Grafana's models do not know."""


def lost(given: object, found: object, path: str = "") -> Iterator[str]:
    """Where a document differs from one that may have more."""
    if isinstance(given, dict) and isinstance(found, dict):
        for key in given.keys() - OF_PROMETHEUS:
            yield from lost(given[key], found.get(key), f"{path}.{key}")
    elif isinstance(given, list) and isinstance(found, list) and len(given) == len(found):
        for one, other in zip(given, found, strict=True):
            yield from lost(one, other, path)
    elif given != found and given not in (None, {}):
        yield path


def test_grafanas_own_models_read_it_and_lose_nothing() -> None:
    register_default_plugins()
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(BOARD)))
    assert list(lost(BOARD, read)) == []
    assert list(lost(BOARD | {"nonsense": 1}, read)) == [".nonsense"]


def test_it_has_the_shape_of_a_current_grafana() -> None:
    # Older ones are migrated when they are opened, and Grafana asks to save them.
    assert BOARD["schemaVersion"] >= 41

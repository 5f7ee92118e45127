"""When each alert fires and when it does not, by Prometheus's own unit tests in `units/`."""

from __future__ import annotations

import copy
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerts.promtool import promtool
from tests.alerts.rules import ALERTS, ROOT, document, rules

UNITS = sorted((Path(__file__).parent / "units").glob("*.yaml"))
AS_READ = Path(__file__).parent / "as_read.yaml"


Object = dict[str, Any]


def bare() -> Object:
    """The rules without their texts, which promtool would have repeated in every expectation."""
    found = copy.deepcopy(document())
    for group in found["groups"]:
        for rule in group["rules"]:
            del rule["annotations"]
    return found


def only(alerts: set[str], of: Object) -> Object:
    """Return the rules of these alerts: no rule reads what another one says, so the others change nothing."""
    groups = [
        {**group, "rules": [rule for rule in group["rules"] if rule["alert"] in alerts]}
        for group in of["groups"]
    ]
    return {"groups": [group for group in groups if group["rules"]]}


def run(tests: Path, of: Object, tmp_path: Path) -> tuple[int, str]:
    """Run one file of unit tests, each on the rules that it asks about.

    promtool evaluates every rule for every minute of every test: some tests last for days.
    """
    found = yaml.safe_load(tests.read_text())
    places = []
    for number, test in enumerate(found["tests"]):
        asked = {each["alertname"] for each in test["alert_rule_test"]}
        asking = only(asked, of)
        assert {rule["alert"] for group in asking["groups"] for rule in group["rules"]} == asked
        rules_file = tmp_path / f"{tests.stem}-{number}-rules.yaml"
        rules_file.write_text(yaml.safe_dump(asking))
        place = tmp_path / f"{tests.stem}-{number}.yaml"
        place.write_text(yaml.safe_dump(found | {"tests": [test], "rule_files": [str(rules_file)]}))
        places.append(place)
    return promtool("test", "rules", *places)


def test_no_rule_reads_what_another_one_says() -> None:
    """Why a test may run on the rules alone that it asks about."""
    for group in document()["groups"]:
        for rule in group["rules"]:
            assert "record" not in rule
            assert "ALERTS" not in rule["expr"]


def test_promtool_accepts_the_rules() -> None:
    code, said = promtool("check", "rules", ALERTS)
    assert code == 0, said
    assert f"{len(rules())} rules found" in said


@pytest.mark.parametrize("tests", UNITS, ids=lambda path: path.stem)
def test_alerts_fire_and_end_when_they_should(tests: Path, tmp_path: Path) -> None:
    code, said = run(tests, bare(), tmp_path)
    assert code == 0, said


def test_what_is_read_at_night_is_what_was_reviewed(tmp_path: Path) -> None:
    code, said = run(AS_READ, document(), tmp_path)
    assert code == 0, said


def test_prometheus_accepts_the_configuration_that_the_docs_show(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    (shown,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    found = yaml.safe_load(shown)
    # Debian builds Prometheus without the discovery of pods.
    assert found["scrape_configs"][0].pop("kubernetes_sd_configs")[0]["role"] == "pod"
    found["scrape_configs"][0]["static_configs"] = [{"targets": ["localhost:9090"]}]
    place = tmp_path / "prometheus.yaml"
    place.write_text(yaml.safe_dump(found))
    shutil.copy(ALERTS, tmp_path)
    code, said = promtool("check", "config", place)
    assert code == 0, said
    assert f"{len(rules())} rules found" in said


def expectations(*files: Path) -> dict[str, list[Any]]:
    """What is expected of each alert, in the order of time, over all tests of these files."""
    found: dict[str, list[Any]] = {}
    for file in files:
        for test in yaml.safe_load(file.read_text())["tests"]:
            for each in test["alert_rule_test"]:
                found.setdefault(each["alertname"], []).append(each["exp_alerts"])
    return found


def test_every_alert_is_seen_to_wait_to_fire_and_to_end() -> None:
    expected = expectations(*UNITS)
    assert set(expected) == {rule.alert for rule in rules()}
    for alert, found in expected.items():
        told = [bool(each) for each in found]
        assert True in told, alert
        first = told.index(True)
        assert False in told[first:], f"{alert} is never seen to end"
        assert False in told[:first], f"{alert} is never seen to be silent before"


def test_every_alert_is_read_once() -> None:
    read = expectations(AS_READ)
    assert {alert: len(each) for alert, each in read.items()} == {rule.alert: 1 for rule in rules()}


def test_a_rule_that_is_wrong_would_be_noticed(tmp_path: Path) -> None:
    wrong = bare()
    every = [rule for group in wrong["groups"] for rule in group["rules"]]
    assert any("ThresholdUnreachable" in rule["expr"] for rule in every)
    for rule in every:
        rule["expr"] = rule["expr"].replace("ThresholdUnreachable", "Nothing")
    (levels,) = (each for each in UNITS if each.stem == "levels")
    code, said = run(levels, wrong, tmp_path)
    assert code != 0
    assert "FAILED" in said

"""Values: typing errors are refused, and what is accepted is a configuration that the operator takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from baileys_janitor.api.config import OperatorConfig
from baileys_janitor.api.config_file import load_config
from baileys_janitor.api.defaults import BUILT_IN
from tests.chart.rendering import (
    CHART,
    ROOT,
    VARIANTS,
    Object,
    Refused,
    helms,
    only,
    operator_file,
    render,
)

WRONG: dict[str, tuple[Object, str]] = {
    "a value of no such name": ({"replica": 3}, "replica"),
    "a name below another": ({"image": {"tagg": "1"}}, "tagg"),
    "a typing error in the configuration": ({"config": {"modeCieling": "DryRun"}}, "modeCieling"),
    "a typing error deep in it": (
        {"config": {"defaults": {"retention": {"sessionMaxage": "14d"}}}},
        "sessionMaxage",
    ),
    "a mode that does not exist": ({"config": {"modeCeiling": "Dryrun"}}, "modeCeiling"),
    "a length of time without unit": (
        {"config": {"defaults": {"cooldown": 6}}},
        "cooldown",
    ),
    "text for a number": ({"replicas": "two"}, "replicas"),
    "what the chart sets by a value of its own": (
        {"config": {"watchNamespaces": ["shop"]}},
        "watchNamespaces",
    ),
    "namespaces as text": ({"watchNamespaces": "shop"}, "watchNamespaces"),
    "a digest that is none": ({"image": {"digest": "latest"}}, "digest"),
}


@pytest.mark.parametrize("helm", helms())
@pytest.mark.parametrize("case", WRONG)
def test_typing_errors_are_refused_by_name(case: str, helm: str) -> None:
    values, named = WRONG[case]
    with pytest.raises(Refused, match=named):
        render(helm, **values)


def test_no_part_of_the_schema_leaves_room_for_typing_errors() -> None:
    def open_parts(node: Any, path: str) -> list[str]:
        found = []
        if isinstance(node, dict):
            if "properties" in node and node.get("additionalProperties") is not False:
                found.append(path)
            found += [
                each for key, part in node.items() for each in open_parts(part, f"{path}/{key}")
            ]
        return found

    assert not open_parts(json.loads((CHART / "values.schema.json").read_text()), "")


def configuration(path: Path, **values: Any) -> OperatorConfig:
    """What the operator reads when installed with these values."""
    path.write_text(operator_file(render(**values)))
    return load_config(path, {})


@pytest.mark.parametrize("name", VARIANTS)
def test_the_operator_takes_what_the_chart_writes(name: str, tmp_path: Path) -> None:
    found = configuration(tmp_path / "operator.yaml", **VARIANTS[name])
    assert found.watch_namespaces == VARIANTS[name].get("watchNamespaces", [])


def test_every_field_of_the_configuration_arrives_unchanged(tmp_path: Path) -> None:
    wanted = OperatorConfig().model_dump(mode="json", by_alias=True, exclude_none=True)
    wanted["defaults"] = BUILT_IN.model_dump(mode="json", by_alias=True, exclude_none=True)
    wanted["diskPressure"] = {"freeBytes": "1Gi", "freeInodes": 123_456_789}
    wanted["dailyJitter"] = "45m"
    set_by_the_chart = {"watchNamespaces": []}
    del wanted["watchNamespaces"], wanted["leaderElection"]["namespace"]
    del wanted["probes"]["address"]
    found = configuration(tmp_path / "operator.yaml", config=wanted)
    assert found == OperatorConfig.model_validate(wanted | set_by_the_chart, extra="forbid")


def test_the_example_configuration_can_be_used_as_values(tmp_path: Path) -> None:
    example = ROOT / "examples" / "operator-config.yaml"
    found = configuration(tmp_path / "operator.yaml", config=yaml.safe_load(example.read_text()))
    assert found.defaults == load_config(example, {}).defaults


def test_one_value_makes_a_careful_first_week(tmp_path: Path) -> None:
    found = configuration(tmp_path / "operator.yaml", config={"modeCeiling": "DryRun"})
    assert found.mode_ceiling == "DryRun"


def test_jobs_get_the_operators_image_secrets_and_a_class_that_never_preempts(
    tmp_path: Path,
) -> None:
    values: Object = {"image": {"pullSecrets": ["registry"], "pullPolicy": "Always"}}
    objects = render(**values)
    found = configuration(tmp_path / "operator.yaml", **values)
    assert found.job.image_pull_secrets == ["registry"]
    assert found.job.image_pull_policy == "Always"
    priority = only(objects, "PriorityClass")
    assert found.job.priority_class_name == priority["metadata"]["name"]
    assert priority["preemptionPolicy"] == "Never"
    assert not priority["globalDefault"]


def test_what_the_configuration_says_of_jobs_wins(tmp_path: Path) -> None:
    own = {"priorityClassName": "own", "imagePullSecrets": [], "imagePullPolicy": "Never"}
    values: Object = {
        "image": {"pullSecrets": ["registry"], "pullPolicy": "Always"},
        "config": {"job": own},
    }
    found = configuration(tmp_path / "operator.yaml", **values).job
    assert found.priority_class_name == "own"
    assert found.image_pull_secrets == []
    assert found.image_pull_policy == "Never"


def test_the_port_of_the_probes_is_the_one_that_is_listened_on() -> None:
    objects = render(config={"probes": {"port": 9191}})
    [container] = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert [each["containerPort"] for each in container["ports"]] == [9191, 9090]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "http"

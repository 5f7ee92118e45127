"""The definition as it is generated, and the file that is kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from baileys_janitor.api.config.defaults import BUILT_IN
from baileys_janitor.api.generated.crd import crd, crd_yaml, crds, files
from baileys_janitor.api.generated.openapi import structural
from baileys_janitor.api.spec import FleetSettings
from tests.api.corpus_files import ROOT

SCHEMA = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def nodes(node: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}".lstrip("."))
    for inner, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if inner in node:
            yield from nodes(node[inner], path + mark)


NODES = {
    path: node
    for part in ("spec", "status")
    for path, node in nodes(SCHEMA["properties"][part], part)
}


def test_the_kept_files_are_what_the_models_say() -> None:
    kept = {path.name: path.read_text() for path in (ROOT / "crds").iterdir()}

    assert kept == files(), "run: make generate"
    assert [yaml.safe_load(text) for text in files().values()] == crds()
    assert list(yaml.load_all(crd_yaml(), yaml.CSafeLoader)) == crds()


def test_every_field_is_described_in_sentences() -> None:
    for path, node in NODES.items():
        if path.endswith(("[]", "{}")):
            continue
        text = node.get("description", "")
        assert text.endswith("."), path
        assert text[0].isupper() or text[0].isdigit() or text.startswith("true"), path


def test_every_node_has_a_type_and_every_value_its_bounds() -> None:
    bounds = {
        "string": ("maxLength", "enum"),
        "integer": ("maximum",),
        "number": ("maximum",),
        "array": ("maxItems",),
        "boolean": ("type",),
        "object": ("properties", "maxProperties"),
    }
    for path, node in NODES.items():
        if node.get("x-kubernetes-int-or-string") or node.get("format") == "date-time":
            continue
        assert any(bound in node for bound in bounds[node["type"]]), path


def test_nothing_has_a_default_but_the_status_as_a_whole() -> None:
    with_default = {path: node["default"] for path, node in NODES.items() if "default" in node}

    assert with_default == {"status": {"observedGeneration": -1}}


def test_conditions_are_a_list_with_one_item_of_each_type() -> None:
    conditions = NODES["status.conditions"]

    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert "type" in conditions["items"]["required"]


def test_every_rule_has_a_message_and_reads_no_field_that_may_be_absent() -> None:
    for path, node in NODES.items():
        for one in node.get("x-kubernetes-validations", []):
            assert one["message"], path
            for name in node.get("properties", {}):
                assert f"self.{name}" not in one["rule"] or f"has(self.{name})" in one["rule"]


def test_the_fleet_and_the_tenant_share_the_same_fields() -> None:
    shared = set(SCHEMA["properties"]["spec"]["properties"]) - {"companyId", "volume", "suspend"}

    assert shared == set(structural(FleetSettings)["properties"])


def test_every_setting_has_a_built_in_default_but_those_that_the_pod_tells() -> None:
    told_by_the_pod = {"runAsUser", "runAsGroup", "supplementalGroups", "seLinuxOptions"}
    built_in = BUILT_IN.model_dump(by_alias=True)

    unset = [
        f"{group}.{name}"
        for group, fields in built_in.items()
        for name, value in (fields.items() if isinstance(fields, dict) else [("", fields)])
        if value is None and name not in told_by_the_pod
    ]

    assert unset == []


def test_columns_that_render_as_an_age_lie_in_the_past() -> None:
    columns = crd()["spec"]["versions"][0]["additionalPrinterColumns"]

    dates = {column["jsonPath"] for column in columns if column["type"] == "date"}

    assert not {path for path in dates if "Until" in path or "next" in path}


def test_the_status_is_a_subresource_of_its_own() -> None:
    assert crd()["spec"]["versions"][0]["subresources"] == {"status": {}}

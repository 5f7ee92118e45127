"""What an earlier version stored is still valid, and still means the same."""

from __future__ import annotations

import copy
from pathlib import Path

import jsonschema
import pytest

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.merge import effective
from baileys_janitor.api.generated.crd import crd
from baileys_janitor.api.spec import TenantSpec
from baileys_janitor.api.status import TenantStatus
from tests.chart.rendering import Object, parsed

STORED = Path(__file__).parent / "stored"
SCHEMA = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
RESOURCES = [
    pytest.param(resource, id=f"{file.stem}-{resource['metadata']['name']}")
    for file in sorted(STORED.glob("*.yaml"))
    for resource in parsed(file.read_text())
]
SERVED = {each["name"] for each in crd()["spec"]["versions"] if each["served"]}


def unknown(value: object, schema: Object, path: str = "") -> list[str]:
    """The paths of what a structural schema does not know: an API server would drop it at the next write."""
    if isinstance(value, dict) and "properties" in schema:
        fields = schema["properties"]
        return [
            lost
            for key, below in value.items()
            for lost in (
                unknown(below, fields[key], f"{path}.{key}") if key in fields else [f"{path}.{key}"]
            )
        ]
    if isinstance(value, list):
        return [lost for each in value for lost in unknown(each, schema["items"], f"{path}[]")]
    return []


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_stored_resource_is_still_valid(resource: Object) -> None:
    jsonschema.validate(resource, SCHEMA)
    assert resource["apiVersion"].split("/")[1] in SERVED


@pytest.mark.parametrize("resource", RESOURCES)
def test_nothing_that_was_stored_is_dropped(resource: Object) -> None:
    lost = unknown(resource["spec"], SCHEMA["properties"]["spec"])
    lost += unknown(resource["status"], SCHEMA["properties"]["status"])
    assert lost == []


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_operator_reads_all_of_it(resource: Object) -> None:
    spec = TenantSpec.model_validate(resource["spec"])
    assert spec.model_dump(mode="json", by_alias=True, exclude_none=True) == resource["spec"]
    found = effective(OperatorConfig(), resource["spec"], resource["metadata"]["name"])
    assert found.claim_name == resource["spec"]["volume"]["claimName"]
    assert TenantStatus.model_validate(resource["status"])


def test_these_checks_would_notice() -> None:
    resource = copy.deepcopy(RESOURCES[0].values[0])
    assert isinstance(resource, dict)
    resource["spec"]["volume"]["claim"] = resource["spec"]["volume"].pop("claimName")
    assert unknown(resource["spec"], SCHEMA["properties"]["spec"]) == [".volume.claim"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(resource, SCHEMA)


def test_an_older_version_is_never_unserved_while_it_may_be_stored() -> None:
    assert "v1alpha1" in SERVED
    assert sum(each["storage"] for each in crd()["spec"]["versions"]) == 1

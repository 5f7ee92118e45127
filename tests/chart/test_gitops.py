"""GitOps tools read a tenant's status as the docs say: Argo CD by our health.lua, kstatus by its own rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from lupa import lua51

from baileys_janitor.api.generated.crd import crd
from tests.chart.rendering import ROOT, Object, render

PLACE = ROOT / "docs" / "gitops"
CASES: list[Object] = yaml.safe_load((PLACE / "health_test.yaml").read_text())["tests"]
SCHEMA = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
CURRENT = {"Healthy": "Current", "Progressing": "InProgress", "Degraded": "Failed"}
"""What kstatus says where Argo CD says this."""


def load(case: Object) -> Object:
    """The tenant of a case."""
    found: Object = yaml.safe_load((PLACE / case["inputPath"]).read_text())
    return found


def health(tenant: Object) -> Object:
    """What Argo CD takes from the script, in the Lua that it runs, with its libraries left out as it leaves them."""
    lua = lua51.LuaRuntime(unpack_returned_tuples=True, register_eval=False)
    for library in ("os", "io", "package", "require", "dofile", "loadfile"):
        lua.globals()[library] = None
    lua.globals()["obj"] = lua.table_from(tenant, recursive=True)
    return dict(lua.execute((PLACE / "health.lua").read_text()))


def kstatus(tenant: Object) -> str:
    """The generic rules of kstatus (sigs.k8s.io/cli-utils), in their order."""
    status: Object = tenant.get("status") or {}
    generation = tenant["metadata"].get("generation")
    if "observedGeneration" in status and status["observedGeneration"] != generation:
        return "InProgress"
    conditions = {each["type"]: each["status"] for each in status.get("conditions") or ()}
    if conditions.get("Reconciling") == "True":
        return "InProgress"
    if conditions.get("Stalled") == "True":
        return "Failed"
    if conditions.get("Ready") in {"False", "Unknown"}:
        return "InProgress"
    return "Current"


def name(case: Any) -> str:
    return Path(case["inputPath"]).stem


@pytest.mark.parametrize("case", CASES, ids=name)
def test_argo_cd_says_of_a_tenant_what_the_test_data_say(case: Object) -> None:
    assert health(load(case)) == case["healthStatus"]


@pytest.mark.parametrize("case", CASES, ids=name)
def test_kstatus_agrees_with_argo_cd(case: Object) -> None:
    # kstatus reads Ready alone, and the janitor does observe a tenant whose creds.json is broken.
    said = (
        "Current"
        if name(case) in {"corrupt", "missing"}
        else CURRENT[case["healthStatus"]["status"]]
    )
    assert kstatus(load(case)) == said


def test_a_tenant_without_any_status_is_not_healthy_yet() -> None:
    tenant = load(CASES[0])
    del tenant["status"]
    assert health(tenant)["status"] == "Progressing"


@pytest.mark.parametrize("case", CASES, ids=name)
def test_the_test_data_are_tenants_as_the_crd_has_them(case: Object) -> None:
    jsonschema.validate(load(case), SCHEMA)


def test_every_file_of_test_data_is_used() -> None:
    assert {each.stem for each in (PLACE / "testdata").iterdir()} == {name(each) for each in CASES}


def test_the_manifests_in_the_docs_are_yaml_with_values_that_the_chart_takes() -> None:
    page = (ROOT / "docs" / "gitops.md").read_text()
    blocks = [each.split("```", 1)[0] for each in page.split("```yaml\n")[1:]]
    manifests = [doc for block in blocks for doc in yaml.safe_load_all(block)]
    kinds = [each["kind"] for each in manifests]
    assert {"Application", "HelmRelease", "Kustomization", "GitRepository", "ConfigMap"} == set(
        kinds
    )
    applied = [each["spec"] for each in manifests if each["kind"] in {"Application", "HelmRelease"}]
    helm = [each["values"] for each in applied if "values" in each]
    helm += [
        each["source"]["helm"]["valuesObject"]
        for each in applied
        if "helm" in each.get("source", ())
    ]
    assert len(helm) == 2
    for values in helm:
        assert render(**values)

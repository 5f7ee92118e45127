"""GitOps tools read a status as the docs say: Argo CD by our scripts, kstatus by its rules, Flux by our expressions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import celpy
import jsonschema
import pytest
import yaml
from celpy.adapter import json_to_cel
from lupa import lua51

from baileys_janitor.api.generated.crd import crds
from tests.chart.rendering import ROOT, Object, render

PLACE = ROOT / "docs" / "gitops"
SCHEMAS = {
    each["spec"]["names"]["kind"]: each["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for each in crds()
}
CURRENT = {"Healthy": "Current", "Progressing": "InProgress", "Degraded": "Failed"}
"""What kstatus says where Argo CD says this."""


def cases(place: Path) -> list[Object]:
    """The cases of one script, each with its directory."""
    found = yaml.safe_load((place / "health_test.yaml").read_text())["tests"]
    return [each | {"place": place} for each in found]


OBSERVED = cases(PLACE)
"""Of tenants and sets."""
OPERATIONS = cases(PLACE / "operation")
CASES = [*OBSERVED, *OPERATIONS]


def load(case: Object) -> Object:
    """The object of a case."""
    found: Object = yaml.safe_load((case["place"] / case["inputPath"]).read_text())
    return found


def health(found: Object, place: Path) -> Object:
    """What Argo CD takes from the script, in the Lua that it runs, with its libraries left out as it leaves them."""
    lua = lua51.LuaRuntime(unpack_returned_tuples=True, register_eval=False)
    for library in ("os", "io", "package", "require", "dofile", "loadfile"):
        lua.globals()[library] = None
    lua.globals()["obj"] = lua.table_from(found, recursive=True)
    return dict(lua.execute((place / "health.lua").read_text()))


def kstatus(found: Object) -> str:
    """The generic rules of kstatus (sigs.k8s.io/cli-utils), in their order."""
    status: Object = found.get("status") or {}
    generation = found["metadata"].get("generation")
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


def manifests() -> list[Object]:
    """The manifests of the page."""
    page = (ROOT / "docs" / "gitops.md").read_text()
    blocks = [each.split("```", 1)[0] for each in page.split("```yaml\n")[1:]]
    return [doc for block in blocks for doc in yaml.safe_load_all(block)]


def flux(found: Object) -> str:
    """What Flux says by the page's healthCheckExprs: the first that holds of inProgress, failed and current."""
    (checks,) = (
        each
        for manifest in manifests()
        for each in manifest.get("spec", {}).get("healthCheckExprs", ())
        if each["kind"] == found["kind"]
    )
    environment = celpy.Environment()
    for state in ("inProgress", "failed", "current"):
        program = environment.program(environment.compile(checks[state]))
        if program.evaluate({"status": json_to_cel(found.get("status") or {})}):
            return {"inProgress": "InProgress", "failed": "Failed", "current": "Current"}[state]
    return "InProgress"


def name(case: Any) -> str:
    return f"{case['place'].name}/{Path(case['inputPath']).stem}"


@pytest.mark.parametrize("case", CASES, ids=name)
def test_argo_cd_says_what_the_test_data_say(case: Object) -> None:
    assert health(load(case), case["place"]) == case["healthStatus"]


@pytest.mark.parametrize("case", OBSERVED, ids=name)
def test_kstatus_agrees_with_argo_cd(case: Object) -> None:
    # kstatus reads Ready alone, and the janitor does observe a tenant whose creds.json is broken.
    said = (
        "Current"
        if Path(case["inputPath"]).stem in {"corrupt", "missing"}
        else CURRENT[case["healthStatus"]["status"]]
    )
    assert kstatus(load(case)) == said


@pytest.mark.parametrize("case", OPERATIONS, ids=name)
def test_flux_waits_for_an_operation_until_it_is_done(case: Object) -> None:
    # Without the expressions it would not wait: an operation has no condition Ready.
    said = CURRENT.get(case["healthStatus"]["status"], "InProgress")
    assert flux(load(case)) == said


@pytest.mark.parametrize("case", [OBSERVED[0], OPERATIONS[0]], ids=name)
def test_what_has_no_status_yet_is_not_healthy(case: Object) -> None:
    found = load(case)
    del found["status"]
    assert health(found, case["place"])["status"] == "Progressing"


@pytest.mark.parametrize("case", CASES, ids=name)
def test_the_test_data_are_as_the_crd_has_them(case: Object) -> None:
    found = load(case)
    jsonschema.validate(found, SCHEMAS[found["kind"]])


@pytest.mark.parametrize("place", [PLACE, PLACE / "operation"], ids=lambda place: place.name)
def test_every_file_of_test_data_is_used(place: Path) -> None:
    used = {Path(case["inputPath"]).name for case in CASES if case["place"] == place}
    assert {each.name for each in (place / "testdata").iterdir()} == used


def test_the_manifests_in_the_docs_are_yaml_with_values_that_the_chart_takes() -> None:
    kinds = [each["kind"] for each in manifests()]
    known = {"Application", "HelmRelease", "Kustomization", "GitRepository", "ConfigMap"}
    assert known | {"BaileysOperation"} == set(kinds)
    for each in manifests():
        if each["kind"] in SCHEMAS:
            jsonschema.validate(each, SCHEMAS[each["kind"]])
    applied = [
        each["spec"] for each in manifests() if each["kind"] in {"Application", "HelmRelease"}
    ]
    helm = [each["values"] for each in applied if "values" in each]
    helm += [
        each["source"]["helm"]["valuesObject"]
        for each in applied
        if "helm" in each.get("source", ())
    ]
    assert len(helm) == 2
    for values in helm:
        assert render(**values)

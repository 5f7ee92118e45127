"""The chart is well formed, renders what was reviewed, and whatever it renders a real API server would take."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from baileys_janitor import __version__
from baileys_janitor.api.generated.crd import crds
from tests.chart import snapshots
from tests.chart.rendering import CHART, ROOT, VARIANTS, Refused, helms, only, render
from tests.chart.schemas import NEWEST, validate

VERSIONS = [f"1.{minor}" for minor in range(29, int(NEWEST.split(".")[1]) + 1)]


@pytest.mark.parametrize("helm", helms())
def test_lint_finds_nothing_to_say(helm: str) -> None:
    done = subprocess.run(
        [helm, "lint", "--strict", "--quiet", str(CHART)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("helm", helms())
@pytest.mark.parametrize("name", VARIANTS)
def test_the_chart_renders_what_was_reviewed(name: str, helm: str) -> None:
    assert snapshots.kept(render(helm, **VARIANTS[name])) == snapshots.path(name).read_text(), (
        "after a deliberate change: python -m tests.chart.snapshots"
    )


def test_the_test_of_an_operator_that_never_answers_ends_in_time_to_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (pod,) = [each for each in render() if each["metadata"]["name"].endswith("-test")]
    (_, _, program) = pod["spec"]["containers"][0]["command"]
    now = 0.0

    def passes(seconds: float) -> None:
        nonlocal now
        now += seconds

    class Silent:
        def __init__(self, _host: str, _port: int, timeout: float) -> None:
            self.timeout = timeout

        def request(self, *_: str) -> None:
            passes(self.timeout)
            raise TimeoutError

    monkeypatch.setattr("http.client.HTTPConnection", Silent)
    monkeypatch.setattr("time.sleep", passes)
    monkeypatch.setattr("time.monotonic", lambda: now)
    with pytest.raises(SystemExit) as ended:
        exec(program, {})
    assert "The operator is not ready: TimeoutError" in str(ended.value)
    assert now < pod["spec"]["activeDeadlineSeconds"] - 30, "a pod takes some seconds to start"


@cache
def _rendered(policies: bool) -> list[dict[str, Any]]:
    """Every object that any variant renders, each once: most variants share most of them."""
    found = {}
    for values in VARIANTS.values():
        for each in render(policies=policies, **values | {"crds": {"enabled": True}}):
            found[json.dumps(each, sort_keys=True)] = each
    return list(found.values())


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid_for_kubernetes(version: str) -> None:
    policies = version != "1.29"  # they are stable since 1.30
    for found in _rendered(policies):
        if not found["apiVersion"].startswith("monitoring.coreos.com/"):
            validate(found, version)


def test_the_check_against_kubernetes_would_notice() -> None:
    found = only(render(), "Deployment")
    found["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(found)


def definitions(**values: Any) -> list[dict[str, Any]]:
    """The CRDs, by name from the last to the first."""
    found = [each for each in render(**values) if each["kind"] == "CustomResourceDefinition"]
    return sorted(found, key=lambda each: each["metadata"]["name"], reverse=True)


def test_the_crds_are_those_of_the_models() -> None:
    rendered = definitions()
    for each in rendered:
        meta = each["metadata"]
        assert meta.pop("labels")["app.kubernetes.io/managed-by"] == "Helm"
        assert meta.pop("annotations") == {"helm.sh/resource-policy": "keep"}
    names = [each["metadata"]["name"] for each in rendered]
    modelled = crds(field_selectors=True)
    assert sorted(modelled, key=lambda each: names.index(each["metadata"]["name"])) == rendered


def test_the_crds_select_by_fields_only_where_the_api_server_can() -> None:
    def selectable(**values: Any) -> bool:
        return any(
            "selectableFields" in version
            for each in definitions(**values)
            for version in each["spec"]["versions"]
        )

    assert selectable()
    assert not selectable(policies=False)  # as Kubernetes 1.29


@pytest.mark.parametrize("version", VERSIONS)
def test_the_kept_definitions_pass_strict_validation_everywhere(version: str) -> None:
    for each in crds():
        kubernetes_validate.validate(each, version, strict=True)


def test_servers_before_1_30_refuse_definitions_that_select_by_fields() -> None:
    tenants = crds(field_selectors=True)[0]
    with pytest.raises(kubernetes_validate.ValidationError, match="selectableFields"):
        kubernetes_validate.validate(tenants, "1.29", strict=True)
    kubernetes_validate.validate(tenants, "1.30", strict=True)


def test_the_crds_go_with_the_release_only_when_asked_to() -> None:
    for each in definitions(crds={"keep": False}):
        assert "annotations" not in each["metadata"]


def test_what_a_machine_writes_is_current() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "charts.generate", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + "run: make generate"


def test_the_versions_agree() -> None:
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert about["version"] == about["appVersion"] == __version__
    [container] = only(render(), "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"baileys-janitor:{__version__}"


def test_a_changed_configuration_restarts_the_operator() -> None:
    sums = {
        only(render(config={"modeCeiling": mode}), "Deployment")["spec"]["template"]["metadata"][
            "annotations"
        ]["checksum/config"]
        for mode in ("Enforce", "DryRun", "Observe")
    }
    assert len(sums) == 3


def test_two_installations_share_no_cluster_wide_name() -> None:
    def names(**values: object) -> set[tuple[str, str]]:
        return {
            (each["kind"], each["metadata"]["name"])
            for each in render(crds={"enabled": False}, **values)
            if "namespace" not in each["metadata"]
        }

    assert names()
    assert not names() & names(fullnameOverride="other")


def test_the_chart_works_as_a_part_of_another(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    (parent / "charts").mkdir(parents=True)
    (parent / "Chart.yaml").write_text("{apiVersion: v2, name: parent, version: 1.0.0}")
    (parent / "charts" / "baileys-janitor").symlink_to(CHART)
    values = {"global": {"registry": "x"}, "baileys-janitor": {"replicas": 1}}
    assert only(render(chart=parent, **values), "Deployment")["spec"]["replicas"] == 1


def test_nothing_is_rendered_but_through_the_values() -> None:
    # A time, a random number or a look at the cluster would make GitOps controllers see drift forever.
    for template in (CHART / "templates").rglob("*"):
        if template.is_file():
            content = template.read_text()
            for function in ("lookup ", "randAlpha", "genCA", "now ", "uuidv4", "derivePassword"):
                assert function not in content, template.name


@pytest.mark.parametrize("kind", ["configMap", "secret"])
def test_a_private_ca_is_mounted_where_the_operator_looks_for_it(kind: str) -> None:
    named = render(notifications={"caBundle": {kind: "company-ca"}})
    spec = only(named, "Deployment")["spec"]["template"]["spec"]
    (operator,) = spec["containers"]
    (variable,) = (each for each in operator["env"] if each["name"] == "SSL_CERT_FILE")
    (mount,) = (each for each in operator["volumeMounts"] if each["name"] == "ca-bundle")
    (volume,) = (each for each in spec["volumes"] if each["name"] == "ca-bundle")
    assert variable["value"] == f"{mount['mountPath']}/ca.crt"
    assert "company-ca" in volume[kind].values()


def test_a_private_ca_lies_in_one_place() -> None:
    both = {"caBundle": {"configMap": "one", "secret": "other"}}
    with pytest.raises(Refused, match="leave one of them out"):
        render(notifications=both)

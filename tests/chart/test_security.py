"""What a security engineer looks for first: pods, rights, traffic."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.controller.jobs import manifest
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.controller.jobs.tracker import OBJECT_STORE_ACTIONS, STORE_ACTIONS
from baileys_janitor.tenants.run_as import RunAs
from tests.chart.rendering import CHART, NAMESPACE, VARIANTS, Object, only, render
from tests.chart.restricted import violations

JOB_POD = manifest.Pod(image="baileys-janitor:1", pull_secrets=("registry",), priority_class="low")
PLACES = {
    "a workload of unknown user": Place(),
    "a workload that runs as root": Place(identity=RunAs(user=0, group=0)),
    "a workload with everything": Place(
        "node-1",
        "",
        RunAs(1000, 1000, (2000, 3000), (("level", "s0:c1,c2"),)),
        '[{"operator": "Exists"}]',
    ),
}


def job(place: Place, *, read_only: bool) -> Object:
    """A Job as the operator makes it."""
    return manifest.job(
        name="scan",
        namespace="shop",
        action="scan",
        task="{}",
        members=[manifest.Member("acme", "1")],
        claims=["acme"],
        place=place,
        pod=JOB_POD,
        resources={"limits": {"memory": "128Mi"}},
        read_only=read_only,
    )


def pods(objects: list[Object]) -> Iterator[Object]:
    """The specs of all pods among objects."""
    for found in objects:
        spec = found.get("spec") or {}
        if found["kind"] == "Pod":
            yield spec
        elif "template" in spec:
            yield spec["template"]["spec"]


@pytest.mark.parametrize("name", VARIANTS)
def test_every_pod_of_the_chart_meets_the_restricted_standard(name: str) -> None:
    found = list(pods(render(**VARIANTS[name])))
    assert len(found) == 2, "the operator and the test"
    for spec in found:
        assert violations(spec) == []


@pytest.mark.parametrize("place", PLACES)
def test_every_job_meets_the_restricted_standard(place: str) -> None:
    [spec] = pods([job(PLACES[place], read_only=False)])
    assert violations(spec) == []


def test_the_check_of_the_standard_would_notice() -> None:
    [spec] = pods([job(Place(), read_only=True)])
    spec["containers"][0]["securityContext"]["capabilities"]["drop"] = []
    spec["securityContext"]["runAsUser"] = 0
    spec["hostNetwork"] = True
    spec["volumes"].append({"name": "host", "hostPath": {"path": "/"}})
    assert len(violations(spec)) == 4


@pytest.mark.parametrize("place", PLACES)
def test_a_job_has_no_token_no_fs_group_and_a_memory_limit(place: str) -> None:
    [spec] = pods([job(PLACES[place], read_only=True)])
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert "fsGroup" not in spec["securityContext"]
    [container] = spec["containers"]
    assert container["resources"]["limits"]["memory"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert all(mount["readOnly"] for mount in container["volumeMounts"])


def test_no_right_is_given_by_a_wildcard_nor_to_change_what_is_not_ours() -> None:
    for name, values in VARIANTS.items():
        for role in render(**values):
            for rule in role.get("rules") or ():
                for part in ("apiGroups", "resources", "verbs"):
                    assert "*" not in rule[part], name
                changes = set(rule["verbs"]) - {"get", "list", "watch"}
                if changes and not is_for_people(role):
                    assert set(rule["resources"]) <= {
                        "baileystenants/status",
                        "baileyskeystores/status",
                        "baileysoperations",
                        "baileysoperations/status",
                        "baileystenantsets/status",
                        "configmaps",
                        "events",
                        "jobs",
                        "leases",
                        "networkpolicies",
                        "secrets",
                    }, name


def is_for_people(role: Object) -> bool:
    """Whether a role is aggregated to those that people have, or made for them, and bound to nobody by the chart."""
    if role["metadata"]["name"].endswith(".operations"):
        return True
    return any("aggregate-to" in label for label in role["metadata"].get("labels") or ())


def test_secrets_are_out_of_reach_unless_asked_for_and_then_by_name() -> None:
    def rules(**values: object) -> list[Object]:
        return [
            rule
            for role in render(**values)
            for rule in role.get("rules") or ()
            if "secrets" in rule["resources"]
        ]

    assert rules() == []
    assert rules(config={"pullSecrets": {"copy": True}}) == []
    for rule in rules(**VARIANTS["all-granted"]):
        assert rule["verbs"] == ["create"] or rule["resourceNames"] == ["registry"]


def test_with_a_list_of_namespaces_there_is_no_cluster_wide_right() -> None:
    objects = render(**VARIANTS["namespaces"])
    kinds = {each["kind"] for each in objects}
    assert not kinds & {"ClusterRole", "ClusterRoleBinding"}
    places = {each["metadata"]["namespace"] for each in objects if each["kind"] == "Role"}
    assert places == {"shop", "support", "baileys-janitor"}
    cluster_wide = {each["kind"] for each in objects if "namespace" not in each["metadata"]}
    policies = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    assert cluster_wide == {"PriorityClass", *policies}, "and these can be turned off"


def test_only_the_operators_account_is_bound() -> None:
    for name, values in VARIANTS.items():
        if not values.get("rbac", {}).get("create", True):
            continue
        objects = render(**values)
        account = only(objects, "ServiceAccount")["metadata"]
        roles = {
            (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
            for each in objects
        }
        bindings = [
            each
            for each in objects
            if each["kind"].endswith("RoleBinding") or each["kind"] == "RoleBinding"
        ]
        assert bindings, name
        for binding in bindings:
            [subject] = binding["subjects"]
            assert (subject["name"], subject["namespace"]) == (account["name"], "baileys-janitor")
            to = binding["roleRef"]
            assert (to["kind"], binding["metadata"].get("namespace"), to["name"]) in roles


def test_jobs_in_listed_namespaces_are_cut_off_from_the_network() -> None:
    objects = render(**VARIANTS["namespaces"])
    policies = [each for each in objects if each["kind"] == "NetworkPolicy"]
    jobs = {
        each["metadata"]["namespace"]: each["spec"]
        for each in policies
        if each["metadata"]["name"].endswith(".jobs")
    }
    assert set(jobs) == {"shop", "support"}
    labels = job(Place(), read_only=True)["spec"]["template"]["metadata"]["labels"]
    for spec in jobs.values():
        assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
        assert "ingress" not in spec
        assert "egress" not in spec
        assert spec["podSelector"]["matchLabels"].items() <= labels.items()
        assert all(each["key"] in labels for each in spec["podSelector"]["matchExpressions"])


def test_the_policy_for_jobs_does_not_catch_the_operator() -> None:
    objects = render(**VARIANTS["namespaces"])
    labels = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert manifest.ACTION_LABEL not in labels


def policies(objects: list[Object]) -> dict[str, Object]:
    """Admission policies by the last part of their name; each has a binding that denies."""
    found = {each["metadata"]["name"]: each["spec"] for each in objects if each["kind"] == POLICY}
    bindings = [each["spec"] for each in objects if each["kind"] == f"{POLICY}Binding"]
    assert sorted(each["policyName"] for each in bindings) == sorted(found)
    assert all(each["validationActions"] == ["Deny"] for each in bindings)
    return {name.rsplit(".", 1)[1]: spec for name, spec in found.items()}


POLICY = "ValidatingAdmissionPolicy"


def test_admission_policies_come_where_the_cluster_has_them_and_can_be_turned_off() -> None:
    assert set(policies(render())) == {"marks", "jobs", "operations"}
    assert policies(render(policies=False)) == {}
    assert policies(render(admissionPolicy={"enabled": False})) == {}


def test_a_cluster_without_admission_policies_is_told_so_in_one_sentence(tmp_path: Path) -> None:
    # Helm shows the notes of an installation alone: here they are rendered as an object.
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    (chart / "templates" / "NOTES.txt").rename(chart / "NOTES.txt")
    (chart / "templates" / "notes.yaml").write_text(NOTES)

    def notes(**values: Any) -> str:
        objects = render(chart=chart, **values)
        [found] = [each for each in objects if each["metadata"]["name"] == "notes"]
        return str(found["data"]["notes"])

    told = "This cluster has no ValidatingAdmissionPolicies"
    assert notes(policies=False).count(told) == 1
    assert told not in notes()
    assert told not in notes(policies=False, admissionPolicy={"enabled": False})


NOTES = """
apiVersion: v1
kind: ConfigMap
metadata: {name: notes}
data:
  notes: {{ tpl (.Files.Get "NOTES.txt") . | quote }}
"""


def test_admission_policies_reach_no_further_than_the_installation() -> None:
    everywhere = policies(render())["marks"]["matchConstraints"]
    assert "namespaceSelector" not in everywhere
    [term] = policies(render(watchNamespaces=["shop", "support"]))["marks"]["matchConstraints"][
        "namespaceSelector"
    ]["matchExpressions"]
    assert term["values"] == ["shop", "support"]


def test_the_images_of_jobs_are_the_releases_and_those_that_are_named() -> None:
    def images(**values: object) -> str:
        checks = policies(render(**values))["jobs"]["validations"]
        [found] = [each["expression"] for each in checks if "c.image in" in each["expression"]]
        return str(found).rsplit(" in ", 1)[1]

    assert images(image={"repository": "r/j", "tag": "2"}) == "['r/j:2']))"
    assert images(config={"job": {"image": "r/k:1"}}) == "['r/k:1']))"
    mirrored = images(
        image={"repository": "r/j", "tag": "2"}, admissionPolicy={"images": ["m/j:2"]}
    )
    assert mirrored == "['r/j:2','m/j:2']))"


def test_secrets_are_policed_only_where_the_operator_may_create_any() -> None:
    found = policies(render(**VARIANTS["all-granted"]))["secrets"]
    name, kind = (each["expression"] for each in found["validations"])
    assert name == "object.metadata.name in ['registry']"
    assert "service-account-token" not in kind


def test_jobs_of_key_stores_alone_reach_databases_and_only_where_the_values_say() -> None:
    def allowed(**values: object) -> list[Object]:
        found = render(**VARIANTS["namespaces"] | values)
        named = [each for each in found if each["kind"] == "NetworkPolicy"]
        return [each for each in named if each["metadata"]["name"].endswith(".key-stores")]

    policies = allowed()
    assert {each["metadata"]["namespace"] for each in policies} == {"shop", "support"}
    for each in policies:
        spec = each["spec"]
        (action,) = spec["podSelector"]["matchExpressions"]
        assert (action["operator"], set(action["values"])) == ("In", STORE_ACTIONS)
        assert spec["policyTypes"] == ["Egress"]
        ports = {port["port"] for rule in spec["egress"] for port in rule["ports"]}
        assert ports == {53, 5432, 6432}
    narrow = [{"to": [{"ipBlock": {"cidr": "10.0.0.5/32"}}]}]
    assert allowed(networkPolicy={"databases": narrow})[0]["spec"]["egress"] == narrow
    assert allowed(networkPolicy={"databases": []}) == []
    assert allowed(config={"keyStores": {"enabled": False}}) == []


def test_jobs_of_backups_and_restores_alone_reach_object_stores_and_only_where_the_values_say() -> (
    None
):
    def allowed(**values: object) -> list[Object]:
        found = render(**VARIANTS["namespaces"] | values)
        named = [each for each in found if each["kind"] == "NetworkPolicy"]
        return [each for each in named if each["metadata"]["name"].endswith(".backups")]

    policies = allowed()
    assert {each["metadata"]["namespace"] for each in policies} == {"shop", "support"}
    for each in policies:
        (action,) = each["spec"]["podSelector"]["matchExpressions"]
        assert (action["operator"], set(action["values"])) == ("In", OBJECT_STORE_ACTIONS)
        ports = {port["port"] for rule in each["spec"]["egress"] for port in rule["ports"]}
        assert ports == {53, 443}
    narrow = [{"to": [{"ipBlock": {"cidr": "10.0.0.5/32"}}]}]
    assert allowed(networkPolicy={"objectStores": narrow})[0]["spec"]["egress"] == narrow
    assert allowed(networkPolicy={"objectStores": []}) == []


def test_drills_of_who_watches_namespaces_have_rights_in_the_release_s_own() -> None:
    def rules(**values: object) -> list[Object]:
        found = render(**VARIANTS["namespaces"] | values)
        named = [each for each in found if each["kind"] == "Role"]
        (own,) = [each for each in named if each["metadata"]["name"].endswith("-leader")]
        return [rule for rule in own["rules"] if "jobs" in rule["resources"]]

    assert rules() == []
    drill = {"identitySecretName": "key", "readSecretNames": {"moscow": "reader"}}
    repository = {"name": "moscow", "url": "s3://b/p", "secretName": "store"}
    config = {
        "backup": {"drill": drill},
        "defaults": {"backup": {"repositories": [repository], "recipients": ["age1" + "q" * 58]}},
    }
    (rule,) = rules(config=config)
    assert set(rule["verbs"]) == {"list", "create", "delete"}
    policies = [
        each["metadata"]["name"].rpartition(".")[2]
        for each in render(**VARIANTS["namespaces"] | {"config": config})
        if each["kind"] == "NetworkPolicy" and each["metadata"]["namespace"] == NAMESPACE
    ]
    # The operator's own, and those of its Jobs: denied but for object stores.
    assert {"jobs", "backups"} <= set(policies)


def test_who_has_no_key_stores_gives_no_right_on_them() -> None:
    def resources(**values: object) -> set[str]:
        return {
            resource
            for role in render(**values)
            if not is_for_people(role)
            for rule in role.get("rules") or ()
            for resource in rule["resources"]
        }

    off = resources(config={"keyStores": {"enabled": False}})
    assert resources() - off == {"baileyskeystores", "baileyskeystores/status"}


def test_before_an_uninstall_a_restricted_pod_starts_again_what_may_be_stopped() -> None:
    assert not [each for each in render() if each["kind"] == "Job"]
    (hook,) = [each for each in render(quiesce={"namespaces": ["shop"]}) if each["kind"] == "Job"]
    assert hook["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete"
    (spec,) = pods([hook])
    assert not list(violations(spec))
    assert spec["containers"][0]["args"][-1] == "--resume-all"
    operator = only(render(), "Deployment")
    chosen = operator["spec"]["selector"]["matchLabels"]
    labels = hook["spec"]["template"]["metadata"]["labels"]
    assert not chosen.items() <= labels.items(), "it is none of the operator's replicas"


def test_only_who_has_sets_of_tenants_gives_the_right_to_write_tenants() -> None:
    def rights(**values: object) -> set[tuple[str, str]]:
        return {
            (resource, verb)
            for role in render(**values)
            if not is_for_people(role)
            for rule in role.get("rules") or ()
            for resource in rule["resources"]
            for verb in rule["verbs"]
            if resource.startswith("baileystenant")
        }

    on = rights(config={"tenantSets": {"enabled": True}})
    assert on - rights() == {
        *(("baileystenants", verb) for verb in ("create", "patch", "delete")),
        *(("baileystenantsets", verb) for verb in ("get", "list", "watch")),
        ("baileystenantsets/status", "patch"),
    }

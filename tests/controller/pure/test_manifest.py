"""A Job as it is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.client import ApiClient

from baileys_janitor.api.config.effective import PodIdentity
from baileys_janitor.controller.jobs import manifest
from baileys_janitor.controller.jobs.manifest import Member, Pod
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.tenants.run_as import RunAs

Object = dict[str, Any]
ids = st.integers(1, 2**31 - 1)
identities = st.builds(
    RunAs,
    user=st.none() | st.integers(0, 2**31 - 1),
    group=st.none() | st.integers(0, 2**31 - 1),
    groups=st.lists(ids, max_size=3).map(tuple),
    se_linux=st.sampled_from([(), (("level", "s0:c1,c2"),)]),
)
places = st.builds(
    Place,
    node=st.none() | st.just("node-1"),
    pinned=st.booleans(),
    identity=identities,
    tolerations=st.sampled_from(["[]", '[{"key": "gpu", "operator": "Exists"}]']),
)
pods = st.builds(
    Pod,
    image=st.just("janitor:1"),
    priority_class=st.none() | st.just("janitor"),
    pull_policy=st.none() | st.just("IfNotPresent"),
    pull_secrets=st.sampled_from([(), ("regcred",)]),
)


def made(place: Place = Place(), pod: Pod = Pod("janitor:1"), **more: Any) -> Object:  # noqa: B008 - frozen
    values: Object = {
        "name": "janitor-scan-1",
        "namespace": "shop",
        "action": "scan",
        "task": '{"v":1}',
        "members": [Member("acme", "u-1")],
        "claims": ["data", "more"],
        "place": place,
        "pod": pod,
        "resources": {"limits": {"memory": "128Mi"}},
        "read_only": True,
    }
    return manifest.job(**(values | more))


def restricted(pod: Object) -> list[str]:
    """What of a pod the Pod Security profile "restricted" (1.34) refuses."""
    spec, broken = pod["spec"], []
    of_pod = spec.get("securityContext") or {}
    for kind in ("hostNetwork", "hostPID", "hostIPC"):
        broken += [kind] if spec.get(kind) else []
    allowed = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "projected", "secret"}
    for volume in spec.get("volumes") or ():
        kinds = set(volume) - {"name"}
        broken += [f"volume {kinds}"] if not kinds <= allowed | {"persistentVolumeClaim"} else []
    for container in [*spec["containers"], *(spec.get("initContainers") or ())]:
        own = container.get("securityContext") or {}
        seen = of_pod | own
        broken += ["privileged"] if own.get("privileged") else []
        broken += ["escalation"] if own.get("allowPrivilegeEscalation") is not False else []
        broken += ["runAsNonRoot"] if seen.get("runAsNonRoot") is not True else []
        broken += ["runAsUser"] if seen.get("runAsUser") == 0 else []
        capabilities = own.get("capabilities") or {}
        broken += ["drop"] if "ALL" not in (capabilities.get("drop") or ()) else []
        broken += ["add"] if set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"} else []
        profile = (seen.get("seccompProfile") or {}).get("type")
        broken += ["seccomp"] if profile not in {"RuntimeDefault", "Localhost"} else []
        broken += ["procMount"] if own.get("procMount", "Default") != "Default" else []
        broken += (
            ["hostPort"] if any(p.get("hostPort") for p in container.get("ports") or ()) else []
        )
        label = seen.get("seLinuxOptions") or {}
        types = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
        wrong = label.get("type", "") not in types or label.get("user") or label.get("role")
        broken += ["seLinux"] if wrong else []
    return broken


@given(places, pods, st.booleans())
def test_every_pod_meets_the_restricted_profile(place: Place, pod: Pod, read_only: bool) -> None:
    assert restricted(made(place, pod, read_only=read_only)["spec"]["template"]) == []


def test_the_checker_of_the_restricted_profile_can_refuse() -> None:
    pod = made()["spec"]["template"]
    del pod["spec"]["securityContext"]
    pod["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    pod["spec"]["volumes"].append({"name": "h", "hostPath": {"path": "/"}})

    assert len(restricted(pod)) == 6


@given(places, pods)
def test_a_job_is_one_that_kubernetes_reads(place: Place, pod: Pod) -> None:
    text = json.dumps(made(place, pod))
    client = ApiClient()
    read = client.deserialize(text, "V1Job", "application/json")

    # Whatever the model does not know would be missing when it is written again.
    assert client.sanitize_for_serialization(read) == json.loads(text)  # type: ignore[no-untyped-call]


def test_a_pod_gets_no_token_no_links_and_leaves_by_its_own_deadline() -> None:
    job = made()["spec"]
    pod = job["template"]["spec"]

    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["activeDeadlineSeconds"] == 60
    assert "activeDeadlineSeconds" not in job
    assert (job["backoffLimit"], pod["restartPolicy"]) == (0, "Never")
    # A cleanup's result is kept for a long outage; a scan is made anew.
    assert job["ttlSecondsAfterFinished"] == 600
    assert made(action="clean", run="r-1")["spec"]["ttlSecondsAfterFinished"] == 86_400
    assert "fsGroup" not in pod["securityContext"]
    assert "nodeName" not in pod


def test_a_pod_asks_injectors_to_leave_it_alone_the_way_each_of_them_reads() -> None:
    chosen = Pod("i", labels=(("team", "x"),), annotations=(("team", "y"),))
    meta = made(pod=chosen)["spec"]["template"]["metadata"]

    assert meta["labels"]["sidecar.istio.io/inject"] == "false"
    assert meta["labels"]["kuma.io/sidecar-injection"] == "disabled"
    assert meta["annotations"]["linkerd.io/inject"] == "disabled"
    assert meta["annotations"]["consul.hashicorp.com/connect-inject"] == "false"
    assert meta["annotations"]["vault.hashicorp.com/agent-inject"] == "false"
    assert (meta["labels"]["team"], meta["annotations"]["team"]) == ("x", "y")


@pytest.mark.parametrize("read_only", [True, False])
def test_a_scan_mounts_read_only_by_the_mount_and_never_by_the_claim(read_only: bool) -> None:
    pod = made(read_only=read_only)["spec"]["template"]["spec"]
    mounts = pod["containers"][0]["volumeMounts"]

    assert [m["readOnly"] for m in mounts] == [read_only, read_only]
    assert [m["mountPath"] for m in mounts] == ["/volumes/000", "/volumes/001"]
    claims = [v["persistentVolumeClaim"] for v in pod["volumes"]]
    assert claims == [{"claimName": "data"}, {"claimName": "more"}]


def test_a_pod_is_pinned_by_the_nodes_name_and_tolerates_what_the_workload_does() -> None:
    pod = made(
        Place("node-1", tolerations='[{"key": "gpu"}]'), Pod("i", tolerations=({"key": "x"},))
    )
    spec = pod["spec"]["template"]["spec"]
    needed = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]

    assert needed["nodeSelectorTerms"] == [
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}
    ]
    assert spec["tolerations"] == [{"key": "gpu"}, {"key": "x"}]
    assert "affinity" not in made()["spec"]["template"]["spec"]


def test_a_node_is_only_preferred_where_the_volume_can_be_mounted_elsewhere() -> None:
    spec = made(Place("node-1", pinned=False))["spec"]["template"]["spec"]
    [wanted] = spec["affinity"]["nodeAffinity"].pop(
        "preferredDuringSchedulingIgnoredDuringExecution"
    )

    [field] = wanted["preference"]["matchFields"]
    assert (field["key"], field["values"]) == ("metadata.name", ["node-1"])
    assert spec["affinity"]["nodeAffinity"] == {}


def test_a_pod_asks_for_a_node_of_linux_unless_it_is_told_otherwise() -> None:
    def selector(*chosen: tuple[str, str]) -> Object:
        spec: Object = made(pod=Pod("i", node_selector=chosen))["spec"]["template"]["spec"]
        found: Object = spec["nodeSelector"]
        return found

    assert selector() == {"kubernetes.io/os": "linux"}
    assert selector(("pool", "chat")) == {"kubernetes.io/os": "linux", "pool": "chat"}
    assert selector(("kubernetes.io/os", "other")) == {"kubernetes.io/os": "other"}


def test_people_can_read_for_whom_a_job_is() -> None:
    job = made(members=[Member("acme", "u-1"), Member("other", "u-2")])
    for meta in (job["metadata"], job["spec"]["template"]["metadata"]):
        listed = json.loads(meta["annotations"][manifest.MEMBERS_ANNOTATION])
        assert listed == [["acme", "u-1"], ["other", "u-2"]]


def test_a_cleanup_belongs_to_its_tenant_and_carries_its_run() -> None:
    job = made(run="20261122-1", owner=manifest.owner_reference("acme", "u-1"))

    assert job["metadata"]["labels"][manifest.RUN_LABEL] == "20261122-1"
    assert job["metadata"]["ownerReferences"][0]["uid"] == "u-1"
    assert "ownerReferences" not in made()["metadata"]


def test_the_operators_own_labels_cannot_be_overridden() -> None:
    pod = Pod("i", labels=(("app.kubernetes.io/managed-by", "somebody"), ("team", "chat")))
    labels = made(pod=pod)["metadata"]["labels"]

    assert labels["app.kubernetes.io/managed-by"] == "baileys-janitor"
    assert labels["team"] == "chat"


def test_groups_of_the_files_become_supplemental_ones() -> None:
    place = Place(identity=RunAs(1000, 2000, (3000,)))
    context = made(place)["spec"]["template"]["spec"]["securityContext"]

    assert context["supplementalGroups"] == [3000]
    assert "fsGroup" not in context


def test_a_workload_that_is_root_does_not_make_the_job_root() -> None:
    context = made(Place(identity=RunAs(0, 0)))["spec"]["template"]["spec"]["securityContext"]

    assert context["runAsUser"] == manifest.IMAGE_USER
    assert context["runAsNonRoot"] is True


def test_what_the_tenant_says_wins_field_by_field() -> None:
    asked = PodIdentity(5, None, (), {"level": "s0"}, {})
    found = RunAs(1, 2, (3,), ()).overridden(asked)

    assert found == RunAs(5, 2, (3,), (("level", "s0"),))

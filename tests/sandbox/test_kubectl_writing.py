"""What kubectl changes."""

from __future__ import annotations

import asyncio
import json

import pytest

from sandbox import Cluster
from tests.sandbox.support import PATIENCE, Kubectl, Object, text, thing, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

THINGS = "example.dev/v1/things"


async def _spec(cluster: Cluster, namespace: str) -> Object:
    found: Object = (await cluster.client.get(THINGS, namespace, "acme"))["spec"]
    return found


@pytest.mark.parametrize("flags", [[], ["--server-side"]])
async def test_apply_creates_changes_and_takes_back(
    cluster: Cluster, namespace: str, kubectl: Kubectl, flags: list[str]
) -> None:
    first = thing(low=1, high=9, options={"left": "l", "right": "r"})
    await kubectl("apply", *flags, "-f", "-", given=text(first))
    # Not the applier's: it must survive.
    await cluster.client.patch(THINGS, namespace, "acme", {"spec": {"ratio": 0.5}})
    second = thing(low=2, options={"left": "l"})
    await kubectl("apply", *flags, "-f", "-", given=text(second))
    assert await _spec(cluster, namespace) == {
        "claim": "abc",
        "low": 2,
        "mode": "A",
        "ratio": 0.5,
        "options": {"left": "l"},
    }


async def test_applying_the_same_again_changes_nothing(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    for flags in ([], ["--server-side"]):
        await kubectl("apply", *flags, "-f", "-", given=text(thing()))
        before = await cluster.client.get(THINGS, namespace, "acme")
        again = await kubectl("apply", *flags, "-f", "-", given=text(thing()))
        assert ("unchanged" in again.out) or ("serverside-applied" in again.out)
        after = await cluster.client.get(THINGS, namespace, "acme")
        assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_built_in_kinds_are_applied_by_strategic_merge(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    container = {"name": "main", "image": "busybox:1", "env": [{"name": "A", "value": "1"}]}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [container]},
            },
        },
    }
    await kubectl("apply", "-f", "-", given=text(deployment))
    await kubectl("set", "env", "deployment/web", "B=2")
    container["image"] = "busybox:2"
    await kubectl("apply", "-f", "-", given=text(deployment))
    found = await cluster.client.get("apps/v1/deployments", namespace, "web")
    only = found["spec"]["template"]["spec"]["containers"][0]
    assert only["image"] == "busybox:2"
    assert [entry["name"] for entry in only["env"]] == ["A", "B"]


async def test_create_refuses_what_is_there(kubectl: Kubectl) -> None:
    assert "created" in (await kubectl("create", "-f", "-", given=text(thing()))).out
    again = await kubectl("create", "-f", "-", given=text(thing()), fails=True)
    assert "(AlreadyExists)" in again.err
    assert 'things.example.dev "acme" already exists' in again.err


async def test_create_has_short_forms(cluster: Cluster, namespace: str, kubectl: Kubectl) -> None:
    await kubectl("create", "namespace", f"{namespace}-more")
    await kubectl("create", "configmap", "settings", "--from-literal=a=1")
    await kubectl("create", "secret", "generic", "token", "--from-literal=t=x")
    await kubectl("create", "serviceaccount", "robot")
    await kubectl("create", "job", "one", "--image=busybox", "--", "sleep", "1")
    job = await cluster.client.get("batch/v1/jobs", namespace, "one")
    assert job["spec"]["template"]["spec"]["containers"][0]["command"] == ["sleep", "1"]
    secret = await cluster.client.get("v1/secrets", namespace, "token")
    assert secret["data"] == {"t": "eA=="}
    await kubectl("delete", "namespace", f"{namespace}-more")


async def test_replace_needs_the_present_version(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    old = await cluster.client.create(THINGS, namespace, thing())
    await kubectl("replace", "-f", "-", given=text(thing(mode="B")))
    assert (await _spec(cluster, namespace))["mode"] == "B"
    stale = await kubectl("replace", "-f", "-", given=text(old), fails=True)
    assert "(Conflict)" in stale.err
    assert "the object has been modified" in stale.err


async def test_edit_saves_what_the_editor_leaves(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    await cluster.client.create(THINGS, namespace, thing())
    edited = await kubectl("edit", "thing", "acme", KUBE_EDITOR="sed -i 's/mode: A/mode: B/'")
    assert "edited" in edited.out
    assert (await _spec(cluster, namespace))["mode"] == "B"


async def test_annotate_and_label_change_no_generation(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    await cluster.client.create(THINGS, namespace, thing())
    await kubectl("annotate", "thing", "acme", "example.dev/emergency=1")
    await kubectl("annotate", "thing", "acme", "example.dev/emergency=2", "--overwrite")
    await kubectl("label", "thing", "acme", "tier=gold")
    metadata = (await cluster.client.get(THINGS, namespace, "acme"))["metadata"]
    assert metadata["annotations"]["example.dev/emergency"] == "2"
    assert metadata["labels"] == {"tier": "gold"}
    assert metadata["generation"] == 1


async def test_patch_speaks_merge_and_json(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    await cluster.client.create(THINGS, namespace, thing(low=1))
    merge = json.dumps({"spec": {"low": None, "mode": "B"}})
    await kubectl("patch", "thing", "acme", "--type=merge", "-p", merge)
    operations: list[Object] = [
        {"op": "test", "path": "/spec/mode", "value": "B"},
        {"op": "add", "path": "/spec/high", "value": 7},
    ]
    await kubectl("patch", "thing", "acme", "--type=json", "-p", json.dumps(operations))
    assert await _spec(cluster, namespace) == {"claim": "abc", "mode": "B", "high": 7}
    operations[0]["value"] = "A"
    refused = await kubectl(
        "patch", "thing", "acme", "--type=json", "-p", json.dumps(operations), fails=True
    )
    assert "the server rejected our request" in refused.err
    status = json.dumps({"status": {"level": "Warning"}, "spec": {"mode": "A"}})
    await kubectl("patch", "thing", "acme", "--type=merge", "--subresource=status", "-p", status)
    found = await cluster.client.get(THINGS, namespace, "acme")
    assert (found["status"]["level"], found["spec"]["mode"]) == ("Warning", "B")


async def test_delete_waits_for_finalizers(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    value = thing()
    value["metadata"]["finalizers"] = ["example.dev/hold"]
    await cluster.client.create(THINGS, namespace, value)
    process = await kubectl.start("delete", "thing", "acme")

    async def marked() -> bool:
        found = await cluster.client.get(THINGS, namespace, "acme")
        return "deletionTimestamp" in found["metadata"]

    await until(marked)
    assert process.returncode is None
    await cluster.client.patch(THINGS, namespace, "acme", {"metadata": {"finalizers": None}})
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert b"deleted" in out


async def test_delete_all_and_by_label(cluster: Cluster, namespace: str, kubectl: Kubectl) -> None:
    for name in ("a", "b", "c"):
        value = thing(name)
        value["metadata"]["labels"] = {"name": name}
        await cluster.client.create(THINGS, namespace, value)
    await kubectl("delete", "th", "-l", "name=b")
    assert (await kubectl("get", "th", "-o", "name")).out.count("thing.example.dev") == 2
    await kubectl("delete", "th", "--all")
    assert (await kubectl("get", "th", "-o", "name")).out == ""


async def test_wait_sees_conditions_fields_and_deletion(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    await cluster.client.create(THINGS, namespace, thing())
    waits = [
        await kubectl.start("wait", "th/acme", "--for=condition=Ready", "--timeout=120s"),
        await kubectl.start("wait", "th/acme", "--for=jsonpath={.status.level}=Healthy"),
    ]
    ready = {"type": "Ready", "status": "True"}
    status = {"level": "Healthy", "observedGeneration": 1, "conditions": [ready]}
    await cluster.client.patch(THINGS, namespace, "acme", {"status": status}, sub="status")
    for process in waits:
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert b"condition met" in out, err
    gone = await kubectl.start("wait", "th/acme", "--for=delete", "--timeout=120s")
    await cluster.client.delete(THINGS, namespace, "acme")
    out, err = await asyncio.wait_for(gone.communicate(), PATIENCE)
    assert gone.returncode == 0, err


async def test_a_dry_run_changes_nothing(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    await kubectl("create", "--dry-run=server", "-f", "-", given=text(thing()))
    assert (await kubectl("get", "th", "-o", "name")).out == ""
    await cluster.client.create(THINGS, namespace, thing())
    for words in (
        ["apply", "--dry-run=server", "-f", "-"],
        ["delete", "--dry-run=server", "-f", "-"],
    ):
        await kubectl(*words, given=text(thing(mode="B")))
    assert (await _spec(cluster, namespace))["mode"] == "A"


async def test_a_deleted_namespace_takes_everything_with_it(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    await cluster.client.create(THINGS, namespace, thing())
    await kubectl("delete", "namespace", namespace)
    assert (await cluster.client.select(THINGS, namespace))["items"] == []
    lost = await kubectl("create", "-f", "-", given=text(thing()), fails=True)
    assert f'namespaces "{namespace}" not found' in lost.err

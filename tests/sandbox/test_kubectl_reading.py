"""What kubectl shows."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import pytest

from sandbox import Cluster
from tests.sandbox.support import PATIENCE, Kubectl, text, thing, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

STATUS = {
    "level": "Healthy",
    "files": 120,
    "last": "2020-01-01T00:00:00Z",
    "conditions": [{"type": "Ready", "status": "True"}],
}


async def _given_things(cluster: Cluster, namespace: str) -> None:
    for name in ("acme", "bolt"):
        value = thing(name)
        value["metadata"]["labels"] = {"name": name}
        await cluster.client.create("example.dev/v1/things", namespace, value)
    await cluster.client.patch(
        "example.dev/v1/things", namespace, "acme", {"status": STATUS}, sub="status"
    )


async def test_get_prints_the_printer_columns(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    await _given_things(cluster, namespace)
    header, acme, bolt = (await kubectl("get", "things")).rows
    assert header == ["NAME", "LEVEL", "READY", "FILES", "LAST-SCAN", "AGE"]
    assert acme[:4] == ["acme", "Healthy", "True", "120"]
    assert acme[4].endswith(("y", "d"))
    assert bolt[0] == "bolt"


async def test_wide_output_adds_the_columns_of_lower_priority(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    await _given_things(cluster, namespace)
    rows = (await kubectl("get", "th", "-o", "wide")).rows
    assert rows[0] == ["NAME", "LEVEL", "READY", "FILES", "LAST-SCAN", "CLAIM", "AGE"]
    assert "abc" in rows[1]


async def test_every_output_format_shows_the_object(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    await _given_things(cluster, namespace)
    assert (await kubectl("get", "th", "-o", "name")).out.split() == [
        "thing.example.dev/acme",
        "thing.example.dev/bolt",
    ]
    shown = json.loads((await kubectl("get", "th", "acme", "-o", "json")).out)
    assert shown["kind"] == "Thing"
    assert shown["status"] == STATUS | {"observedGeneration": -1}
    assert "mode: A" in (await kubectl("get", "th", "acme", "-o", "yaml")).out
    path = "jsonpath={.items[*].metadata.name}"
    assert (await kubectl("get", "th", "-o", path)).out == "acme bolt"


async def test_all_namespaces_and_selectors_narrow_and_widen(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    await _given_things(cluster, namespace)
    everywhere = (await kubectl("get", "th", "-A")).rows
    assert everywhere[0][0] == "NAMESPACE"
    assert [namespace, "acme"] in [row[:2] for row in everywhere]
    for selector in ("name=bolt", "name!=acme", "name in (bolt,other)", "name,name notin (acme)"):
        assert (await kubectl("get", "th", "-l", selector, "-o", "name")).out.split() == [
            "thing.example.dev/bolt"
        ]
    found = await kubectl("get", "th", "--field-selector", "metadata.name=acme", "-o", "name")
    assert found.out.split() == ["thing.example.dev/acme"]
    empty = await kubectl("get", "th", "-l", "name=nobody")
    assert empty.err == f"No resources found in {namespace} namespace.\n"


async def test_a_long_list_comes_in_chunks(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    await asyncio.gather(
        *(
            cluster.client.create("example.dev/v1/things", namespace, thing(f"t-{number:02}"))
            for number in range(12)
        )
    )
    found = await kubectl("get", "th", "--chunk-size=5", "-o", "name")
    assert len(found.out.split()) == 12


async def test_watching_prints_a_row_for_each_change(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    await _given_things(cluster, namespace)
    process = await kubectl.start("get", "th", "--watch")
    assert process.stdout is not None
    first = [await asyncio.wait_for(process.stdout.readline(), PATIENCE) for _ in range(3)]
    assert first[0].split()[0] == b"NAME"
    body = {"status": {"level": "Warning"}}
    await cluster.client.patch("example.dev/v1/things", namespace, "bolt", body, sub="status")
    line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
    assert line.split()[:2] == [b"bolt", b"Warning"]
    process.terminate()
    await process.communicate()


async def test_describe_shows_the_object_and_its_events(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    created = await cluster.client.create("example.dev/v1/things", namespace, thing())
    about = {
        "apiVersion": "example.dev/v1",
        "kind": "Thing",
        "namespace": namespace,
        "name": "acme",
        "uid": created["metadata"]["uid"],
    }
    event = {
        "metadata": {"name": "acme.1", "namespace": namespace},
        "involvedObject": about,
        "reason": "CleanupDone",
        "message": "removed 12 files",
        "type": "Normal",
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
        "source": {"component": "janitor"},
    }
    await cluster.client.create("v1/events", namespace, event)
    shown = (await kubectl("describe", "thing", "acme")).out
    assert "Claim:  abc" in shown
    assert "CleanupDone" in shown
    assert "removed 12 files" in shown
    assert "CleanupDone" in (await kubectl("get", "events")).out
    assert "removed 12 files" in (await kubectl("events", "--for", "thing/acme")).out


async def test_discovery_lists_built_in_and_custom_resources(kubectl: Kubectl) -> None:
    listed = (await kubectl("api-resources")).rows
    assert ["things", "th", "example.dev/v1", "true", "Thing"] in listed
    assert ["jobs", "batch/v1", "true", "Job"] in listed
    versions = (await kubectl("api-versions")).out.split()
    assert {"v1", "batch/v1", "events.k8s.io/v1", "example.dev/v1"} <= set(versions)


async def test_anybody_may_do_anything(kubectl: Kubectl) -> None:
    assert (await kubectl("auth", "can-i", "delete", "things")).out == "yes\n"


async def test_an_unknown_object_is_not_found(kubectl: Kubectl) -> None:
    missing = await kubectl("get", "th", "nobody", fails=True)
    assert missing.err == 'Error from server (NotFound): things.example.dev "nobody" not found\n'
    wrong = await kubectl("get", "nothings", fails=True)
    assert "the server doesn't have a resource type" in wrong.err


async def test_diff_shows_what_an_apply_would_change(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    await cluster.client.create("example.dev/v1/things", namespace, thing())
    shown = await kubectl("diff", "-f", "-", given=text(thing(mode="B")), fails=True)
    assert "+  mode: B" in shown.out


async def test_explain_describes_the_fields_of_a_custom_resource(kubectl: Kubectl) -> None:
    shown = (await kubectl("explain", "things.spec")).out
    assert "GROUP:      example.dev" in shown
    assert "claim\t<string> -required-" in shown
    assert "options\t<Object>" in shown
    field = (await kubectl("explain", "th.spec.options.left")).out
    assert "FIELD: left <string>" in field


@pytest.mark.usefixtures("sandbox_only")
async def test_logs_shows_what_a_container_printed(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    code = "for number in range(3): print('line', number)"
    container = {"name": "a", "image": "b:1", "command": ["baileys-janitor", "-c", code]}
    pod = {"metadata": {"name": "talker"}, "spec": {"containers": [container]}}
    await cluster.client.create("v1/pods", namespace, pod)

    async def over() -> bool:
        found = await cluster.client.get("v1/pods", namespace, "talker")
        return (found.get("status") or {}).get("phase") == "Succeeded"

    await until(over)
    assert (await kubectl("logs", "talker")).out == "line 0\nline 1\nline 2\n"
    assert (await kubectl("logs", "talker", "-c", "a", "--tail=1")).out == "line 2\n"
    assert (await kubectl("logs", "-f", "talker")).out.splitlines()[-1] == "line 2"
    refused = await kubectl("logs", "nobody", fails=True)
    assert '"nobody" not found' in refused.err


@pytest.mark.usefixtures("sandbox_only")
async def test_logs_follows_until_the_container_ends(
    cluster: Cluster, namespace: str, kubectl: Kubectl, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    code = (
        "import os, time\nprint('begun', flush=True)\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
        "print('done')"
    )
    container = {"name": "a", "image": "b:1", "command": ["baileys-janitor", "-c", code]}
    pod = {"metadata": {"name": "slow"}, "spec": {"containers": [container]}}
    await cluster.client.create("v1/pods", namespace, pod)

    async def printed() -> bool:
        with contextlib.suppress(LookupError):
            return "begun" in cluster.kubelet.output(namespace, "slow")
        return False

    await until(printed)
    following = asyncio.create_task(kubectl("logs", "-f", "slow"))
    gate.touch()
    assert (await following).out == "begun\ndone\n"

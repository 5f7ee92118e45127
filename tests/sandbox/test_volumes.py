"""Secrets, config maps and emptyDirs in a pod: what its containers find at their mount paths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox import Cluster
from tests.sandbox.jobs import HOUR, JOBS, finished, job, pod_in, pod_of, reasons, terminated
from tests.sandbox.support import Object, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRETS, MAPS, EVENTS = "v1/secrets", "v1/configmaps", "v1/events"
TELL = "open('/dev/termination-log', 'w').write"
LIST = (
    "import json, os\n"
    "found = {}\n"
    "for folder, _, names in os.walk('/etc/store'):\n"
    "    for name in names:\n"
    "        path = os.path.join(folder, name)\n"
    "        inside = os.path.relpath(path, '/etc/store')\n"
    "        text = open(path).read()\n"
    "        found[inside] = [text, oct(os.stat(path).st_mode & 0o777), os.path.islink(path)]\n"
    f"{TELL}(json.dumps(found))\n"
)
READ = f"{TELL}(open('/etc/store/key').read())"


def mounting(code: str, volume: Object, pod: Object | None = None, **container: Any) -> Object:
    """A Job that has a volume at /etc/store."""
    body = job(code)
    spec = body["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": "store", **volume}]
    mount = {"name": "store", "mountPath": "/etc/store"}
    spec["containers"][0] |= {"volumeMounts": [mount], **container}
    spec |= pod or {}
    return body


def secret(**fields: Any) -> Object:
    return {"secret": {"secretName": "store", **fields}}


async def stored(cluster: Cluster, namespace: str, **data: str) -> None:
    body = {"metadata": {"name": "store"}, "stringData": data}
    await cluster.client.create(SECRETS, namespace, body)


async def told(cluster: Cluster, namespace: str) -> str:
    """What the Job's container left as its message."""
    ended = await finished(cluster, namespace)
    pod = await pod_of(cluster, namespace)
    assert pod is not None
    assert "Complete" in ended["conditions"], terminated(pod)
    message: str = terminated(pod)["message"]
    return message


async def events(cluster: Cluster, namespace: str, reason: str) -> list[str]:
    found = await cluster.client.select(EVENTS, namespace)
    return [each["message"] for each in found["items"] if each["reason"] == reason]


async def waits(cluster: Cluster, namespace: str) -> Object | None:
    """What the Job's container waits for."""
    pod = await pod_of(cluster, namespace)
    statuses = (pod or {"status": {}})["status"].get("containerStatuses") or [{"state": {}}]
    found: Object | None = statuses[0]["state"].get("waiting")
    return found


async def test_a_secrets_keys_are_files_behind_one_link(cluster: Cluster, namespace: str) -> None:
    await stored(cluster, namespace, key="value", other="more")
    await cluster.client.create(JOBS, namespace, mounting(LIST, secret()))
    found = json.loads(await told(cluster, namespace))
    shown = {name: about for name, about in found.items() if not name.startswith("..")}
    assert shown == {"key": ["value", "0o644", True], "other": ["more", "0o644", True]}
    hidden = {name.partition("/")[0] for name in found if name.startswith("..20")}
    assert len(hidden) == 1


async def test_items_choose_keys_paths_and_modes(cluster: Cluster, namespace: str) -> None:
    await stored(cluster, namespace, key="value", other="more", third="kept out")
    items = [{"key": "key", "path": "deep/file", "mode": 0o404}, {"key": "other", "path": "name"}]
    body = mounting(
        f"import os\n{TELL}(' '.join([open('/etc/store/deep/file').read(), "
        "oct(os.stat('/etc/store/deep/file').st_mode & 0o777), open('/etc/store/name').read(), "
        "oct(os.stat('/etc/store/name').st_mode & 0o777), *sorted(os.listdir('/etc/store'))]))",
        secret(items=items, defaultMode=0o444),
    )
    await cluster.client.create(JOBS, namespace, body)
    said = (await told(cluster, namespace)).split()
    assert said[:4] == ["value", "0o404", "more", "0o444"]
    assert [name for name in said[4:] if not name.startswith("..20")] == ["..data", "deep", "name"]


async def test_a_missing_secret_keeps_the_pod_waiting_until_it_is_there(
    cluster: Cluster, namespace: str
) -> None:
    await cluster.client.create(JOBS, namespace, mounting(READ, secret()))
    said = await until(lambda: events(cluster, namespace, "FailedMount"))
    assert said == ['MountVolume.SetUp failed for volume "store" : secret "store" not found']
    assert await until(lambda: waits(cluster, namespace)) == {"reason": "ContainerCreating"}
    await pod_in(cluster, namespace, "Pending")
    await stored(cluster, namespace, key="value")
    assert await told(cluster, namespace) == "value"


async def test_a_missing_key_keeps_the_pod_waiting_until_it_is_there(
    cluster: Cluster, namespace: str
) -> None:
    await stored(cluster, namespace, other="x")
    items = [{"key": "key", "path": "key"}]
    await cluster.client.create(JOBS, namespace, mounting(READ, secret(items=items)))
    said = await until(lambda: events(cluster, namespace, "FailedMount"))
    assert said == [
        'MountVolume.SetUp failed for volume "store" : references non-existent secret key: key'
    ]
    await cluster.client.patch(SECRETS, namespace, "store", {"stringData": {"key": "value"}})
    assert await told(cluster, namespace) == "value"


async def test_an_optional_secret_may_be_missing_or_lack_a_key(
    cluster: Cluster, namespace: str
) -> None:
    items = [{"key": "key", "path": "key"}, {"key": "other", "path": "other"}]
    listing = f"import os\n{TELL}(','.join(sorted(os.listdir('/etc/store'))))"
    volume = secret(items=items, optional=True)
    await cluster.client.create(JOBS, namespace, mounting(listing, volume))
    assert visible(await told(cluster, namespace)) == []
    await cluster.client.delete(JOBS, namespace, "run", propagationPolicy="Foreground")
    await until(lambda: _gone(cluster, namespace))
    await stored(cluster, namespace, other="x")
    await cluster.client.create(JOBS, namespace, mounting(listing, volume))
    assert visible(await told(cluster, namespace)) == ["other"]


def visible(listing: str) -> list[str]:
    return [name for name in listing.split(",") if not name.startswith("..")]


async def _gone(cluster: Cluster, namespace: str) -> bool:
    return not (await cluster.client.select(JOBS, namespace))["items"]


async def test_a_running_container_sees_an_update_and_keeps_what_is_deleted(
    cluster: Cluster, namespace: str
) -> None:
    await stored(cluster, namespace, key="old", other="x")
    code = (
        "import os, time\n"
        "while open('/etc/store/key').read() != 'new' or os.path.exists('/etc/store/other'):\n"
        "    time.sleep(0.01)\n"
        f"{TELL}('seen'); {HOUR}"
    )
    pod = {"terminationGracePeriodSeconds": 0}
    await cluster.client.create(JOBS, namespace, mounting(code, secret(), pod))
    running = await pod_in(cluster, namespace, "Running")
    own = cluster.pods / running["metadata"]["uid"]
    patch = {"stringData": {"key": "new"}, "data": {"other": None}}
    await cluster.client.patch(SECRETS, namespace, "store", patch)
    await until(lambda: (own / "main.message").read_text())
    await cluster.client.delete(SECRETS, namespace, "store")
    # The node has seen that once it has seen what came after.
    await cluster.client.create(SECRETS, namespace, {"metadata": {"name": "later"}})
    later = mounting("", {"secret": {"secretName": "later"}})
    later["metadata"]["name"] = "later"
    await cluster.client.create(JOBS, namespace, later)
    await finished(cluster, namespace, "later")
    assert (own / "volumes/store/key").read_text() == "new"


@pytest.mark.parametrize(
    ("mode", "context", "readable"),
    [
        (0o400, {"runAsUser": 1000, "runAsGroup": 1000}, False),
        (0o440, {"runAsUser": 1000, "runAsGroup": 1000}, False),
        (0o400, {}, False),
        (0o444, {"runAsUser": 1000, "runAsGroup": 1000}, True),
        (0o400, {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 2000}, True),
        (0o440, {"runAsUser": 1000, "runAsGroup": 1000, "supplementalGroups": [0]}, True),
        (0o440, {"runAsUser": 1000}, True),
        (0o400, {"runAsUser": 0}, True),
    ],
)
async def test_files_of_secrets_belong_to_root(
    cluster: Cluster, namespace: str, mode: int, context: Object, readable: bool
) -> None:
    await stored(cluster, namespace, key="value")
    body = mounting(READ, secret(defaultMode=mode), {"securityContext": context})
    await cluster.client.create(JOBS, namespace, body)
    ended = await finished(cluster, namespace)
    assert ("Complete" in ended["conditions"]) is readable
    pod = await pod_of(cluster, namespace)
    assert pod is not None
    assert terminated(pod).get("message") == ("value" if readable else None)


async def test_a_variable_from_a_missing_secret_keeps_the_container_waiting(
    cluster: Cluster, namespace: str
) -> None:
    body = job(f"import os; {TELL}(os.environ['KEY'])")
    reference = {"secretKeyRef": {"name": "store", "key": "key"}}
    container = body["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "KEY", "valueFrom": reference}]
    await cluster.client.create(JOBS, namespace, body)
    assert await until(lambda: waits(cluster, namespace)) == {
        "reason": "CreateContainerConfigError",
        "message": 'secret "store" not found',
    }
    assert await until(lambda: events(cluster, namespace, "Failed")) == [
        'Error: secret "store" not found'
    ]
    await stored(cluster, namespace, other="x")

    async def lacks_a_key() -> bool:
        said = (await waits(cluster, namespace) or {}).get("message", "")
        return "couldn't find key key in Secret" in said

    await until(lacks_a_key)
    await cluster.client.patch(SECRETS, namespace, "store", {"stringData": {"key": "value"}})
    assert await told(cluster, namespace) == "value"


async def test_root_is_refused_where_a_pod_is_to_run_as_nobody_else(
    cluster: Cluster, namespace: str
) -> None:
    context = {"securityContext": {"runAsNonRoot": True, "runAsUser": 0}}
    await cluster.client.create(JOBS, namespace, job("", pod=context))
    (said,) = await until(lambda: events(cluster, namespace, "Failed"))
    assert "container's runAsUser breaks non-root policy" in said


async def test_an_empty_directory_is_shared_by_a_pods_containers_and_goes_with_their_end(
    cluster: Cluster, namespace: str
) -> None:
    body = mounting(
        f"import time, os\nwhile not os.path.exists('/etc/store/b'): time.sleep(0.01)\n{TELL}('/etc/store')",
        {"emptyDir": {"medium": "Memory"}},
    )
    spec = body["spec"]["template"]["spec"]
    other = {**spec["containers"][0], "name": "other"}
    other["command"] = ["baileys-janitor", "-c", "open('/work/b', 'w').write('x')"]
    other["volumeMounts"] = [{"name": "store", "mountPath": "/work"}]
    spec["containers"].append(other)
    await cluster.client.create(JOBS, namespace, body)
    directory = Path(await told(cluster, namespace))
    assert cluster.pods in directory.parents
    assert not directory.exists()


async def test_an_empty_directory_past_its_limit_evicts_the_pod(
    cluster: Cluster, namespace: str
) -> None:
    code = f"open('/etc/store/big', 'wb').write(b'x' * 5000); {HOUR}"
    volume = {"emptyDir": {"sizeLimit": "4Ki"}}
    pod = {"terminationGracePeriodSeconds": 0}
    await cluster.client.create(JOBS, namespace, mounting(code, volume, pod))
    ended = await finished(cluster, namespace)
    assert ended["conditions"]["Failed"]["reason"] == "BackoffLimitExceeded"
    found = await pod_in(cluster, namespace, "Failed")
    assert found["status"]["reason"] == "Evicted"
    assert found["status"]["message"] == (
        'Usage of EmptyDir volume "store" exceeds the limit "4Ki". '
    )
    assert any(c["type"] == "DisruptionTarget" for c in found["status"]["conditions"])
    assert "Evicted" in await reasons(cluster, namespace, found["metadata"]["name"])


async def test_a_config_map_is_files_too(cluster: Cluster, namespace: str) -> None:
    volume = {"configMap": {"name": "map", "items": [{"key": "none", "path": "x"}]}}
    body = {"metadata": {"name": "map"}, "data": {"key": "value"}}
    await cluster.client.create(MAPS, namespace, body)
    await cluster.client.create(JOBS, namespace, mounting(READ, volume))
    (said,) = await until(lambda: events(cluster, namespace, "FailedMount"))
    assert said.endswith("configmap references non-existent config key: none")
    await cluster.client.patch(MAPS, namespace, "map", {"data": {"none": "x"}})
    await finished(cluster, namespace)

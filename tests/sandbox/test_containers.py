"""Pods of several containers: their order, and what is reported of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox import Cluster
from tests.sandbox.jobs import CLAIMS, HOUR, JOBS, claim, finished, job, pod_in, pod_of, terminated
from tests.sandbox.support import Kubectl, Object, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


def says(word: str, code: int = 0) -> str:
    return f"open('/dev/termination-log', 'w').write('{word}'); raise SystemExit({code})"


def container(name: str, code: str, **fields: Any) -> Object:
    command = ["baileys-janitor", "-c", code]
    return {"name": name, "image": "baileys-janitor:1", "command": command, **fields}


def of(*containers: Object, inits: tuple[Object, ...] = (), **pod: Any) -> Object:
    """A Job of containers that share an emptyDir at /work."""
    shared = [{"name": "work", "mountPath": "/work"}]
    body = job("")
    body["spec"]["template"]["spec"] |= {
        "volumes": [{"name": "work", "emptyDir": {}}],
        "containers": [{**each, "volumeMounts": shared} for each in containers],
        "initContainers": [{**each, "volumeMounts": shared} for each in inits],
        **pod,
    }
    return body


async def ended(cluster: Cluster, namespace: str) -> tuple[str, Object]:
    """How the Job ended, and its pod."""
    found = await finished(cluster, namespace)
    pod = await pod_of(cluster, namespace)
    assert pod is not None
    return ("Complete" if "Complete" in found["conditions"] else "Failed"), pod


def states(pod: Object, kind: str = "containerStatuses") -> dict[str, Object]:
    return {each["name"]: each["state"] for each in pod["status"][kind]}


def condition(pod: Object, name: str) -> Object:
    return next(each for each in pod["status"]["conditions"] if each["type"] == name)


async def test_one_hands_over_to_the_next(cluster: Cluster, namespace: str) -> None:
    first = container("fetch", "open('/work/a', 'w').write('1'); " + says("fetched"))
    second = container("check", "open('/work/b', 'w').write(open('/work/a').read() + '2')")
    last = container("write", "import os; assert os.listdir('/work'); " + says("wrote"))
    await cluster.client.create(JOBS, namespace, of(last, inits=(first, second)))
    how, pod = await ended(cluster, namespace)
    assert how == "Complete"
    assert terminated(pod)["message"] == "wrote"
    before = states(pod, "initContainerStatuses")
    assert list(before) == ["fetch", "check"]
    assert before["fetch"]["terminated"]["message"] == "fetched"
    assert "message" not in before["check"]["terminated"]
    assert all(each["ready"] for each in pod["status"]["initContainerStatuses"])
    assert condition(pod, "Initialized")["status"] == "True"


async def test_while_the_first_runs_the_pod_is_pending(cluster: Cluster, namespace: str) -> None:
    first = container("fetch", f"open('/work/begun', 'w').close(); {HOUR}")
    inits = (first, container("check", ""))
    pending = of(container("write", ""), inits=inits, terminationGracePeriodSeconds=0)
    await cluster.client.create(JOBS, namespace, pending)

    async def fetching() -> Object | None:
        pod = await pod_of(cluster, namespace)
        known = (pod or {"status": {}})["status"].get("initContainerStatuses") or [{"state": {}}]
        return pod if "running" in known[0]["state"] else None

    pod = await until(fetching)
    assert pod["status"]["phase"] == "Pending"
    waiting = {"waiting": {"reason": "PodInitializing"}}
    assert states(pod) == {"write": waiting}
    assert states(pod, "initContainerStatuses")["check"] == waiting
    initialized = condition(pod, "Initialized")
    assert (initialized["status"], initialized["reason"], initialized["message"]) == (
        "False",
        "ContainersNotInitialized",
        "containers with incomplete status: [fetch check]",
    )


async def test_what_fails_first_ends_the_pod(cluster: Cluster, namespace: str) -> None:
    inits = (container("fetch", says("no such bucket", 3)), container("check", ""))
    await cluster.client.create(JOBS, namespace, of(container("write", ""), inits=inits))
    how, pod = await ended(cluster, namespace)
    assert (how, pod["status"]["phase"]) == ("Failed", "Failed")
    before = states(pod, "initContainerStatuses")
    assert before["fetch"]["terminated"]["exitCode"] == 3
    assert before["fetch"]["terminated"]["message"] == "no such bucket"
    waiting = {"waiting": {"reason": "PodInitializing"}}
    assert before["check"] == waiting
    assert states(pod) == {"write": waiting}


async def test_of_two_side_by_side_each_leaves_a_message_and_one_failure_counts(
    cluster: Cluster, namespace: str
) -> None:
    containers = container("one", says("done")), container("two", says("not done", 4))
    await cluster.client.create(JOBS, namespace, of(*containers))
    how, pod = await ended(cluster, namespace)
    assert how == "Failed"
    found = {name: state["terminated"] for name, state in states(pod).items()}
    assert {name: (each["exitCode"], each["message"]) for name, each in found.items()} == {
        "one": (0, "done"),
        "two": (4, "not done"),
    }


async def test_while_one_goes_on_the_other_is_reported(cluster: Cluster, namespace: str) -> None:
    wait = "import os, time\nwhile not os.path.exists('/work/go'): time.sleep(0.01)"
    containers = container("one", says("done")), container("two", wait)
    await cluster.client.create(JOBS, namespace, of(*containers))

    async def half() -> Object | None:
        pod = await pod_of(cluster, namespace)
        known = states(pod) if pod and "containerStatuses" in pod["status"] else {}
        return pod if "terminated" in known.get("one", {}) else None

    pod = await until(half)
    assert pod["status"]["phase"] == "Running"
    assert "running" in states(pod)["two"]
    assert condition(pod, "Ready")["message"] == "containers with unready status: [one]"
    (cluster.pods / pod["metadata"]["uid"] / "volumes/work/go").touch()
    assert (await ended(cluster, namespace))[0] == "Complete"


async def test_the_deadline_ends_them_all(cluster: Cluster, namespace: str) -> None:
    body = of(container("one", HOUR), container("two", HOUR))
    deadline = {"activeDeadlineSeconds": 2, "terminationGracePeriodSeconds": 1}
    body["spec"]["template"]["spec"] |= deadline
    await cluster.client.create(JOBS, namespace, body)
    pod = await pod_in(cluster, namespace, "Failed")
    assert pod["status"]["reason"] == "DeadlineExceeded"
    assert [state["terminated"]["exitCode"] for state in states(pod).values()] == [143, 143]


async def test_the_deadline_counts_for_the_first_as_well(cluster: Cluster, namespace: str) -> None:
    body = of(container("write", ""), inits=(container("fetch", HOUR),))
    deadline = {"activeDeadlineSeconds": 2, "terminationGracePeriodSeconds": 1}
    body["spec"]["template"]["spec"] |= deadline
    await cluster.client.create(JOBS, namespace, body)
    pod = await pod_in(cluster, namespace, "Failed")
    assert pod["status"]["reason"] == "DeadlineExceeded"
    assert states(pod, "initContainerStatuses")["fetch"]["terminated"]["exitCode"] == 143
    assert states(pod)["write"] == {"waiting": {"reason": "PodInitializing"}}


async def test_one_container_of_a_pod_is_killed(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(JOBS, namespace, of(container("one", HOUR), container("two", HOUR)))
    pod = await pod_in(cluster, namespace, "Running")
    cluster.kubelet.out_of_memory(namespace, pod["metadata"]["name"], "two")
    cluster.kubelet.kill(namespace, pod["metadata"]["name"], "one")
    pod = await pod_in(cluster, namespace, "Failed")
    reasons = {name: state["terminated"]["reason"] for name, state in states(pod).items()}
    assert reasons == {"one": "Error", "two": "OOMKilled"}


async def test_a_pods_messages_have_12_kib_together(cluster: Cluster, namespace: str) -> None:
    code = "open('/dev/termination-log', 'w').write('a' * 1000 + 'b' * 2000 + 'c' * 2096)"
    containers = [container(f"c{number}", code) for number in range(3)]
    body = of(*containers, inits=(container("init", code),))
    await cluster.client.create(JOBS, namespace, body)
    _, pod = await ended(cluster, namespace)
    # The node reads the last 4,096 bytes, and of these the status keeps the first quarter of 12 KiB.
    kept = "b" * 2000 + "c" * 1072
    assert states(pod, "initContainerStatuses")["init"]["terminated"]["message"] == kept
    assert {state["terminated"]["message"] for state in states(pod).values()} == {kept}


async def test_a_sidecar_goes_on_beside_the_others_and_ends_after_them(
    cluster: Cluster, namespace: str
) -> None:
    last = "open('/work/sidecar', 'w').write(str(os.path.exists('/work/main')))"
    code = (
        "import os, signal, sys, time\n"
        f"def stop(*_):\n    {last}\n    {says('stopped', 3)}\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "open('/work/up', 'w').close()\n"
        f"{HOUR}"
    )
    main = (
        "import os, time\n"
        "while not os.path.exists('/work/up'): time.sleep(0.01)\n"
        "open('/work/main', 'w').close()"
    )
    sidecar = container("proxy", code, restartPolicy="Always")
    await cluster.client.create(JOBS, namespace, of(container("main", main), inits=(sidecar,)))
    how, pod = await ended(cluster, namespace)
    assert how == "Complete"
    assert states(pod, "initContainerStatuses")["proxy"]["terminated"]["message"] == "stopped"


async def test_one_has_the_secret_and_the_other_the_claim(
    cluster: Cluster, namespace: str, volumes: Path
) -> None:
    enforced = {"pod-security.kubernetes.io/enforce": "restricted"}
    await cluster.client.patch("v1/namespaces", "", namespace, {"metadata": {"labels": enforced}})
    await cluster.client.create(CLAIMS, namespace, claim("sessions"))
    key = {"metadata": {"name": "store"}, "stringData": {"key": "value"}}
    await cluster.client.create("v1/secrets", namespace, key)
    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    fetch = container("fetch", "open('/work/a', 'w').write(open('/keys/key').read())")
    write = container(
        "janitor",
        "import os; assert not os.path.exists('/keys'); open('/data/a', 'w').write(open('/work/a').read())",
    )
    work = {"name": "work", "mountPath": "/work"}
    fetch |= {
        "volumeMounts": [work, {"name": "keys", "mountPath": "/keys"}],
        "securityContext": own,
    }
    write |= {
        "volumeMounts": [work, {"name": "data", "mountPath": "/data"}],
        "securityContext": own,
    }
    body = job("")
    body["spec"]["template"]["spec"] |= {
        "initContainers": [fetch],
        "containers": [write],
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumes": [
            {"name": "work", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
            {"name": "keys", "secret": {"secretName": "store", "defaultMode": 0o444}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "sessions"}},
        ],
    }
    await cluster.client.create(JOBS, namespace, body)
    how, pod = await ended(cluster, namespace)
    assert how == "Complete", pod["status"]
    assert (volumes / namespace / "sessions/a").read_text() == "value"
    assert not list((cluster.pods / pod["metadata"]["uid"]).glob("volumes/*"))


async def test_kubectl_shows_how_far_the_first_ones_are(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    inits = (container("fetch", "print('fetching', flush=True)"), container("check", HOUR))
    body = of(container("write", ""), inits=inits, terminationGracePeriodSeconds=0)
    await cluster.client.create(JOBS, namespace, body)

    async def shown() -> bool:
        rows = (await kubectl("get", "pods")).rows
        return len(rows) > 1 and rows[1][1:3] == ["0/1", "Init:1/2"]

    await until(shown)
    (row,) = (await kubectl("get", "pods", "--no-headers")).rows
    assert (await kubectl("logs", row[0], "-c", "fetch")).out == "fetching\n"

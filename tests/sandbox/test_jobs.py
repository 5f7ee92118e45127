"""Jobs and their pods: the project's command is a process, all else is played."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import Cluster
from sandbox.client import ApiError
from tests.sandbox.jobs import (
    CLAIMS,
    HOUR,
    JOBS,
    PODS,
    claim,
    consumer,
    finished,
    job,
    pinned,
    pod_in,
    pod_of,
    reasons,
    terminated,
)
from tests.sandbox.support import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_job_runs_the_command_on_the_claims_directory(
    cluster: Cluster, namespace: str, volumes: Path
) -> None:
    await cluster.client.create(CLAIMS, namespace, claim("sessions"))
    code = "open('/data/seen', 'w').write('x'); open('/dev/termination-log', 'w').write('result')"
    await cluster.client.create(JOBS, namespace, job(code, claim="sessions"))
    ended = await finished(cluster, namespace)
    assert ended["status"]["succeeded"] == 1
    assert "Complete" in ended["conditions"]
    pod = await pod_of(cluster, namespace)
    assert pod is not None
    assert pod["status"]["phase"] == "Succeeded"
    assert terminated(pod)["message"] == "result"
    assert (terminated(pod)["exitCode"], terminated(pod)["reason"]) == (0, "Completed")
    assert (volumes / namespace / "sessions" / "seen").read_text() == "x"
    assert {"job-name", "controller-uid"} <= set(pod["metadata"]["labels"])
    owner = pod["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["uid"]) == ("Job", ended["metadata"]["uid"])


async def test_of_a_long_message_the_tail_is_kept(cluster: Cluster, namespace: str) -> None:
    code = "open('/dev/termination-log', 'w').write('a' * 4000 + 'b' * 4000)"
    await cluster.client.create(JOBS, namespace, job(code))
    await finished(cluster, namespace)
    pod = await pod_of(cluster, namespace)
    assert pod is not None
    assert terminated(pod)["message"] == "a" * 96 + "b" * 4000


async def test_a_process_inherits_nothing(cluster: Cluster, namespace: str) -> None:
    code = "import os; open('/dev/termination-log', 'w').write(','.join(sorted(os.environ)))"
    body = job(code)
    body["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "ONE", "value": "1"}]
    await cluster.client.create(JOBS, namespace, body)
    await finished(cluster, namespace)
    pod = await pod_of(cluster, namespace)
    assert pod is not None
    names = set(terminated(pod)["message"].split(","))
    assert {"ONE", "PATH"} <= names <= {"ONE", "PATH", "PYTHONPATH", "LC_CTYPE"}


async def test_a_failure_fails_the_job_and_keeps_the_message(
    cluster: Cluster, namespace: str
) -> None:
    code = "open('/dev/termination-log', 'w').write('no'); raise SystemExit(3)"
    await cluster.client.create(JOBS, namespace, job(code))
    ended = await finished(cluster, namespace)
    assert ended["conditions"]["Failed"]["reason"] == "BackoffLimitExceeded"
    pod = await pod_of(cluster, namespace)
    assert pod is not None
    assert (terminated(pod)["exitCode"], terminated(pod)["message"]) == (3, "no")
    assert terminated(pod)["reason"] == "Error"


async def test_the_pods_own_deadline_keeps_pod_and_message(
    cluster: Cluster, namespace: str
) -> None:
    code = f"f = open('/dev/termination-log', 'w'); f.write('half'); f.flush(); {HOUR}"
    deadline = {"activeDeadlineSeconds": 3, "terminationGracePeriodSeconds": 1}
    await cluster.client.create(JOBS, namespace, job(code, pod=deadline))
    await finished(cluster, namespace)
    pod = await pod_in(cluster, namespace, "Failed")
    assert pod["status"]["reason"] == "DeadlineExceeded"
    assert terminated(pod)["message"] == "half"
    assert terminated(pod)["exitCode"] == 143


async def test_the_jobs_deadline_deletes_the_pod(cluster: Cluster, namespace: str) -> None:
    body = job(HOUR, pod={"terminationGracePeriodSeconds": 1}, activeDeadlineSeconds=1)
    await cluster.client.create(JOBS, namespace, body)
    ended = await finished(cluster, namespace)
    assert ended["conditions"]["Failed"]["reason"] == "DeadlineExceeded"

    async def gone() -> bool:
        return await pod_of(cluster, namespace) is None

    await until(gone)


async def test_after_its_ttl_a_job_is_gone_with_its_pod(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(JOBS, namespace, job("", ttlSecondsAfterFinished=0))

    async def gone() -> bool:
        jobs = (await cluster.client.select(JOBS, namespace))["items"]
        pods = (await cluster.client.select(PODS, namespace))["items"]
        return not jobs and not pods

    await until(gone)


async def test_a_suspended_job_has_no_pod_until_it_is_resumed(
    cluster: Cluster, namespace: str
) -> None:
    await cluster.client.create(JOBS, namespace, job("", suspend=True))

    async def suspended() -> bool:
        found = await cluster.client.get(JOBS, namespace, "run")
        return any(c["type"] == "Suspended" for c in found["status"].get("conditions", []))

    await until(suspended)
    assert await pod_of(cluster, namespace) is None
    await cluster.client.patch(JOBS, namespace, "run", {"spec": {"suspend": False}})
    assert "Complete" in (await finished(cluster, namespace))["conditions"]


@pytest.mark.usefixtures("sandbox_only")
async def test_a_refused_pod_shows_as_events_only(cluster: Cluster, namespace: str) -> None:
    fault = cluster.fail(
        403,
        method="POST",
        path=f"/{namespace}/pods$",
        times=None,
        message='pods "run-" is forbidden: exceeded quota: none',
    )
    await cluster.client.create(JOBS, namespace, job(""))

    async def told() -> bool:
        return "FailedCreate" in await reasons(cluster, namespace, "run")

    await until(told)
    found = await cluster.client.get(JOBS, namespace, "run")
    assert not found["status"].get("conditions")
    cluster.forgive(fault)
    assert "Complete" in (await finished(cluster, namespace))["conditions"]


async def test_a_missing_claim_leaves_the_pod_unschedulable(
    cluster: Cluster, namespace: str
) -> None:
    await cluster.client.create(JOBS, namespace, job("", claim="nowhere"))

    async def refused() -> str:
        pod = await pod_of(cluster, namespace)
        conditions = (pod or {"status": {}})["status"].get("conditions", [])
        return next((c["message"] for c in conditions if c["type"] == "PodScheduled"), "")

    message = await until(refused)
    assert 'persistentvolumeclaim "nowhere" not found' in message
    assert "FailedScheduling" in await until_events(cluster, namespace)
    await cluster.client.create(CLAIMS, namespace, claim("nowhere"))
    assert "Complete" in (await finished(cluster, namespace))["conditions"]


async def until_events(cluster: Cluster, namespace: str) -> set[str]:
    async def some() -> set[str]:
        pod = await pod_of(cluster, namespace)
        assert pod is not None
        return await reasons(cluster, namespace, pod["metadata"]["name"])

    found: set[str] = await until(some)
    return found


async def test_an_image_that_is_missing_keeps_the_pod_waiting(
    cluster: Cluster, namespace: str
) -> None:
    body = job("")
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "baileys-janitor:missing"
    await cluster.client.create(JOBS, namespace, body)

    async def waiting() -> bool:
        pod = await pod_of(cluster, namespace)
        statuses = (pod or {"status": {}})["status"].get("containerStatuses") or [{"state": {}}]
        reason: str = statuses[0]["state"].get("waiting", {}).get("reason", "")
        return reason == "ImagePullBackOff"

    await until(waiting)


async def test_deleting_a_pod_sends_sigterm_first(
    cluster: Cluster, namespace: str, volumes: Path
) -> None:
    await cluster.client.create(CLAIMS, namespace, claim("sessions"))
    code = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        "    open('/data/stopped', 'w').close()\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "open('/data/ready', 'w').close()\n"
        "time.sleep(3600)\n"
    )
    await cluster.client.create(JOBS, namespace, job(code, claim="sessions"))
    await until((volumes / namespace / "sessions" / "ready").exists)
    pod = await pod_in(cluster, namespace, "Running")
    await cluster.client.delete(PODS, namespace, pod["metadata"]["name"])
    await finished(cluster, namespace)
    await until((volumes / namespace / "sessions" / "stopped").exists)


async def test_an_eviction_ends_the_pod(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(JOBS, namespace, job(HOUR))
    pod = await pod_in(cluster, namespace, "Running")
    metadata = {"name": pod["metadata"]["name"], "namespace": namespace}
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    await cluster.client.create(PODS, namespace, body, "eviction")
    assert "Failed" in (await finished(cluster, namespace))["conditions"]


async def test_killed_and_out_of_memory_look_as_on_a_real_node(
    cluster: Cluster, namespace: str
) -> None:
    for name, end, reason in (
        ("killed", cluster.kubelet.kill, "Error"),
        ("starved", cluster.kubelet.out_of_memory, "OOMKilled"),
    ):
        await cluster.client.create(JOBS, namespace, job(HOUR, name))
        pod = await pod_in(cluster, namespace, "Running", name)
        end(namespace, pod["metadata"]["name"])
        pod = await pod_in(cluster, namespace, "Failed", name)
        assert (terminated(pod)["exitCode"], terminated(pod)["reason"]) == (137, reason)


async def test_a_node_under_pressure_evicts(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(JOBS, namespace, job(HOUR))
    pod = await pod_in(cluster, namespace, "Running")
    cluster.kubelet.evict(namespace, pod["metadata"]["name"])
    pod = await pod_in(cluster, namespace, "Failed")
    assert pod["status"]["reason"] == "Evicted"


async def test_held_pods_wait_in_container_creating(cluster: Cluster, namespace: str) -> None:
    cluster.kubelet.hold()
    try:
        await cluster.client.create(JOBS, namespace, job(""))

        async def creating() -> bool:
            pod = await pod_of(cluster, namespace)
            statuses = (pod or {"status": {}})["status"].get("containerStatuses") or []
            return any(
                s["state"].get("waiting", {}).get("reason") == "ContainerCreating" for s in statuses
            )

        await until(creating)
    finally:
        cluster.kubelet.release()
    assert "Complete" in (await finished(cluster, namespace))["conditions"]


async def test_a_workloads_pod_runs_until_it_is_deleted(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(CLAIMS, namespace, claim("sessions"))
    await cluster.client.create(PODS, namespace, consumer("bot", "sessions"))

    async def running() -> bool:
        pod = await cluster.client.get(PODS, namespace, "bot")
        return bool(pod["status"]["phase"] == "Running")

    await until(running)
    # In use, a claim is not deleted before its pod.
    await cluster.client.delete(CLAIMS, namespace, "sessions")
    marked = await cluster.client.get(CLAIMS, namespace, "sessions")
    assert "deletionTimestamp" in marked["metadata"]
    await cluster.client.delete(PODS, namespace, "bot")

    async def gone() -> bool:
        claims = (await cluster.client.select(CLAIMS, namespace))["items"]
        return not claims and not (await cluster.client.select(PODS, namespace))["items"]

    await until(gone)


async def test_a_claim_may_wait_for_its_first_consumer(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(CLAIMS, namespace, claim("late", "local"))

    async def told() -> bool:
        return "WaitForFirstConsumer" in await reasons(cluster, namespace, "late")

    await until(told)
    found = await cluster.client.get(CLAIMS, namespace, "late")
    assert found["status"]["phase"] == "Pending"
    await cluster.client.create(PODS, namespace, consumer("bot", "late", "node-2"))

    async def bound() -> str:
        found = await cluster.client.get(CLAIMS, namespace, "late")
        return found["spec"].get("volumeName", "") if found["status"]["phase"] == "Bound" else ""

    volume = await cluster.client.get("v1/persistentvolumes", "", await until(bound))
    terms = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert terms[0]["matchExpressions"][0]["values"] == ["node-2.sandbox"]


async def test_a_claim_of_the_class_never_stays_pending(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(CLAIMS, namespace, claim("stuck", "never"))
    await cluster.client.create(JOBS, namespace, job("", claim="stuck"))

    async def refused() -> bool:
        pod = await pod_of(cluster, namespace)
        conditions = (pod or {"status": {}})["status"].get("conditions", [])
        return any("unbound immediate" in c.get("message", "") for c in conditions)

    await until(refused)


async def test_a_pod_goes_where_its_affinity_says(cluster: Cluster, namespace: str) -> None:
    for number in (1, 2):
        name = f"run-{number}"
        await cluster.client.create(
            JOBS, namespace, job("", name, pod={"affinity": pinned(f"node-{number}")})
        )
        await finished(cluster, namespace, name)
        pod = await pod_of(cluster, namespace, name)
        assert pod is not None
        assert pod["spec"]["nodeName"] == f"node-{number}"


async def test_one_node_holds_a_read_write_once_claim(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(CLAIMS, namespace, claim("sessions"))
    await cluster.client.create(PODS, namespace, consumer("bot", "sessions", "node-1"))

    async def running() -> bool:
        return bool(
            (await cluster.client.get(PODS, namespace, "bot"))["status"]["phase"] == "Running"
        )

    await until(running)
    same = job("", "same", claim="sessions", pod={"affinity": pinned("node-1")})
    await cluster.client.create(JOBS, namespace, same)
    assert "Complete" in (await finished(cluster, namespace, "same"))["conditions"]
    other = job("", "other", claim="sessions", pod={"affinity": pinned("node-2")})
    await cluster.client.create(JOBS, namespace, other)

    async def refused() -> bool:
        pod = await pod_of(cluster, namespace, "other")
        name = pod["metadata"]["name"] if pod else ""
        return "FailedAttachVolume" in await reasons(cluster, namespace, name)

    await until(refused)


async def test_nobody_shares_a_read_write_once_pod_claim(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(CLAIMS, namespace, claim("own", mode="ReadWriteOncePod"))
    await cluster.client.create(PODS, namespace, consumer("bot", "own"))

    async def running() -> bool:
        return bool(
            (await cluster.client.get(PODS, namespace, "bot"))["status"]["phase"] == "Running"
        )

    await until(running)
    await cluster.client.create(JOBS, namespace, job("", claim="own"))

    async def refused() -> bool:
        pod = await pod_of(cluster, namespace)
        conditions = (pod or {"status": {}})["status"].get("conditions", [])
        return any("ReadWriteOncePod access mode" in c.get("message", "") for c in conditions)

    await until(refused)
    await cluster.client.delete(PODS, namespace, "bot")
    assert "Complete" in (await finished(cluster, namespace))["conditions"]


async def test_a_job_deleted_without_a_policy_leaves_its_pod_behind(
    cluster: Cluster, namespace: str
) -> None:
    await cluster.client.create(JOBS, namespace, job(""))
    await finished(cluster, namespace)
    await cluster.client.delete(JOBS, namespace, "run")

    async def gone() -> bool:
        return not (await cluster.client.select(JOBS, namespace))["items"]

    await until(gone)
    pod = await pod_of(cluster, namespace)
    assert pod is not None
    assert "ownerReferences" not in pod["metadata"]


async def test_a_jobs_template_cannot_be_changed(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(JOBS, namespace, job(""))
    body = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 3}}}}
    with pytest.raises(ApiError) as refused:
        await cluster.client.patch(JOBS, namespace, "run", body)
    assert "field is immutable" in refused.value.message

"""The Job of a restore as it is sent, when it is not, and what is made of how it ended."""

from __future__ import annotations

import json
from typing import Any

import pytest

from baileys_janitor.backup.restore_job.result import JobFailure, RestoreResult, encode
from baileys_janitor.backup.restore_job.task import RestoreTask
from baileys_janitor.controller.backups import restore_jobs
from baileys_janitor.controller.backups.restore_jobs import RestoreRequest
from baileys_janitor.controller.jobs.faults import Finished
from baileys_janitor.controller.jobs.locate import ClusterState
from baileys_janitor.controller.jobs.manifest import Pod
from baileys_janitor.controller.jobs.placement import Claim, Place, Users
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.run_as import RunAs
from tests.controller.pure.test_backups import NOW, tenant
from tests.controller.pure.test_manifest import restricted

Object = dict[str, Any]
REQUEST = RestoreRequest(run="restore-1", repository="eu", identity_secret="recovery")
BOUND = Claim("Bound", "pv-1", "fast", deleting=False, exclusive=False)
WAITING = Claim("Pending", "", "fast", deleting=False, exclusive=False)


def pod_of(request: RestoreRequest = REQUEST, **spec: Any) -> Object:
    of = tenant(**spec)
    place = Place("node-1", "", RunAs(1000, 1000))
    job = restore_jobs.restore_job(of, request, place, Pod("janitor:1"), NOW)
    return job["spec"]["template"]["spec"]  # type: ignore[no-any-return]


def cluster(claim: Claim | None, *pods: Object) -> ClusterState:
    claims = {} if claim is None else {"data": claim}
    return ClusterState(claims, Users().add(pods), {}, frozenset({"fast"}))


def bot() -> Object:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    mounts = [{"name": "v", "mountPath": "/data"}]
    return {
        "metadata": {"name": "bot"},
        "spec": {
            "nodeName": "node-1",
            "volumes": volumes,
            "containers": [{"name": "bot", "volumeMounts": mounts}],
        },
        "status": {"phase": "Running"},
    }


def test_the_writing_container_has_the_claim_and_the_other_one_the_secrets() -> None:
    pod = pod_of()
    assert restricted({"spec": pod}) == []
    (fetcher,), (writer,) = pod["initContainers"], pod["containers"]
    sources = {each["name"]: set(each) - {"name"} for each in pod["volumes"]}
    mounted = {
        each["name"]: {
            (*sources[mount["name"]], mount["readOnly"]) for mount in each["volumeMounts"]
        }
        for each in (fetcher, writer)
    }
    assert mounted == {
        "fetch": {("secret", True), ("emptyDir", False)},
        "janitor": {("persistentVolumeClaim", False), ("emptyDir", True)},
    }
    assert (fetcher["command"][1], writer["command"][1]) == ("fetch-job", "restore-job")
    named = [each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each]
    assert named == ["put-eu", "recovery"]
    (shared,) = [each["emptyDir"] for each in pod["volumes"] if "emptyDir" in each]
    assert shared == {"medium": "Memory", "sizeLimit": "80Mi"}


def test_both_containers_get_the_same_task_and_it_says_what_was_asked_for() -> None:
    request = RestoreRequest(
        run="restore-1",
        repository="moscow",
        archive="20261128T093500Z-0a1b2c3d.tar.gz.age",
        mode="Credentials",
        acknowledged=("SignedPreKeyRotated",),
        fingerprint="0123456789abcdef",
        read_secret="reader",
        dry_run=True,
    )
    pod = pod_of(request)
    texts = {each["command"][2] for each in (*pod["initContainers"], *pod["containers"])}
    (text,) = texts
    task = RestoreTask.from_json(text.replace("$$", "$"))
    assert task.store.url == "s3://baileys/prod"
    assert (task.archive, task.mode, task.dry_run) == (request.archive, "Credentials", True)
    assert (task.acknowledged, task.fingerprint) == (request.acknowledged, request.fingerprint)
    assert task.identity is None
    named = [each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each]
    assert named == ["reader"]
    writes = {m["mountPath"]: not m["readOnly"] for m in pod["containers"][0]["volumeMounts"]}
    assert writes == {"/volumes/000": False, "/archive": False}


def test_a_pod_that_uses_the_claim_is_in_the_way() -> None:
    place, fault = restore_jobs.place_of(tenant(), cluster(BOUND, bot()))
    assert place is None
    assert fault is not None
    assert fault.reason == "ClaimInUse"


def test_nobody_writes_files_whose_owner_is_not_known() -> None:
    place, fault = restore_jobs.place_of(tenant(), cluster(BOUND))
    assert place is None
    assert fault is not None
    assert fault.reason == "OwnerUnknown"
    assert "spec.job.runAsUser" in fault.message


def test_a_claim_that_waits_for_its_first_consumer_gets_one() -> None:
    of = tenant(job={"runAsUser": 1000})
    assert restore_jobs.place_of(of, cluster(WAITING)) == (Place(identity=RunAs(1000)), None)
    _, fault = restore_jobs.place_of(of, cluster(None))
    assert fault is not None
    assert fault.reason == "ClaimMissing"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"repository": "nowhere"}, "RepositoryUnknown"),
        ({"archive": "newest"}, "InvalidSpec"),
        ({"mode": "Everything"}, "InvalidSpec"),
        ({"fingerprint": "me"}, "InvalidSpec"),
        ({"fingerprint": "0123456789ABCDEF"}, ""),
        ({}, ""),
    ],
)
def test_what_cannot_be_asked_for_is_said_before_there_is_a_job(
    change: Object, reason: str
) -> None:
    request = RestoreRequest(**({"run": "restore-1", "repository": "eu"} | change))
    fault = restore_jobs.problem_of(tenant(), request)
    assert ("" if fault is None else fault.reason) == reason


def test_a_suspended_tenant_is_not_restored() -> None:
    fault = restore_jobs.problem_of(tenant(suspend=True), REQUEST)
    assert fault is not None
    assert fault.reason == "Suspended"


def test_what_a_pod_has_left_counts_and_else_its_fault() -> None:
    done = RestoreResult(outcome="Completed", restored={"creds": 1})
    killed = Fault("JobKilled", "The Job was killed by signal 9.")
    failed = Fault("WrongIdentity", "None of the identities opens the archive.")
    read = restore_jobs.read_result
    assert read(Finished(encode(done).decode(), None)) == done
    left = encode(JobFailure(failed.reason, failed.message)).decode()
    assert read(Finished(left, Fault("JobFailed", "Exit code 1."))) == failed
    assert read(Finished(None, killed)) == killed
    assert read(Finished("nonsense", killed)) == killed
    unreadable = read(Finished(json.dumps({}), None))
    assert isinstance(unreadable, Fault)

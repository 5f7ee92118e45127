"""One installation for all namespaces, from `helm install` to `helm uninstall`, on a real cluster.

The tests share the installation and run in order: the last two upgrade and remove it.
"""

from __future__ import annotations

import time

import pytest

from tests.e2e.cluster import CommandFailed, Object, until
from tests.e2e.conftest import CRD
from tests.e2e.installation import Installation, Seen


def test_helm_test_finds_the_operator_ready(installation: Installation) -> None:
    said = installation.cluster.helm("test", installation.release, "-n", installation.namespace)
    assert "Succeeded" in said


def test_both_replicas_are_ready_and_one_leads(installation: Installation) -> None:
    pods = installation.cluster.listed("pods", "-n", installation.namespace)
    ready = [p["metadata"]["name"] for p in pods if is_ready(p)]
    assert len(ready) == 2
    assert installation.leader() in ready


def is_ready(pod: Object) -> bool:
    """Whether a pod is ready, as its conditions say."""
    listed = (pod.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in listed)


def test_a_tenant_onboarded_by_manifest_becomes_ready_for_kstatus(
    installation: Installation,
) -> None:
    installation.onboard("healthy", "healthy")
    installation.cluster.kubectl(
        "wait", "-n", installation.tenants, "bt/healthy", "--for=condition=Ready", "--timeout=60s"
    )
    status = installation.scanned("healthy")
    assert status["level"] == "Healthy"
    assert status["observedGeneration"] == 1


def test_an_emergency_is_cleaned_and_nothing_protected_changes(installation: Installation) -> None:
    before = installation.onboard("emergency", "emergency")
    [run] = installation.cleaned("emergency")
    assert run["outcome"] in {"Completed", "Capped"}
    assert run["reason"] == "Emergency"
    assert run["removed"] > 0
    after = installation.look("emergency")
    assert unharmed(before, after)
    assert len(after.files) == len(before.files) - run["removed"]
    assert (after.begun, after.ended) == (1, 1)


def unharmed(before: Seen, after: Seen) -> bool:
    """Whether protected files are as they were, and no file that stayed has another content, mode or owner."""
    stayed = all(after.files[name] == before.files[name] for name in after.files)
    return stayed and before.protected == after.protected


def test_a_request_by_annotation_runs_once_for_each_token(installation: Installation) -> None:
    before = installation.onboard("asked", "warning")
    installation.scanned("asked")
    installation.ask("asked", "one")
    [run] = installation.cleaned("asked")
    assert run["reason"] == "Requested"
    assert installation.status("asked")["lastHandledRequest"] == "one"
    installation.ask("asked", "one")
    installation.ask("asked", "two")
    assert len(installation.cleaned("asked", 2)) == 2
    after = installation.look("asked")
    assert unharmed(before, after)
    assert after.ended == 2


@pytest.mark.parametrize("victim", ["jobs", "pods"])
def test_a_cleanup_whose_job_or_pod_is_deleted_still_happens_once(
    installation: Installation, victim: str
) -> None:
    name = f"robbed-of-{victim}"
    before = installation.onboard(name, "emergency", mode="Enforce")

    def cleaning() -> list[Object]:
        label = "janitor.baileys.dev/action"
        return [
            each
            for each in installation.jobs(victim)
            if each["metadata"]["labels"][label] == "clean"
        ]

    found = until(cleaning, f"there are {victim} to delete")
    target = ("delete", victim, "-n", installation.tenants, "--wait=false", "--ignore-not-found")
    installation.cluster.kubectl(*target, *(each["metadata"]["name"] for each in found))
    history = installation.cleaned(name)
    after = installation.look(name)
    assert unharmed(before, after)
    # Every run that began has ended, none has ended twice, and the status knows of all that was removed.
    assert after.begun == after.ended
    assert len(before.files) - len(after.files) == sum(run["removed"] for run in history)


def test_a_claim_without_consumer_is_left_unbound_and_does_not_block_a_wave(
    installation: Installation,
) -> None:
    cluster = installation.cluster
    name = f"{installation.release}-waits"
    storage = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    cluster.apply("default", storage)
    try:
        installation.claim("later", name)
        installation.declare("later")
        where = ("-n", installation.tenants, "--timeout=60s")
        cluster.kubectl("wait", *where, "bt/later", "--for=condition=Ready")
        assert installation.condition("later")["reason"] == "WaitingForFirstConsumer"
        claim = cluster.get("pvc", "later", installation.tenants)
        assert claim["status"]["phase"] == "Pending"
        pods = cluster.listed("pods", "-n", installation.tenants)
        mounted = [v for p in pods for v in p["spec"]["volumes"] if "later" in str(v)]
        assert mounted == []
    finally:
        cluster.kubectl("delete", "storageclass", name)


def test_files_of_roots_are_a_clear_fault_that_ownership_ends(installation: Installation) -> None:
    installation.claim("rooted")
    installation.session("rooted", "warning", owner=0)
    installation.workload("rooted")
    installation.declare("rooted")

    def denied() -> Object:
        found = installation.condition("rooted")
        return found if found.get("reason") == "PermissionDenied" else {}

    found = until(denied, "the fault is told")
    assert found["status"] == "False"
    assert installation.condition("rooted", "Stalled")["status"] == "True"
    with installation.as_root("rooted") as pod:
        installation.python(
            pod,
            "import os, sys\n"
            "for here, _, names in os.walk('/data/company'):\n"
            "    for path in [here, *(os.path.join(here, name) for name in names)]:\n"
            "        os.chown(path, 10001, 10001, follow_symlinks=False)\n",
        )
    until(
        lambda: installation.condition("rooted").get("status") == "True", "the fault is over", 180
    )


def test_another_replica_leads_soon_after_the_leader_is_killed(installation: Installation) -> None:
    leader = installation.leader()
    where = ("-n", installation.namespace, "--grace-period=0", "--force")
    installation.cluster.kubectl("delete", "pod", leader, *where)
    began = time.monotonic()
    until(lambda: installation.leader() not in {"", leader}, "another one leads", 30)
    assert time.monotonic() - began < 20
    seen = installation.status("healthy")["lastScanTime"]
    installation.ask("healthy", "after the change")
    installation.cleaned("healthy")
    assert installation.status("healthy")["lastScanTime"] >= seen


def test_no_request_of_the_operator_was_forbidden(installation: Installation) -> None:
    logs = installation.logs()
    assert "orbidden" not in logs
    assert "Traceback" not in logs


def runs(status: Object) -> list[str]:
    """The ids of the runs in a status, newest first."""
    return [run["run"] for run in status.get("history") or ()]


def test_an_upgrade_loses_and_repeats_nothing(installation: Installation) -> None:
    cluster = installation.cluster
    before = {
        each["metadata"]["name"]: runs(each["status"])
        for each in cluster.listed("bt", "-n", installation.tenants)
    }
    installation.upgrade({"config": {"modeCeiling": "DryRun"}})
    for name, history in before.items():
        kept = runs(installation.status(name))
        assert kept[len(kept) - len(history) :] == history
        assert len(kept) == len(set(kept))
    files = installation.look("asked").files
    installation.ask("asked", "after the upgrade")
    run = installation.cleaned("asked", 3)[0]
    assert run["outcome"] == "DryRun"
    assert installation.look("asked").files == files


def test_uninstalling_leaves_the_tenants_and_nothing_else(installation: Installation) -> None:
    cluster = installation.cluster
    installation.uninstall()
    chosen = ("-l", f"app.kubernetes.io/instance={installation.release}", "-A")
    kinds = (
        "clusterroles,clusterrolebindings,roles,rolebindings,priorityclasses,networkpolicies,"
        "deployments,services,configmaps,serviceaccounts,pods,poddisruptionbudgets"
    )
    until(lambda: not cluster.listed(kinds, *chosen), "nothing of the release is left")
    until(lambda: not cluster.listed("leases", "-n", installation.namespace), "the Lease is gone")
    assert cluster.find("crd", CRD) is not None
    assert len(cluster.listed("bt", "-n", installation.tenants)) >= 6
    # No finalizer: with the operator gone, a tenant still goes when it is deleted.
    cluster.kubectl("delete", "bt", "--all", "-n", installation.tenants, "--timeout=30s")

    def none() -> bool:
        try:
            return not installation.jobs() and not installation.jobs("pods")
        except CommandFailed:
            return False

    until(none, "no Job is left")

"""One installation for one namespace, without any cluster-wide right."""

from __future__ import annotations

from tests.e2e.cluster import CommandFailed, Object
from tests.e2e.installation import Installation


def VALUES(installation: Installation) -> Object:  # noqa: N802 - what the fixture looks for
    return {"watchNamespaces": [installation.tenants], "rbac": {"aggregate": True}}


def test_a_tenant_is_counted_and_cleaned_with_roles_alone(installation: Installation) -> None:
    before = installation.onboard("busy", "emergency")
    [run] = installation.cleaned("busy")
    assert run["removed"] > 0
    after = installation.look("busy")
    assert before.protected == after.protected


def test_the_operator_may_do_nothing_elsewhere(installation: Installation) -> None:
    account = f"system:serviceaccount:{installation.namespace}:{installation.fullname}"

    def may(verb: str, resource: str, namespace: str) -> bool:
        try:
            asked = ("auth", "can-i", verb, resource, "-n", namespace, f"--as={account}")
            return installation.cluster.kubectl(*asked).strip() == "yes"
        except CommandFailed:
            return False

    assert may("create", "jobs.batch", installation.tenants)
    assert not may("create", "jobs.batch", installation.namespace)
    assert not may("list", "pods", "default")
    assert not may("list", "volumeattachments.storage.k8s.io", "default")
    assert not may("get", "secrets", installation.tenants)


def test_jobs_are_cut_off_from_the_network_by_the_chart(installation: Installation) -> None:
    policies = installation.cluster.listed("networkpolicies", "-n", installation.tenants)
    assert [sorted(each["spec"]["policyTypes"]) for each in policies] == [["Egress", "Ingress"]]

"""What is counted is what the API server saw: requests by program, verb and resource."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.operator import counting
from benchmarks.operator.plan import Plan
from benchmarks.operator.servers import serve
from sandbox import kubeconfig
from sandbox.client import ApiError, Client

CLAIMS, TENANTS = "v1/persistentvolumeclaims", "janitor.baileys.dev/v1alpha1/baileystenants"
SERVERS = [
    pytest.param(None, id="sandbox"),
    pytest.param(os.environ.get("KUBEBUILDER_ASSETS"), id="kube-apiserver"),
]


@pytest.mark.parametrize("assets", SERVERS)
async def test_each_request_is_counted_under_who_sent_it(
    tmp_path: Path, assets: str | None, request: pytest.FixtureRequest
) -> None:
    if assets is None and "kube-apiserver" in request.node.name:
        pytest.skip("set KUBEBUILDER_ASSETS to a directory with etcd and kube-apiserver")
    async with contextlib.AsyncExitStack() as stack:
        plan = Plan(2, now=time.time())
        server = await serve(stack, plan, tmp_path, Path(assets) if assets else None)
        before = await server.calls()
        access = kubeconfig.read(tmp_path / "kubeconfig")
        async with (
            Client(access, "somebody/1.0 (linux)") as one,
            Client(access, "kubelet") as other,
        ):
            for _ in range(3):
                await one.select(TENANTS)
            await one.patch(
                TENANTS,
                "tenants-00",
                "company-00000",
                {"status": {"level": "Healthy"}},
                sub="status",
            )
            with contextlib.suppress(ApiError):
                await one.get(CLAIMS, "tenants-00", "none")
            await other.get(CLAIMS, "tenants-00", "baileys-00001")
            await other.create(
                "v1/configmaps", "tenants-00", {"metadata": {"name": "note"}, "data": {"a": "b"}}
            )
        seen = counting.since(before, await server.calls())
    everybody = counting.everybody(seen)
    assert everybody == Counter(
        {
            ("somebody", "list", "baileystenants"): 3,
            ("somebody", "patch", "baileystenants/status"): 1,
            ("somebody", "get", "persistentvolumeclaims"): 1,
            ("kubelet", "get", "persistentvolumeclaims"): 1,
            ("kubelet", "create", "configmaps"): 1,
        }
    )
    assert {agent for agent, _, _ in counting.tested(seen)} == {"somebody"}
    assert counting.by_verb(everybody) == {"list": 3, "get": 2, "patch": 1, "create": 1}
    assert counting.writes(everybody) == 2
    assert counting.writes(everybody, "baileystenants/status") == 1


def test_an_audit_log_is_read_as_requests() -> None:
    def event(verb: str, stage: str = "ResponseComplete", **about: str) -> dict[str, object]:
        return {"verb": verb, "stage": stage, "userAgent": "some/1", "objectRef": about}

    found = counting.audited(
        [
            event("get", resource="pods"),
            event("patch", resource="pods", subresource="status"),
            event("watch", "ResponseStarted", resource="jobs"),
            event("watch", resource="jobs"),
            event("create", resource="subjectaccessreviews"),
            {"verb": "get", "stage": "ResponseComplete", "userAgent": "some/1"},
        ]
    )
    assert found == Counter(
        {
            ("some", "get", "pods"): 1,
            ("some", "patch", "pods/status"): 1,
            ("some", "watch", "jobs"): 1,
        }
    )

"""What an uninstallation leaves: the Lease goes with the operator's service account."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.controller.kube import leader_election
from baileys_janitor.controller.kube.client import Kube
from baileys_janitor.controller.kube.leader_election import Election, Seat
from sandbox import Cluster
from tests.controller.live.world import until

ROOT = Path(__file__).resolve().parents[3]
CHART, HELM = str(ROOT / "charts" / "baileys-janitor"), str(ROOT / ".tools" / "helm")
pytestmark = pytest.mark.asyncio(loop_scope="session")

ACCOUNTS, LEASES, PLACE = "v1/serviceaccounts", "coordination.k8s.io/v1/leases", "leaving"


def token(uid: str, namespace: str = PLACE) -> str:
    """A token such as a pod has, unsigned."""
    account = {"name": "janitor", "uid": uid}
    claims = {"kubernetes.io": {"namespace": namespace, "serviceaccount": account}}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{body}.signature"


def seat(identity: str) -> Seat:
    return Seat(PLACE, "janitor", identity, 15.0, 3.0)


async def lease(cluster: Cluster) -> dict[str, Any] | None:
    found = (await cluster.client.select(LEASES, PLACE))["items"]
    return next((one for one in found if one["metadata"]["name"] == "janitor"), None)


async def test_the_lease_outlives_an_upgrade_and_goes_with_the_service_account(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    monkeypatch.setattr(leader_election, "TOKEN", tmp_path / "token")
    await cluster.client.create("v1/namespaces", "", {"metadata": {"name": PLACE}})
    made = await cluster.client.create(ACCOUNTS, PLACE, {"metadata": {"name": "janitor"}})
    kube = await Kube.connect()
    try:
        # One of an earlier version made it, and owned it by nothing.
        first, old = Election(kube, seat("first")), Election(kube, seat("old"))
        assert await first.take()
        assert "ownerReferences" not in (await lease(cluster) or {})["metadata"]
        (tmp_path / "token").write_text(token(made["metadata"]["uid"]))
        assert not await old.take()
        await first.release()
        assert await old.take()
        owners = (await lease(cluster) or {})["metadata"]["ownerReferences"]
        assert [owner["uid"] for owner in owners] == [made["metadata"]["uid"]]
        await old.renew()
        await old.release()
        new = Election(kube, seat("new"))
        assert await new.take()
        await new.renew()
        assert (await lease(cluster) or {})["spec"]["holderIdentity"] == "new"
        await new.release()
        await cluster.client.delete(ACCOUNTS, PLACE, "janitor")

        async def gone() -> bool:
            return await lease(cluster) is None

        await until(gone, "the Lease is gone")
    finally:
        await kube.close()


@pytest.mark.skipif(not Path(HELM).is_file(), reason="no helm: `make setup` unpacks one")
async def test_helm_uninstall_leaves_nothing_in_its_namespace_and_an_upgrade_keeps_the_lease(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    monkeypatch.setattr(leader_election, "TOKEN", tmp_path / "token")
    # The sandbox has the CRD already.
    chart = ["--set", "crds.enabled=false", "--set", "image.repository=registry.example/janitor"]
    where = ["janitor", "-n", "released"]
    await helm("install", where[0], CHART, *where[1:], "--create-namespace", *chart)
    (account,) = (await cluster.client.select(ACCOUNTS, "released"))["items"]
    assert account["metadata"]["name"] == "janitor-baileys-janitor"
    (tmp_path / "token").write_text(token(account["metadata"]["uid"], "released"))
    kube = await Kube.connect()
    try:
        leader = Election(kube, Seat("released", "janitor-baileys-janitor", "pod", 15.0, 3.0))
        assert await leader.take()
        await helm("upgrade", where[0], CHART, *where[1:], "--set", "replicas=3", *chart)
        await leader.renew()
        await leader.release()
    finally:
        await kube.close()
    await helm("uninstall", *where)

    async def empty() -> bool:
        kinds = (ACCOUNTS, LEASES, "v1/secrets", "v1/configmaps", "v1/services")
        kinds += ("apps/v1/deployments", "rbac.authorization.k8s.io/v1/roles")
        left = [(await cluster.client.select(kind, "released"))["items"] for kind in kinds]
        return not any(left)

    await until(empty, "nothing is left of the release")


async def helm(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        HELM, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "opaque",
        "a.b.c",
        f"a.{base64.urlsafe_b64encode(b'[]').decode()}.c",
        token("u-1", "elsewhere"),
        token(""),
    ],
)
async def test_a_token_that_names_no_account_of_the_namespace_gives_no_owner(
    text: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(leader_election, "TOKEN", tmp_path / "token")
    if text is not None:
        (tmp_path / "token").write_text(text)
    assert leader_election.service_account(PLACE) is None

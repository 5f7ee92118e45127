"""Workloads whose pods use a tenant's claim, and what becomes of them."""

from __future__ import annotations

from typing import Any

from sandbox.client import ApiError, path
from tests.controller.live.world import OPERATIONS, until
from tests.controller.operations.world import Asked
from tests.sandbox.workloads import DEPLOYMENTS, STATEFULSETS, owners, pods_of, running, workload

Object = dict[str, Any]
ALLOWED = {"operations": {"allowed": ["Clean", "Quiesce", "Resume"]}}
RESOURCES = {"Deployment": DEPLOYMENTS, "StatefulSet": STATEFULSETS}
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


async def bot(
    world: Asked, kind: str = "Deployment", replicas: int = 1, tenant: str = "acme", **spec: Any
) -> None:
    """A tenant with a healthy session, and a workload that uses its claim and runs."""
    mode = "ReadWriteOnce" if replicas < 2 else "ReadWriteMany"
    world.session(await world.claim(tenant, mode=mode), "healthy")
    body = workload(claim=tenant, replicas=replicas, **spec)
    await world.client.create(RESOURCES[kind], world.namespace, body)
    await until(lambda: running(world.cluster, world.namespace, replicas), "the bot runs")
    await world.tenant(tenant, tenant, job={"runAsUser": 1000})


async def quiesce(
    world: Asked, name: str = "stop", kind: str = "Deployment", tenant: str = "acme", **more: Any
) -> None:
    """Ask for a workload to be stopped."""
    asked = {"method": "Scale", "workload": {"kind": kind, "name": "bot"}, **more}
    await world.operate(name, tenant, "Quiesce", quiesce=asked)


async def found(world: Asked, kind: str = "Deployment") -> Object:
    return await world.client.get(RESOURCES[kind], world.namespace, "bot")


async def replicas(world: Asked, kind: str = "Deployment") -> int:
    return int((await found(world, kind))["spec"]["replicas"])


async def stopped(world: Asked) -> bool:
    """Whether no pod of the workload is there."""
    return not await pods_of(world.cluster, world.namespace)


async def write(world: Asked, count: int, manager: str, *, applied: bool = False) -> None:
    """Write replicas into a Deployment as somebody else does."""
    url = path(DEPLOYMENTS, world.namespace, "bot")
    query = {"fieldManager": manager, **({"force": "true"} if applied else {})}
    body: Object = {"spec": {"replicas": count}}
    if applied:
        body |= {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "bot"}}
    await world.client.request("PATCH", url, body, APPLY if applied else MERGE, query)


async def held(world: Asked, name: str = "stop") -> bool:
    """Whether an operation has the finalizer."""
    operation = await world.operation(name)
    return "janitor.baileys.dev/resume" in (operation["metadata"].get("finalizers") or ())


async def outcome(world: Asked, expected: str, name: str = "stop") -> Object:
    """Wait until a workload is no affair of an operation any more, and why; return the operation."""

    async def ended() -> bool:
        operation = await world.operation(name)
        record = (operation.get("status") or {}).get("quiesce") or {}
        return bool(record.get("outcome")) and not await held(world, name)

    await until(ended, f"{name} ends as {expected}")
    operation = await world.operation(name)
    assert operation["status"]["quiesce"]["outcome"] == expected, operation["status"]
    return operation


async def gone(world: Asked, name: str = "stop") -> bool:
    """Whether an operation is not there any more."""
    try:
        await world.client.get(OPERATIONS, world.namespace, name)
    except ApiError as error:
        return error.status == 404
    return False


async def runs_again(world: Asked, count: int = 1, kind: str = "Deployment") -> None:
    """Wait until the workload has what it had, and nobody else has written it."""
    await until(lambda: running(world.cluster, world.namespace, count), "the bot runs again")
    assert await replicas(world, kind) == count
    assert owners(await found(world, kind)) == set()


def conditions(status: Object) -> dict[str, tuple[str, str]]:
    """Status and reason by type."""
    return {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions") or ()}

"""Writes a fleet's objects: directly into the sandbox's store, or through the API of a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Final

from baileys_janitor.api.generated.crd import crd
from baileys_janitor.api.names import API_VERSION, PLURAL
from benchmarks.operator import objects
from benchmarks.operator.plan import Plan, companies
from benchmarks.operator.seeding import Predecessor
from sandbox.client import ApiError, Client
from sandbox.server.http import ApiServer
from sandbox.server.times import now

Object = dict[str, Any]
Placed = tuple[str, Object]
"""The path of a resource such as `v1/pods`, and an object of it."""

OPERATOR_NAMESPACE: Final = "baileys-janitor"
CRONJOBS: Final = "batch/v1/cronjobs"
TENANTS: Final = f"{API_VERSION}/{PLURAL}"
DEFINITIONS: Final = "apiextensions.k8s.io/v1/customresourcedefinitions"
AT_ONCE: Final = 32


def before(plan: Plan) -> Iterator[Placed]:
    """Yield the objects that the tenants need: namespaces, nodes, volumes, claims, workloads."""
    for name in (OPERATOR_NAMESPACE, *plan.all_namespaces()):
        yield "v1/namespaces", {"metadata": {"name": name}}
    for node in objects.nodes(plan):
        yield "v1/nodes", node
    for company in companies(plan):
        yield "v1/persistentvolumes", objects.volume(plan, company)
        yield "v1/persistentvolumeclaims", objects.claim(plan, company)
        yield "v1/pods", objects.pod(plan, company)
        yield "storage.k8s.io/v1/volumeattachments", objects.attachment(plan, company)


def tenants(plan: Plan) -> Iterator[Object]:
    """Yield the tenants, with the status that an earlier operator left unless they are new."""
    predecessor = Predecessor(plan) if plan.seeded else None
    for company in companies(plan):
        body = objects.tenant(plan, company)
        meta = body["metadata"]
        meta |= {"uid": objects.identifier("tenant", meta["name"]), "generation": 1}
        if predecessor is not None:
            body["status"] = predecessor.status(body, company)
        yield body


def subjects(plan: Plan) -> Iterator[Placed]:
    """Yield the objects that the contender manages."""
    if plan.contender == "cronjobs":
        yield from ((CRONJOBS, objects.cronjob(plan, company)) for company in companies(plan))
    else:
        yield from ((TENANTS, body) for body in tenants(plan))


def into_store(server: ApiServer, plan: Plan) -> None:
    """Put the fleet into the sandbox's store without validation, in seconds instead of minutes."""
    server.create("apiextensions.k8s.io/v1", "customresourcedefinitions", "", crd())
    for resource, body in before(plan):
        if resource == "v1/namespaces":
            server.create("v1", "namespaces", "", body)
        else:
            _put(server, resource, body)
    if plan.declared:
        for resource, body in subjects(plan):
            _put(server, resource, body)


def _put(server: ApiServer, resource: str, body: Object) -> None:
    group = resource.rpartition("/")[0].rpartition("/")[0]
    body = {key: value for key, value in body.items() if key not in {"apiVersion", "kind"}}
    meta = body["metadata"]
    meta.setdefault("uid", objects.identifier(resource, meta.get("namespace"), meta["name"]))
    meta.setdefault("creationTimestamp", now())
    server.store.collection(group, resource.rpartition("/")[2]).put(
        (meta.get("namespace", ""), meta["name"]), body
    )


async def through_api(client: Client, plan: Plan) -> None:
    """Create the fleet by requests, as a real API server requires."""
    await _create(client, DEFINITIONS, crd())
    await _served(client)
    for resource, body in before(plan):
        # These are few and come first, since others need them: one at a time.
        if resource in {"v1/namespaces", "v1/nodes"}:
            await _create(client, resource, body)
    rest = (each for each in before(plan) if each[0] not in {"v1/namespaces", "v1/nodes"})
    await _all(client, rest)
    if plan.declared:
        await declare(client, plan)


async def declare(client: Client, plan: Plan) -> None:
    """Create the contender's objects by requests, with their status if they have one."""
    await _all(client, subjects(plan))


async def _all(client: Client, placed: Iterable[Placed]) -> None:
    for some in _batches(placed, AT_ONCE):
        await asyncio.gather(*(_create(client, resource, body) for resource, body in some))


def _batches(items: Iterable[Placed], size: int) -> Iterator[list[Placed]]:
    """Split into lists of `size`."""
    some: list[Placed] = []
    for item in items:
        some.append(item)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some


async def _create(client: Client, resource: str, body: Object) -> None:
    status = body.pop("status", None)
    meta = body["metadata"]
    namespace, name = meta.get("namespace", ""), meta["name"]
    try:
        made = await client.create(resource, namespace, body)
    except ApiError as error:
        if error.status != 409:
            raise
        return
    if status and resource != DEFINITIONS:
        write = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}}
        await client.patch(resource, namespace, name, write | {"status": status}, sub="status")


async def _served(client: Client) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await client.select(TENANTS, limit="1")
                return
            except ApiError:
                await asyncio.sleep(0.1)

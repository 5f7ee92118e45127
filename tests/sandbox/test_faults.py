"""What a test can do to the API server, which no real one would let it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox import Cluster
from sandbox.client import ApiError
from tests.sandbox.support import PATIENCE, until

MAPS = "v1/configmaps"


@pytest_asyncio.fixture
async def breakable(tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster of the test's own, never with a real API server."""
    async with Cluster(tmp_path, assets="") as started:
        yield started


def body(name: str) -> dict[str, object]:
    return {"metadata": {"name": name}}


@pytest.mark.parametrize(
    ("status", "reason"),
    [(409, "Conflict"), (410, "Expired"), (429, "TooManyRequests"), (500, "InternalError")],
)
async def test_a_request_can_be_refused_a_number_of_times(
    breakable: Cluster, status: int, reason: str
) -> None:
    fault = breakable.fail(status, method="POST", path="/configmaps$", times=2)
    for _ in range(2):
        with pytest.raises(ApiError) as refused:
            await breakable.client.create(MAPS, "default", body("a"))
        assert (refused.value.status, refused.value.reason) == (status, reason)
    await breakable.client.create(MAPS, "default", body("a"))
    assert fault.hits == 2


async def test_too_many_requests_say_when_to_come_back(breakable: Cluster) -> None:
    breakable.fail(429, path="/configmaps", retry_after=7)
    session = breakable.client._session
    assert session is not None
    async with session.get("/api/v1/configmaps") as response:
        assert response.status == 429
        assert response.headers["Retry-After"] == "7"
        assert (await response.json())["details"]["retryAfterSeconds"] == 7


async def test_a_request_can_be_delayed(breakable: Cluster) -> None:
    breakable.delay(0.3, path="/configmaps")
    before = time.monotonic()
    await breakable.client.select(MAPS)
    assert time.monotonic() - before >= 0.3


async def test_a_fault_lasts_until_it_is_forgiven(breakable: Cluster) -> None:
    fault = breakable.fail(500, path="/configmaps", times=None)
    for _ in range(3):
        with pytest.raises(ApiError):
            await breakable.client.select(MAPS)
    breakable.forgive(fault)
    await breakable.client.select(MAPS)


async def _watch_until_it_ends(cluster: Cluster, version: str) -> list[str]:
    events = cluster.client.watch(MAPS, version, metadata_only=False)
    return [event["object"]["metadata"].get("name", "") async for event in events]


async def test_watches_can_be_dropped(breakable: Cluster) -> None:
    version = (await breakable.client.select(MAPS))["metadata"]["resourceVersion"]
    watch = asyncio.create_task(_watch_until_it_ends(breakable, version))
    before = len(breakable.server.watches)
    await until(lambda: len(breakable.server.watches) > before)
    await breakable.client.create(MAPS, "default", body("a"))
    assert breakable.drop_watches() > 0
    assert await asyncio.wait_for(watch, PATIENCE) == ["a"]


async def test_history_that_is_forgotten_is_gone(breakable: Cluster) -> None:
    version = (await breakable.client.select(MAPS))["metadata"]["resourceVersion"]
    breakable.compact()
    with pytest.raises(ApiError) as gone:
        await _watch_until_it_ends(breakable, version)
    assert (gone.value.status, gone.value.reason) == (410, "Expired")


async def test_history_is_bounded(tmp_path: Path) -> None:
    async with Cluster(tmp_path, assets="", history=10) as cluster:
        version = (await cluster.client.select(MAPS))["metadata"]["resourceVersion"]
        for number in range(12):
            await cluster.client.create(MAPS, "default", body(f"m-{number}"))
        with pytest.raises(ApiError) as gone:
            await _watch_until_it_ends(cluster, version)
        assert gone.value.status == 410


@pytest.mark.parametrize("keep_history", [True, False])
async def test_a_restart_keeps_the_objects_and_the_machinery_goes_on(
    breakable: Cluster, *, keep_history: bool
) -> None:
    await breakable.client.create(MAPS, "default", body("a"))
    version = (await breakable.client.select(MAPS))["metadata"]["resourceVersion"]
    await breakable.restart(keep_history=keep_history)
    assert await breakable.client.get(MAPS, "default", "a")
    if not keep_history:
        with pytest.raises(ApiError) as gone:
            await _watch_until_it_ends(breakable, version)
        assert gone.value.status == 410
    pod = {"metadata": {"name": "bot"}, "spec": {"containers": [{"name": "a", "image": "b:1"}]}}
    await breakable.client.create("v1/pods", "default", pod)

    async def running() -> bool:
        found = await breakable.client.get("v1/pods", "default", "bot")
        return bool(found["status"]["phase"] == "Running")

    await until(running)

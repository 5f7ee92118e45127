"""What an operator at work serves: a leader, a standby, and one whose port is taken."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp
import pytest

from tests.controller.ha.replicas import Replicas
from tests.controller.live.operators import OperatorProcess
from tests.controller.live.world import TENANTS, World, until
from tests.controller.metrics.fleets import Series, of, series

pytestmark = pytest.mark.asyncio(loop_scope="session")
Port = Callable[[], int]


def at(port: int) -> dict[str, object]:
    """The configuration that serves metrics there."""
    return {"enabled": True, "address": "127.0.0.1", "port": port}


async def scraped(http: aiohttp.ClientSession, port: int) -> Series:
    async with http.get(f"http://127.0.0.1:{port}/metrics") as answer:
        return series(await answer.text())


async def test_an_operator_tells_of_a_tenant_from_its_first_scan_until_it_is_deleted(
    world: World,
    process: Callable[..., OperatorProcess],
    http: aiohttp.ClientSession,
    port: Port,
) -> None:
    await world.company("acme", "warning", companyId="962302")
    where = port()
    await process(metrics=at(where)).start()
    status = await world.scanned("acme")
    found = await scraped(http, where)
    labels = {"namespace": world.namespace, "tenant": "acme", "company_id": "962302"}
    by_kind = {
        dict(has)["file_type"]: int(value)
        for (name, has), value in found.items()
        if name == "baileys_session_files_count"
    }
    assert by_kind == status["files"]["byKind"]
    counted = of(found, "baileys_session_files_counted", **labels)
    assert counted == status["files"]["counted"]
    assert of(found, "baileys_session_level", **labels) == 1
    assert of(found, "baileys_janitor_tenants", level="Warning") == 1
    assert of(found, "baileys_janitor_leader") == 1
    assert (of(found, "baileys_janitor_api_requests_total", verb="POST", code="201") or 0) >= 1

    async def one_job() -> bool:
        name = "baileys_janitor_job_duration_seconds_count"
        return bool(of(await scraped(http, where), name, action="scan"))

    await until(one_job, "the scan's Job is counted")
    await world.ask("acme", "now")
    cleaned = (await world.cleaned("acme"))["lastCleanup"]

    async def counted_too() -> bool:
        name = "baileys_janitor_files_removed_total"
        shown = await scraped(http, where)
        removed = sum(value for (sample, _), value in shown.items() if sample == name)
        return removed == cleaned["removed"]

    await until(counted_too, "what the cleanup removed is counted")
    await world.client.delete(TENANTS, world.namespace, "acme")

    async def gone() -> bool:
        shown = await scraped(http, where)
        return not [key for key in shown if key[0].startswith(("baileys_session", "baileys_volu"))]

    await until(gone, "the series are gone with the tenant")


async def test_a_standby_serves_metrics_and_tells_of_no_tenant(
    world: World, replicas: Replicas, http: aiohttp.ClientSession, port: Port
) -> None:
    await world.company("acme", "healthy")
    ports = [port(), port()]
    for where in ports:
        await replicas.make(metrics=at(where)).start()
    await world.scanned("acme")

    async def leaders() -> list[float | None]:
        return [of(await scraped(http, where), "baileys_janitor_leader") for where in ports]

    async def one_leads() -> bool:
        return sorted(each or 0 for each in await leaders()) == [0, 1]

    await until(one_leads, "one leads and one stands by")
    standby = ports[(await leaders()).index(0)]
    found = await scraped(http, standby)
    assert [key for key in found if "acme" in dict(key[1]).values()] == []
    assert of(found, "baileys_janitor_tenants", level="Healthy") is None


async def test_a_taken_port_is_told_in_one_sentence(
    world: World,
    process: Callable[..., OperatorProcess],
    http: aiohttp.ClientSession,
    port: Port,
) -> None:
    where = port()
    await process(metrics=at(where)).start()

    async def served() -> bool:
        return bool(await scraped(http, where))

    await until(served, "the first operator serves its metrics")
    late = process(metrics=at(where))
    await late.start()
    await until(lambda: late.code is not None, "the second one has ended")
    assert late.code == 2
    assert late.log.strip().splitlines()[-1] == (
        f"baileys-janitor: port {where} cannot be listened on (address already in use): "
        "choose another one in metrics.port"
    )
    assert "Traceback" not in late.log

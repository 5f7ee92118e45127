"""/metrics over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
import pytest_asyncio

from baileys_janitor.api.config.config import Metrics
from baileys_janitor.controller.health.server import PortTaken
from baileys_janitor.controller.metrics import exposition
from baileys_janitor.controller.metrics.process import OperatorMetrics
from baileys_janitor.controller.metrics.server import served
from tests.controller.metrics.fleets import Heart, StandingClock, of, series
from tests.controller.pure.world import look

MANY = 2000


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=True) as session:
        yield session


def leading(heart: Heart) -> OperatorMetrics:
    process = OperatorMetrics(StandingClock())
    process.leads(heart.reconciler)
    return process


def many() -> Heart:
    heart = Heart()
    for number in range(MANY):
        heart.tenant(f"tenant-{number}", look(100 + number % 90))
    return heart


async def test_a_scrape_brings_the_operators_and_the_tenants_metrics(
    http: aiohttp.ClientSession, port: Callable[[], int]
) -> None:
    heart = Heart()
    heart.tenant(companyId="962302")
    metrics = Metrics(address="127.0.0.1", port=port())
    async with (
        served(metrics, leading(heart), StandingClock()) as where,
        http.get(f"http://127.0.0.1:{where}/metrics") as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        found = series(await answer.text())
    assert of(found, "baileys_janitor_leader") == 1
    assert of(found, "baileys_session_files_counted", company_id="962302") == 100


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_many_tenants_come_whole_in_many_pieces(
    http: aiohttp.ClientSession, port: Callable[[], int], encoding: str
) -> None:
    metrics = Metrics(address="127.0.0.1", port=port())
    async with (
        served(metrics, leading(many()), StandingClock()) as where,
        http.get(
            f"http://127.0.0.1:{where}/metrics", headers={"Accept-Encoding": encoding}
        ) as answer,
    ):
        assert answer.headers.get("Content-Encoding", "identity") == encoding
        found = series(await answer.text())
    counted = [key for key in found if key[0] == "baileys_session_files_counted"]
    assert len(counted) == MANY


async def test_others_get_their_turn_while_a_page_is_written(
    http: aiohttp.ClientSession, port: Callable[[], int]
) -> None:
    # Turns are counted, not timed: one for each piece, whatever the machine.
    heart = many()
    pieces = len(families := exposition.families("Full")) * MANY // exposition.SLICE
    queue = 0

    async def others() -> None:
        nonlocal queue
        while True:
            await asyncio.sleep(0)
            queue += 1

    assert families
    metrics = Metrics(address="127.0.0.1", port=port())
    async with served(metrics, leading(heart), StandingClock()) as where:
        running = asyncio.create_task(others())
        async with http.get(f"http://127.0.0.1:{where}/metrics") as answer:
            await answer.read()
        running.cancel()
    assert queue >= pieces


async def test_a_reader_who_goes_away_harms_nobody(
    http: aiohttp.ClientSession, port: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    metrics = Metrics(address="127.0.0.1", port=port())
    async with served(metrics, leading(many()), StandingClock()) as where:
        for _ in range(6):
            _, writer = await asyncio.open_connection("127.0.0.1", where)
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")
            await writer.drain()
            writer.transport.abort()
        async with http.get(f"http://127.0.0.1:{where}/metrics") as answer:
            assert len(series(await answer.text())) > MANY
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


async def test_no_connection_stays_open_for_whose_end_a_stopping_operator_would_wait(
    http: aiohttp.ClientSession, port: Callable[[], int]
) -> None:
    metrics = Metrics(address="127.0.0.1", port=port())
    async with (
        served(metrics, leading(Heart()), StandingClock()) as where,
        http.get(f"http://127.0.0.1:{where}/metrics") as answer,
    ):
        assert answer.headers["Connection"] == "close"


async def test_nothing_else_is_served(http: aiohttp.ClientSession, port: Callable[[], int]) -> None:
    metrics = Metrics(address="127.0.0.1", port=port())
    async with served(metrics, OperatorMetrics(StandingClock()), StandingClock()) as where:
        for method, path, status in (("GET", "/", 404), ("POST", "/metrics", 405)):
            async with http.request(method, f"http://127.0.0.1:{where}{path}") as answer:
                assert answer.status == status


async def test_a_port_that_is_taken_is_told_with_the_field(port: Callable[[], int]) -> None:
    metrics = Metrics(address="127.0.0.1", port=port())
    async with served(metrics, OperatorMetrics(StandingClock()), StandingClock()):
        with pytest.raises(PortTaken, match=r"in metrics\.port"):
            async with served(metrics, OperatorMetrics(StandingClock()), StandingClock()):
                pass

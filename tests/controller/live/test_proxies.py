"""Proxies of the environment are for notifications; the API server is reached directly unless a proxy is named."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from baileys_janitor.controller.kopf_handlers import connection
from baileys_janitor.controller.kube.client import API_PROXY, NoAccess, access
from tests.controller.live.operators import OperatorProcess
from tests.controller.live.proxies import Proxy
from tests.controller.live.world import World, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
Process = Callable[..., OperatorProcess]


@pytest_asyncio.fixture(loop_scope="session")
async def refusing() -> AsyncIterator[Proxy]:
    async with Proxy(refuses=True).served() as proxy:
        yield proxy


@pytest_asyncio.fixture(loop_scope="session")
async def passing() -> AsyncIterator[Proxy]:
    async with Proxy(refuses=False).served() as proxy:
        yield proxy


async def test_https_proxy_takes_notifications_and_no_request_to_the_api_server(
    world: World, process: Process, refusing: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in refusing.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("hook", "http://hooks.invalid/janitor")
    await world.company("acme", "emergency")
    channel = {"name": "hook", "webhook": {"urlKey": "hook"}}
    operator = process(notifications={"channels": [channel], "groupWait": "1s"})
    await operator.start()
    await world.scanned("acme")
    await until(lambda: refusing.asked_for, "a notification comes to the proxy")
    assert await operator.terminate() == 0
    assert set(refusing.asked_for) == {"hooks.invalid"}
    assert "CRD" not in operator.log


async def test_a_proxy_to_the_api_server_is_used_where_one_is_named(
    world: World, process: Process, passing: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(API_PROXY, passing.url)
    await world.company("acme", "healthy")
    operator = process()
    await operator.start()
    await world.scanned("acme")
    assert await operator.terminate() == 0
    assert set(passing.asked_for) == {"127.0.0.1"}


@pytest.mark.usefixtures("kubeconfig")
async def test_kopf_goes_the_way_of_the_operators_own_client(
    refusing: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in refusing.environment.items():
        monkeypatch.setenv(name, value)
    directly = await connection()
    assert (directly.proxy_url, directly.trust_env) == (None, False)
    monkeypatch.setenv(API_PROXY, refusing.url)
    assert (await connection()).proxy_url == (await access()).proxy == refusing.url


@pytest.mark.parametrize(
    "url", ["proxy:3128", "socks5://proxy:1080", "http://", "http://[", "http://me:hush@proxy:3128"]
)
@pytest.mark.usefixtures("kubeconfig")
async def test_a_proxy_that_cannot_be_used_is_told_without_its_url(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(API_PROXY, url)
    with pytest.raises(NoAccess, match=API_PROXY) as told:
        await access()
    assert not any(word in str(told.value) for word in ("proxy:", "1080", "hush"))

"""API servers with the definition in them: the sandbox, and a real one where there is one.

KUBEBUILDER_ASSETS names the folder of a real one's programs, as for envtest.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from baileys_janitor.api.crd import crd
from sandbox import Cluster
from tests.api.real_server import real_api_server
from tests.api.rest import Api

ASSETS = os.environ.get("KUBEBUILDER_ASSETS")


@contextmanager
def sandbox_api_server(folder: Path) -> Iterator[Api]:
    """The sandbox in a thread of its own, since these tests speak to it as kubectl would."""
    started = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    cluster = Cluster(folder)

    async def serve() -> None:
        async with cluster:
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(30), "the sandbox did not start"
    try:
        yield Api(cluster.url)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


@pytest.fixture(scope="session", params=["sandbox", "real"] if ASSETS else ["sandbox"])
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server that serves `BaileysTenant`."""
    folder = tmp_path_factory.mktemp("api-server")
    real = request.param == "real"
    serving = real_api_server(Path(ASSETS or ""), folder) if real else sandbox_api_server(folder)
    with serving as server:
        server.install(crd())
        yield server

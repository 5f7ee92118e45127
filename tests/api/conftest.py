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

from baileys_janitor.api.generated.crd import crds
from sandbox.server.http import ApiServer
from tests.api.real_server import real_api_server
from tests.api.rest import Api

ASSETS = os.environ.get("KUBEBUILDER_ASSETS")


@contextmanager
def sandbox_api_server() -> Iterator[Api]:
    """The sandbox's in a thread of its own, since these tests speak to it as kubectl would."""
    loop = asyncio.new_event_loop()
    server = ApiServer()
    loop.run_until_complete(server.start(0))
    server.seed()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield Api(server.url)
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()


@pytest.fixture(scope="session", params=["sandbox", "real"] if ASSETS else ["sandbox"])
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server that serves all kinds."""
    if request.param == "real":
        folder = tmp_path_factory.mktemp("api-server")
        serving = real_api_server(Path(ASSETS or ""), folder)
    else:
        serving = sandbox_api_server()
    with serving as server:
        for definition in crds(field_selectors=True):
            server.install(definition)
        yield server

"""An API server with the definition in it: a real one when KUBEBUILDER_ASSETS names its programs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from baileys_janitor.api.crd import crd
from tests.api.real_server import real_api_server
from tests.api.rest import Api


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server that serves `BaileysTenant`."""
    folder = tmp_path_factory.mktemp("api-server")
    with real_api_server(Path(os.environ["KUBEBUILDER_ASSETS"]), folder) as server:
        server.install(crd())
        yield server

"""The cluster of the live tests."""

from __future__ import annotations

from tests.controller.ha.conftest import http, port, replicas  # noqa: F401 - fixtures
from tests.controller.live.conftest import (  # noqa: F401 - fixtures
    cluster,
    kubeconfig,
    operator,
    process,
    world,
)

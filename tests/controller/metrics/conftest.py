"""The cluster of the live tests, and the Hypothesis profile of the pure ones."""

from __future__ import annotations

import tests.controller.pure.conftest  # noqa: F401
from tests.controller.ha.conftest import http, port, replicas  # noqa: F401 - fixtures
from tests.controller.live.conftest import (  # noqa: F401 - fixtures
    cluster,
    kubeconfig,
    operator,
    process,
    world,
)

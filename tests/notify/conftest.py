"""A loaded machine is no failure: what takes long here is the machine, since nothing waits."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import settings

from tests.notify.receivers import Receiver

settings.register_profile("virtual-time", deadline=None)
settings.load_profile("virtual-time")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is asked itself, whatever this machine's environment says."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """An endpoint that takes everything."""
    async with Receiver().served() as served:
        yield served

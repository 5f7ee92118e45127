"""An endpoint on loopback for every test of the channels."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.notify.receivers import Receiver


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

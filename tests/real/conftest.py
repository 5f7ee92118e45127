"""What the tests of this directory share."""

from __future__ import annotations

import pytest

from tests.real import sessions


@pytest.fixture(scope="session")
def node() -> None:
    """The real library; a test that asks for it is skipped where it cannot run."""
    reason = sessions.node_missing()
    if reason:
        pytest.skip(reason)

"""Real object stores for whoever asks for one: started once, lazily, and ended with the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backup.place import Place
from tests.backup.servers import FaultyStore, S3Server, faulty_store, moto, rclone


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server that honours create-only puts."""
    with moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session")
def rclone_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server that checks signatures."""
    with rclone(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture(params=["moto", "rclone"])
def s3_server(request: pytest.FixtureRequest) -> S3Server:
    """Each of the two in turn."""
    server = request.getfixturevalue(f"{request.param}_server")
    assert isinstance(server, S3Server)
    return server


@pytest.fixture
def faulty() -> Iterator[FaultyStore]:
    """A store that does as it is told."""
    with faulty_store() as store:
        yield store


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A session that has been put nowhere yet, and one repository."""
    return Place(tmp_path)

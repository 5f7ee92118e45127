"""A server for all tests of a worker, and a database of its own for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.backup.conftest import faulty, moto_server  # noqa: F401 - stores for backups
from tests.keystore.server import (
    OTHERS,
    PINNED,
    Server,
    debian,
    embedded,
    running,
    unpacked,
)
from tests.real import sessions


def _binaries() -> list[object]:
    found = [pytest.param(embedded(), id=str(PINNED))]
    for major in OTHERS:
        path = debian(major) or unpacked(major)
        skip = pytest.mark.skip(f"`make postgres` unpacks {major}, or install postgresql-{major}")
        found.append(pytest.param(path, id=str(major), marks=[skip] if path is None else []))
    return found


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def server(templates: Path) -> Iterator[Server]:
    """PostgreSQL of the pinned package."""
    with running(embedded(), templates=templates) as found:
        yield found


@pytest.fixture(scope="session", params=_binaries())
def any_server(request: pytest.FixtureRequest, server: Server, templates: Path) -> Iterator[Server]:
    """Every PostgreSQL that is here."""
    if request.param == embedded():
        yield server
        return
    with running(request.param, templates=templates) as found:
        yield found


def _database(server: Server) -> Iterator[str]:
    name = f"t{os.urandom(6).hex()}"
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    yield name
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    """An empty database, as its owner."""
    for name in _database(server):
        yield server.database(name)


@pytest.fixture
def any_url(any_server: Server) -> Iterator[str]:
    """An empty database on each server."""
    for name in _database(any_server):
        yield any_server.database(name)


@pytest.fixture(scope="session")
def node() -> None:
    """The real library; a test that asks for it is skipped where it cannot run."""
    reason = sessions.node_missing()
    if reason:
        pytest.skip(reason)

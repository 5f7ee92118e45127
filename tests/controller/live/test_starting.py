"""An operator that cannot reach an API server says in one sentence why, and what to do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.controller import app
from baileys_janitor.controller.kopf_handlers import connection
from baileys_janitor.controller.kube.client import NoAccess
from sandbox import kubeconfig
from tests.certificates import check_strictly, private_ca
from tests.controller.live.operators import OperatorProcess
from tests.controller.live.world import until

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOBODY = "http://127.0.0.1:1"
FORBIDDEN = {"kind": "Status", "reason": "Forbidden", "message": "no", "code": 403}


@contextlib.asynccontextmanager
async def answering(
    status: int, body: str = "", tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Answer every request alike; yield the URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\nConnection: close"
            writer.write(f"{head}\r\n\r\n{body}".encode())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    scheme = "http" if tls is None else "https"
    try:
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.fixture(autouse=True)
def _at_a_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("POD_NAME", "POD_NAMESPACE", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)


def configured(monkeypatch: pytest.MonkeyPatch, path: Path, url: str, **cluster: Any) -> Path:
    kubeconfig.write(path, url)
    if cluster:
        written = yaml.safe_load(path.read_text())
        written["clusters"][0]["cluster"] |= cluster
        path.write_text(yaml.safe_dump(written))
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


async def refused() -> str:
    with pytest.raises(NoAccess) as told:
        await app.serve(OperatorConfig())
    said = str(told.value)
    assert said.endswith(".")
    assert "CRD" not in said
    return said


async def test_without_a_kubeconfig_it_ends_with_a_sentence_and_code_2(tmp_path: Path) -> None:
    operator = OperatorProcess({}, tmp_path / "none", tmp_path / "operator", anew=True)
    await operator.start()
    await until(lambda: operator.code is not None, "it ends")
    assert operator.code == 2
    assert "Set KUBECONFIG to the file that kubectl uses" in operator.log
    assert "Traceback" not in operator.log


async def test_with_a_dead_api_server_it_ends_with_a_sentence_and_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = configured(monkeypatch, tmp_path / "config", NOBODY)
    operator = OperatorProcess({}, path, tmp_path / "operator", anew=True)
    await operator.start()
    await until(lambda: operator.code is not None, "it ends")
    assert operator.code == 2
    assert f"The API server at {NOBODY} cannot be used, as nothing listens there" in operator.log
    assert "Traceback" not in operator.log
    assert "CRD" not in operator.log


@pytest.mark.parametrize(
    "written", ["", "{", "[]", "clusters: 7", "current-context: gone\nclusters: []\ncontexts: []\n"]
)
async def test_a_kubeconfig_that_cannot_be_used_is_told(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(written)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    assert "The kubeconfig cannot be used" in await refused()


async def test_certificates_that_cannot_be_read_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ca.crt").write_text("no certificate")
    url = "https://127.0.0.1:1"
    configured(monkeypatch, tmp_path / "config", url, **{"certificate-authority": "ca.crt"})
    assert "correct certificate-authority" in await refused()


async def test_a_wrong_ca_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, other = private_ca(tmp_path / "theirs"), private_ca(tmp_path / "other")
    async with answering(200, "{}", theirs.server) as url:
        bundle = {"certificate-authority": str(other.bundle)}
        configured(monkeypatch, tmp_path / "config", url, **bundle)
        assert "set certificate-authority-data in the kubeconfig" in await refused()


async def test_the_certificates_of_an_old_cluster_are_good_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_strictly(monkeypatch)
    ca = private_ca(tmp_path / "ca", old=True)
    async with answering(200, "<html>", ca.server) as url:
        bundle = {"certificate-authority": str(ca.bundle)}
        configured(monkeypatch, tmp_path / "config", url, **bundle)
        assert "is not an API server" in await refused()
        of_kopf = (await connection()).as_ssl_context()
        _, writer = await asyncio.open_connection("127.0.0.1", url.split(":")[-1], ssl=of_kopf)
        writer.close()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, "", "log in again"),
        (403, json.dumps(FORBIDDEN), "allow this account to read the API's groups"),
        (403, "private address", "check for a proxy"),
        (400, "HTTP to HTTPS", "that the address is the API server's"),
        (200, "<html>", "is not an API server"),
    ],
)
async def test_who_refuses_is_told_with_the_way_out(
    status: int, body: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(status, body) as url:
        configured(monkeypatch, tmp_path / "config", url)
        assert said in await refused()


@pytest.mark.parametrize("status", [429, 503])
async def test_an_overloaded_api_server_is_waited_for(
    status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said = {"kind": "Status", "reason": "TooBusy", "code": status}
    async with answering(status, json.dumps(said)) as url:
        configured(monkeypatch, tmp_path / "config", url)
        await waits_until_told(caplog, f"answers {status}")


async def test_in_a_pod_an_api_server_that_is_away_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    configured(monkeypatch, tmp_path / "config", NOBODY)
    monkeypatch.setenv("POD_NAMESPACE", "home")
    await waits_until_told(caplog, "check the control plane")


async def waits_until_told(caplog: pytest.LogCaptureFixture, said: str) -> None:
    caplog.set_level(logging.WARNING, "janitor.operator")
    stop = asyncio.Event()
    running = asyncio.create_task(app.serve(OperatorConfig(), stop=stop))
    await until(lambda: said in caplog.text, "it says what it waits for")
    assert not running.done()
    assert "CRD" not in caplog.text
    stop.set()
    await running

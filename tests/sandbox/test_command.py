"""`python -m sandbox`, and the machinery against somebody else's API server."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from sandbox import Cluster, kubeconfig
from sandbox.client import Client
from tests.sandbox.support import PATIENCE, until

ROOT = Path(__file__).resolve().parents[2]


async def _start(*words: str) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
    return process, line.decode()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
async def test_it_says_when_it_is_ready_and_goes_when_asked(
    tmp_path: Path, end: signal.Signals
) -> None:
    config = tmp_path / "kubeconfig"
    process, line = await _start("--kubeconfig", str(config), "--volumes", str(tmp_path / "v"))
    assert line.startswith("sandbox ready: http")
    assert config.stat().st_mode & 0o777 == 0o600
    async with Client(kubeconfig.read(config)) as client:
        nodes = (await client.select("v1/nodes"))["items"]
    assert [node["metadata"]["name"] for node in nodes] == ["node-1"]
    process.send_signal(end)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def test_controllers_and_nodes_serve_another_api_server(tmp_path: Path) -> None:
    async with Cluster(tmp_path / "a", nodes=0) as cluster:
        config = str(cluster.kubeconfig)
        words = ("--kubeconfig", config, "--volumes", str(tmp_path / "b"), "--node-only")
        process, line = await _start(*words, "--nodes", "2")
        assert cluster.url in line
        pod = {"metadata": {"name": "bot"}, "spec": {"containers": [{"name": "a", "image": "b:1"}]}}
        async with Client(kubeconfig.read(cluster.kubeconfig)) as client:
            await client.create("v1/pods", "default", pod)

            async def running() -> bool:
                found = await client.get("v1/pods", "default", "bot")
                return bool(found["status"]["phase"] == "Running")

            await until(running)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0

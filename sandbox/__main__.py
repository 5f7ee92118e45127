"""`python -m sandbox`: runs a sandbox cluster until it is interrupted."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import tempfile
from pathlib import Path

from sandbox import kubeconfig
from sandbox.cluster import Cluster
from sandbox.machinery import Machinery


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument(
        "--kubeconfig", type=Path, required=True, help="written, or read with --node-only"
    )
    parser.add_argument("--volumes", type=Path, required=True, help="holds NAMESPACE/CLAIM")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--nodes", type=int, default=1, help="how many nodes to simulate")
    parser.add_argument(
        "--node-only",
        action="store_true",
        help="run controllers and nodes against the API server of an existing kubeconfig",
    )
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    arguments.volumes.mkdir(parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        if arguments.node_only:
            access = kubeconfig.read(arguments.kubeconfig)
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-")))
            machinery = Machinery(access, arguments.volumes, scratch, arguments.nodes)
            await stack.enter_async_context(machinery)
            url = access.url
        else:
            cluster = Cluster(
                arguments.volumes,
                arguments.nodes,
                port=arguments.port,
                path=arguments.kubeconfig,
            )
            await stack.enter_async_context(cluster)
            url = cluster.url
        print(f"sandbox ready: {url} (KUBECONFIG={arguments.kubeconfig})", flush=True)
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(_run(_arguments()))

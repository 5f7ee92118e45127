"""`python -m sandbox`: runs a sandbox cluster until it is interrupted."""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

from sandbox.cluster import Cluster


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True, help="written when ready")
    parser.add_argument("--volumes", type=Path, required=True, help="holds NAMESPACE/CLAIM")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--nodes", type=int, default=1, help="how many nodes to simulate")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    cluster = Cluster(
        volumes=arguments.volumes,
        nodes=arguments.nodes,
        port=arguments.port,
        path=arguments.kubeconfig,
    )
    async with cluster:
        print(f"sandbox ready: {cluster.url} (KUBECONFIG={cluster.kubeconfig})", flush=True)
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(_run(_arguments()))

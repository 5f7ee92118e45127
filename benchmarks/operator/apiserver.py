"""The sandbox's API server in a separate process: `python -m benchmarks.operator.apiserver PLAN KUBECONFIG`.

It is controlled by lines on standard input: `counts` prints the requests so far as JSON; the end of the input ends it.
So no part of the harness shares the server's process.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from pathlib import Path

from benchmarks.operator.furnishing import into_store
from benchmarks.operator.plan import Plan
from sandbox import kubeconfig
from sandbox.server.http import ApiServer

HISTORY = 65_536
"""Changes that a watch can start from: a real server keeps minutes of them."""


async def serve(plan: Plan, path: Path) -> None:
    """Serve until standard input ends."""
    server = ApiServer(HISTORY)
    await server.start()
    server.seed()
    into_store(server, plan)
    # The fleet's objects live as long as the server: exclude them from garbage collection.
    gc.collect()
    gc.freeze()
    kubeconfig.write(path, server.url)
    print("ready", flush=True)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        if line.strip() == b"counts":
            print(json.dumps([[*key, count] for key, count in server.calls.items()]), flush=True)
    await server.stop()


if __name__ == "__main__":
    asyncio.run(serve(Plan.from_json(sys.argv[1]), Path(sys.argv[2])))

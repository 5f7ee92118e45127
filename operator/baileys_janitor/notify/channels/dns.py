"""Looks up host names in threads of its own, which never delay the exit of the process.

aiohttp's `ThreadedResolver` uses the loop's own threads. These also look up the API server, and asyncio waits for them
when the process ends: a name server that is silent for a minute would delay both. `AsyncResolver` delays neither, but
needs `aiodns`: once that is installed, aiohttp uses it by default in every client, so that the API server would no
longer be looked up with the system's configuration.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

Answers = list[tuple[Any, ...]]


class Resolver(AbstractResolver):
    """The system's own look-up, in daemon threads."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host; OSError when there are none."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Answers] = loop.create_future()

        def work() -> None:
            answers: Answers = []
            problem: OSError | None = None
            try:
                answers = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
            except OSError as error:
                problem = error
            except UnicodeError:
                problem = socket.gaierror(socket.EAI_NONAME, "not the name of a host")
            with contextlib.suppress(RuntimeError):  # the loop is already closed
                loop.call_soon_threadsafe(_settle, found, answers, problem)

        threading.Thread(target=work, name="names", daemon=True).start()
        return [
            ResolveResult(
                hostname=host,
                host=address[0],
                port=address[1],
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in await found
        ]

    async def close(self) -> None:
        """Do nothing: no connection is kept open."""


def _settle(found: asyncio.Future[Answers], answers: Answers, problem: OSError | None) -> None:
    if found.done():
        return
    if problem is not None:
        found.set_exception(problem)
    else:
        found.set_result(answers)

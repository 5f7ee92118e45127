"""A proxy on loopback that notes whom it is asked for, and refuses everybody or passes everything on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


class Proxy:
    """Notes the host of each connection's first request.

    With `refuses` it answers 403, as a proxy does that knows no private address.
    """

    def __init__(self, refuses: bool) -> None:
        self._refuses = refuses
        self.asked_for: list[str] = []
        self.url = ""

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[Proxy]:
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    @property
    def environment(self) -> dict[str, str]:
        """The variables of somebody who sends everything by this proxy, but for the cluster's own networks."""
        names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
        without = "127.0.0.0/8,10.96.0.0/12,.svc,.cluster.local"
        return dict.fromkeys(names, self.url) | {"NO_PROXY": without, "no_proxy": without}

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode()
            self.asked_for.append(
                urlsplit(target if "//" in target else f"//{target}").hostname or ""
            )
            if self._refuses:
                writer.write(
                    b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
            else:
                await self._pass_on(head, reader, writer)
        writer.close()

    async def _pass_on(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        target = urlsplit(head.split(b" ", 2)[1].decode())
        there, back = await asyncio.open_connection(target.hostname, target.port)
        back.write(head)
        pumps = [
            asyncio.create_task(_pump(reader, back)),
            asyncio.create_task(_pump(there, writer)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        back.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        target.write(data)
        await target.drain()

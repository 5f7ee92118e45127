"""Several operators as processes, seen through their probes and the Lease."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from tests.controller.live.operators import OperatorProcess
from tests.controller.live.world import PATIENCE, World, until

Object = dict[str, Any]
LEASES = "coordination.k8s.io/v1/leases"
LEASE = "baileys-janitor"


class Replica(OperatorProcess):
    """One operator process with probes."""

    def __init__(
        self, settings: Object, kubeconfig: Path, directory: Path, http: aiohttp.ClientSession
    ) -> None:
        super().__init__(settings, kubeconfig, directory)
        self._http = http
        self._url = f"http://127.0.0.1:{settings['probes']['port']}"

    async def probe(self, path: str) -> tuple[int, Object]:
        """Ask a probe; (0, {}) when nobody answers."""
        try:
            async with self._http.get(self._url + path) as answer:
                return answer.status, await answer.json()
        except aiohttp.ClientError:
            return 0, {}

    async def state(self) -> str:
        return str((await self.probe("/readyz"))[1].get("state", ""))

    async def becomes(self, state: str, patience: float = PATIENCE) -> None:
        """Wait until it is in this state."""

        async def reached() -> bool:
            return await self.state() == state

        await until(reached, f"the replica is {state}", patience)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def freeze(self) -> None:
        """SIGSTOP: it does nothing, and does not know."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


class Replicas:
    """Makes replicas; knows the Lease of the test's namespace."""

    def __init__(self, world: World, make: Callable[..., Replica]) -> None:
        self._world = world
        self.make = make

    async def pair(self, **settings: object) -> tuple[Replica, Replica]:
        """Start two; return the leader and the standby."""
        leader, standby = self.make(**settings), self.make(**settings)
        await leader.start()
        await leader.becomes("acting")
        await standby.start()
        await standby.becomes("standby")
        return leader, standby

    async def lease(self) -> Object:
        found = await self._world.client.get(LEASES, self._world.namespace, LEASE)
        return dict(found["spec"])

    async def take_away(self, holder: str | None, duration: int = 3600) -> None:
        """Write another holder into the Lease, or none."""
        spec = {"holderIdentity": holder, "leaseDurationSeconds": duration}
        body = {"spec": spec}
        await self._world.client.patch(LEASES, self._world.namespace, LEASE, body)

"""Trouble of every kind for two operators, one after the other and at once, from a seed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.client import RETRIED
from sandbox.server.faults import Fault
from tests.controller.ha.replicas import LEASE, LEASES, Replica
from tests.controller.live.world import World, completed_runs, until

Object = dict[str, Any]
HOUR = 3600.0
OPERATORS = "^(?!sandbox)"
"""User agents that are not the cluster's own: its machinery is not what is tested."""


class SteppedReplica(Replica):
    """An operator process whose clock can be stepped, and of which every end is known."""

    def __init__(
        self, settings: Object, kubeconfig: Path, directory: Path, http: aiohttp.ClientSession
    ) -> None:
        super().__init__(settings, kubeconfig, directory, http)
        self._offset = directory / "offset"
        self._offset.write_text("0")
        self.killed = False

    async def start(self) -> None:
        """Start it, by the module that steps its clock."""
        self.killed = False
        module = "tests.controller.ha.stepped_operator"
        await self._run(module, str(self._config), str(self._offset))

    async def kill(self) -> None:
        self.killed = True
        await super().kill()

    def step(self, seconds: float) -> None:
        """Have its clock be wrong by so much from now on. Written beside and renamed: it is read at any time."""
        fresh = self._offset.with_suffix(".new")
        fresh.write_text(str(seconds))
        os.replace(fresh, self._offset)

    def check(self) -> None:
        """Fail if it has ended by itself."""
        assert self.killed or self.code is None, f"it ended with {self.code}: {self.log[-3000:]}"


class Requests:
    """Asks for a cleanup of each tenant again and again, each time when the last one is answered."""

    def __init__(self, world: World, names: list[str]) -> None:
        self._world = world
        self.asked = dict.fromkeys(names, 0)
        self.runs: dict[str, set[str]] = {name: set() for name in names}
        """What the histories, which hold ten entries, have told of cleanups."""

    async def run(self) -> None:
        """Ask, until cancelled."""
        while True:
            for name in self.asked:
                await self._ask(name)
            await asyncio.sleep(0.3)

    async def _ask(self, name: str) -> None:
        # The trouble is the test's own, too: what could not be asked is asked again.
        with contextlib.suppress(*RETRIED):
            if await self.answered(name):
                await self._world.ask(name, f"request-{self.asked[name] + 1}")
                self.asked[name] += 1

    async def answered(self, name: str) -> bool:
        """Whether the last request was handled, and its run is over."""
        status = await self._world.status(name)
        last = f"request-{self.asked[name]}"
        handled = not self.asked[name] or status.get("lastHandledRequest") == last
        if not (status.get("files") and handled and not status.get("run")):
            return False
        history = status.get("history") or []
        assert {entry["reason"] for entry in history} <= {"Requested"}, history
        self.runs[name] |= {entry.get("run") or entry["time"] for entry in history}
        return True


class Chaos:
    """Makes trouble for `replicas`; all of it ends with `calm`."""

    def __init__(self, world: World, replicas: list[SteppedReplica], seed: int) -> None:
        self._world = world
        self._replicas = replicas
        self._random = random.Random(seed)
        self._faults: list[Fault] = []
        self.told: list[str] = []

    async def run(self, seconds: float) -> None:
        """Make trouble for so long; every kind of it comes before one comes again."""
        end = asyncio.get_running_loop().time() + seconds
        kinds: list[Callable[[], Awaitable[None]]] = []
        while asyncio.get_running_loop().time() < end:
            if not kinds:
                kinds = [
                    self._freeze,
                    self._kill,
                    self._steal,
                    self._refuse,
                    self._slow,
                    self._expire,
                    self._cut,
                    self._drop,
                    self._restart,
                    self._step,
                ]
                self._random.shuffle(kinds)
            kind = kinds.pop()
            self.told.append(kind.__name__.lstrip("_"))
            await kind()
            for each in self._replicas:
                each.check()
            await asyncio.sleep(self._random.uniform(0.2, 1.5))
            if self._random.random() < 0.5:
                self._forgive()

    async def calm(self) -> None:
        """End all trouble."""
        self._forgive()
        for each in self._replicas:
            each.step(0.0)
            each.check()
            if each.code is not None:
                await each.start()
            each.thaw()

    def _forgive(self) -> None:
        for fault in self._faults:
            self._world.cluster.forgive(fault)
        self._faults.clear()

    @property
    def _path(self) -> str:
        """Requests of the operators: all in their namespace, or of one kind."""
        kind = self._random.choice(["", "baileystenants", "jobs", "pods", "leases", "persistent"])
        return f"namespaces/{self._world.namespace}/{kind}"

    async def _freeze(self) -> None:
        replica = self._random.choice(self._replicas)
        replica.freeze()
        await asyncio.sleep(self._random.uniform(0.5, 5.0))
        replica.thaw()

    async def _kill(self) -> None:
        replica = self._random.choice(self._replicas)
        await replica.kill()
        await replica.start()

    async def _steal(self) -> None:
        spec = {"holderIdentity": "a thief", "leaseDurationSeconds": self._random.choice([1, 3])}
        with contextlib.suppress(*RETRIED):
            await self._world.client.patch(LEASES, self._world.namespace, LEASE, {"spec": spec})

    async def _refuse(self) -> None:
        status = self._random.choice([429, 500, 503, 504])
        times = self._random.randint(1, 30)
        wait = 1 if status == 429 else None
        self._faults.append(
            self._world.cluster.fail(
                status, path=self._path, times=times, retry_after=wait, agent=OPERATORS
            )
        )

    async def _slow(self) -> None:
        seconds, times = self._random.uniform(0.1, 3.0), self._random.randint(1, 20)
        self._faults.append(
            self._world.cluster.delay(seconds, path=self._path, times=times, agent=OPERATORS)
        )

    async def _expire(self) -> None:
        self._world.cluster.compact()
        path = f"{self._world.namespace}/.*(continue|watch)="
        self._faults.append(self._world.cluster.fail(410, path=path, times=2, agent=OPERATORS))
        self._world.cluster.drop_watches()

    async def _cut(self) -> None:
        self._faults.append(self._world.cluster.cut(path=self._path, times=3, agent=OPERATORS))

    async def _drop(self) -> None:
        self._world.cluster.drop_watches()

    async def _restart(self) -> None:
        await self._world.cluster.restart(keep_history=self._random.random() < 0.5)

    async def _step(self) -> None:
        by = self._random.choice([-HOUR, -60.0, 60.0, HOUR, 400 * 24 * HOUR, 0.0])
        self._random.choice(self._replicas).step(by)


async def happened_once(world: World, requests: Requests, directories: dict[str, Path]) -> None:
    """Wait until all is answered, and see that each request was one cleanup."""
    for name, directory in directories.items():

        async def done(name: str = name) -> bool:
            return await requests.answered(name)

        await until(done, f"the last request for {name} is answered")
        assert len(requests.runs[name]) == requests.asked[name], (name, requests.runs[name])
        completed = completed_runs(directory)
        assert sorted(completed) == sorted(set(completed)), "a run has happened twice"
        assert set(completed) <= requests.runs[name]

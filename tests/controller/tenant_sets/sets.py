"""A namespace as the tests of sets see it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.controller.live.operators import SkippingClock
from tests.controller.live.world import JOBS, SETS, TENANTS, World, until

Object = dict[str, Any]
CONFIRM = "janitor.baileys.dev/confirm"


def sessions_in(volume: Path, *names: str) -> None:
    """Have a volume's writer make session directories."""
    for name in names:
        (volume / name).mkdir(parents=True)
        (volume / name / "creds.json").write_text("{}")


class Sets:
    """The sets of one namespace."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = world.client
        self.namespace = world.namespace

    async def volume(self, *names: str) -> Path:
        """A volume that a workload uses, with session directories."""
        volume = await self.world.claim("bots")
        sessions_in(volume, *names)
        await self.world.workload("bots")
        return volume

    async def make(self, name: str = "all", source: Object | None = None, **spec: Any) -> None:
        """Declare a set, of the directories of the volume unless `source` says something else."""
        wanted = {"source": source or {"directories": {"claimName": "bots"}}, **spec}
        body = {
            "apiVersion": "janitor.baileys.dev/v1alpha1",
            "kind": "BaileysTenantSet",
            "metadata": {"name": name},
            "spec": wanted,
        }
        await self.client.create(SETS, self.namespace, body)

    async def edit(self, name: str = "all", **spec: Any) -> None:
        await self.client.patch(SETS, self.namespace, name, {"spec": spec})

    async def confirm(self, token: str, name: str = "all") -> None:
        body = {"metadata": {"annotations": {CONFIRM: token}}}
        await self.client.patch(SETS, self.namespace, name, body)

    async def status(self, name: str = "all") -> Object:
        found = await self.client.get(SETS, self.namespace, name)
        return dict(found.get("status") or {})

    async def condition(self, kind: str, name: str = "all") -> Object:
        conditions = (await self.status(name)).get("conditions") or []
        return next((c for c in conditions if c["type"] == kind), {})

    async def tenants(self) -> dict[str, Object]:
        """The tenants of the namespace by the path of their session; that of a claim by its name."""
        found = await self.client.select(TENANTS, self.namespace)
        volumes = {each["metadata"]["name"]: each["spec"]["volume"] for each in found["items"]}
        return {
            volumes[each["metadata"]["name"]].get("path")
            or volumes[each["metadata"]["name"]]["claimName"]: each
            for each in found["items"]
        }

    async def told(self, clock: SkippingClock | None = None, **preview: int) -> Object:
        """Wait until the preview has these numbers; return the status.

        With a clock, time passes meanwhile, so that it is looked again.
        """
        name = "all"
        skipped = time.monotonic()

        async def said() -> Object | None:
            nonlocal skipped
            if clock is not None and time.monotonic() - skipped > 1:
                await self.skip(clock, 301)
                skipped = time.monotonic()
            status = await self.status(name)
            found = status.get("preview") or {}
            return (
                status if all(found.get(key) == value for key, value in preview.items()) else None
            )

        found: Object = await until(said, f"{name} tells of {preview}")
        return found

    async def skip(self, clock: SkippingClock, seconds: float) -> None:
        """Let time pass, but not while a Job lists: for it that would be a very long time."""

        async def idle() -> bool:
            label = "janitor.baileys.dev/action=list"
            found = await self.client.select(JOBS, self.namespace, labelSelector=label)
            return not found["items"]

        await until(idle, "no Job lists")
        clock.skip(seconds)

    async def ready(self, reason: str, name: str = "all") -> Object:
        """Wait until Ready has this reason; return the condition."""

        async def said() -> Object | None:
            found = await self.condition("Ready", name)
            return found if found.get("reason") == reason else None

        found: Object = await until(said, f"{name} is Ready with {reason}")
        return found

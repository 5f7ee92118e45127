"""A namespace as the tests of operations see it: tenants, operations, and what becomes of them."""

from __future__ import annotations

from typing import Any

from tests.controller.live.world import OPERATIONS, World, until

Object = dict[str, Any]
OVER = ("Completed", "Failed")


class Asked(World):
    """One namespace."""

    async def operate(self, name: str, tenant: str, action: str, **spec: Any) -> None:
        """Ask for an operation."""
        body = {
            "apiVersion": "janitor.baileys.dev/v1alpha1",
            "kind": "BaileysOperation",
            "metadata": {"name": name},
            "spec": {"tenant": tenant, "action": action, **spec},
        }
        await self.client.create(OPERATIONS, self.namespace, body)

    async def operation(self, name: str) -> Object:
        return await self.client.get(OPERATIONS, self.namespace, name)

    async def answer(self, name: str) -> Object:
        """The status of an operation."""
        found: Object = (await self.operation(name)).get("status") or {}
        return found

    async def operations(self) -> list[str]:
        """The names of the operations that are there."""
        found = await self.client.select(OPERATIONS, self.namespace)
        return sorted(each["metadata"]["name"] for each in found["items"])

    async def over(self, name: str, phase: str = "Completed") -> Object:
        """Wait until an operation is over, in this phase; return its status."""

        async def ended() -> Object | None:
            status = await self.answer(name)
            return status if status.get("phase") in OVER else None

        found: Object = await until(ended, f"the operation {name} is over")
        assert found["phase"] == phase, found
        return found

    async def waits(self, name: str, reason: str) -> Object:
        """Wait until an operation says that it waits, and for what."""

        async def said() -> Object | None:
            status = await self.answer(name)
            reasons = {c["type"]: c["reason"] for c in status.get("conditions") or ()}
            return status if reasons.get("Complete") == reason else None

        found: Object = await until(said, f"the operation {name} waits: {reason}")
        return found

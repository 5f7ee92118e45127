"""What is told, by the operator's own part for it, of a fleet whose statuses a test writes by hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.controller.kube.client import Kube
from baileys_janitor.controller.notifications.manager import NotificationManager
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.schedule.circuit_breaker import Hold
from baileys_janitor.status import changes
from baileys_janitor.tenants.record import TenantRecord
from sandbox.client import ApiError
from tests.controller.live.operators import SkippingClock
from tests.controller.live.world import World, until
from tests.notify.receivers import Receiver, Request

Object = dict[str, Any]

LEVELS = ("Healthy", "Warning", "Critical", "Emergency")
COUNTS = {"Healthy": 90, "Warning": 155, "Critical": 172, "Emergency": 190}
RECORDS = "v1/configmaps"
RECORD = "baileys-janitor-notifications"


def settings(namespace: str, **more: Any) -> Object:
    """A configuration whose record lies in the test's namespace, with one webhook called hook."""
    channels = [{"name": "hook", "webhook": {"urlKey": "HOOK"}}]
    return {
        "leaderElection": {"namespace": namespace, "enabled": False},
        "notifications": {
            "channels": channels,
            "cleanupInterval": "0s",
            # Whatever the hour, the summary of the day comes to those tests alone that ask for it.
            "summary": {"schedule": "Never"},
            **more,
        },
    }


class Telling:
    """A fleet, and `Notifying` at work on it; time passes only when it is skipped, and as it always does."""

    def __init__(self, config: Object, clock: SkippingClock) -> None:
        self.config = OperatorConfig.model_validate(config)
        self.clock = clock
        self.cache = TenantCache(self.config)
        self.held: Hold | None = None
        self.annotations: dict[str, str] = {}
        self._version = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[NotificationManager]:
        """`Notifying` at work; it ends as the operator ends it."""
        kube = await Kube.connect()
        work = NotificationManager(kube, self.config, self.clock, self.cache, lambda _: self.held)
        self._work = work
        task = asyncio.create_task(work.run())
        try:
            yield work
            assert not task.done(), "it has ended by itself"
        finally:
            task.cancel()
            await asyncio.wait([task])
            await kube.close()

    def put(self, name: str, level: str, namespace: str = "shop", **status: Any) -> TenantRecord:
        """Have a tenant be at a level since now, as if the operator had just stored that; tell the news."""
        now = self.clock.now()
        self._version += 1
        key = namespace, name
        before = self.cache.tenants[key].stored.status if key in self.cache.tenants else {}
        since = to_rfc3339(now)
        conditions = [
            {
                "type": each,
                "status": str(each == level),
                "reason": "AtLevel",
                "message": f"{COUNTS[level]} files counted.",
                "lastTransitionTime": since,
            }
            for each in LEVELS
        ]
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "Observing",
            "lastTransitionTime": since,
        }
        fresh = {
            "observedGeneration": 1,
            "level": level,
            "lastScanTime": since,
            "files": {
                "counted": COUNTS[level],
                "limit": 180,
                "total": COUNTS[level],
                "bytes": 10**6,
            },
            "conditions": [*conditions, ready],
            "history": before.get("history") or [],
            **status,
        }
        meta = {
            "namespace": namespace,
            "name": name,
            "uid": f"u-{namespace}-{name}",
            "resourceVersion": str(self._version),
            "generation": 1,
            "annotations": self.annotations,
        }
        spec = {"companyId": f"c-{name}", "volume": {"claimName": "data"}}
        tenant = self.cache.observe({"metadata": meta, "spec": spec, "status": fresh}, now)
        tenant.take_stored(fresh)
        for heard in changes.between(tenant, before, fresh):
            with contextlib.suppress(AttributeError):  # nobody is at work yet
                self._work.hear(heard)
        return tenant


async def passing(
    telling: Telling, receiver: Receiver, count: int, step: float = 5.0
) -> list[Request]:
    """Let time pass until so many messages were taken; return them."""

    def there() -> bool:
        telling.clock.skip(step)
        return len(receiver.taken) >= count

    await until(there, f"{count} messages come")
    return receiver.taken


async def kept(world: World) -> str:
    """The record, empty while there is none."""
    try:
        found = await world.client.get(RECORDS, world.namespace, RECORD)
    except ApiError:
        return ""
    return str(found["data"]["told"])


async def settled(telling: Telling, world: World) -> None:
    """Wait until nothing more comes: the record has stayed the same while time passed."""
    before = ""
    for _ in range(4):
        for _ in range(10):
            telling.clock.skip(10)
            await asyncio.sleep(0.01)
        before = await kept(world)
    assert before == await kept(world)

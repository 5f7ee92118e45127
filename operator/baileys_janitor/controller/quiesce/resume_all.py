"""Starts all stopped workloads again, and ends: required before the operator is uninstalled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.kube.client import Kube
from baileys_janitor.controller.quiesce.manager import QuiesceManager
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.status.changes import ChangeBus

logger = logging.getLogger("janitor.quiesce")

PATIENCE_SECONDS = 240.0
"""How long to try. A scale without an answer may still be carried out for a minute."""
PAUSE_SECONDS = 2.0


async def resume_all(kube: Kube, config: OperatorConfig, clock: Clock) -> bool:
    """Start again every workload that an operation holds; return whether none is held any more.

    An operator may run at the same time: the first one starts the workload, and the other one sees that.
    """
    crashes = CrashHandler(clock, ChangeBus())
    manager = QuiesceManager(
        kube, clock, TenantCache(config), lambda _: None, lambda: None, crashes
    )
    end = clock.monotonic() + PAUSE_SECONDS + PATIENCE_SECONDS
    while clock.monotonic() < end:
        listed = await manager.adopt(config.watch_namespaces)
        held = manager.resume_everything("Uninstalled")
        if listed and not held:
            return True
        steps: list[Coroutine[Any, Any, None]] = []
        manager.look(clock.now(), steps.append)
        await asyncio.gather(*steps)
        if manager.resume_everything("Uninstalled"):
            await asyncio.sleep(PAUSE_SECONDS)
    left = manager.resume_everything("Uninstalled")
    logger.error("Not started again: what these operations hold: %s", ", ".join(left) or "unknown")
    return False

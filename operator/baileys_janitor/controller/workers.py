"""Runs steps beside the loop: a limited number at a time, and never two for one tenant."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.kube.client import ApiError
from baileys_janitor.tenants.record import AnyRecord

R = TypeVar("R", bound=AnyRecord)
logger = logging.getLogger("janitor.reconciler")

AT_ONCE = 16
"""Maximum number of steps that run at the same time."""
MOST = 64
"""Maximum number of steps under way: further due tenants wait in the queue."""


class Workers(Generic[R]):
    """Runs steps; `over` is called with each tenant whose step is over."""

    def __init__(self, clock: Clock, over: Callable[[R], None], crashes: CrashHandler) -> None:
        self._clock = clock
        self._over = over
        self._crashes = crashes
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._moved = clock.monotonic()

    def __len__(self) -> int:
        """Return how many steps are under way."""
        return len(self._tasks)

    @property
    def full(self) -> bool:
        """Whether steps that can wait must not begin now."""
        return len(self._tasks) >= MOST

    def stuck(self) -> float:
        """Return for how many seconds the maximum number of steps has run without one ending."""
        return self._clock.monotonic() - self._moved if self._limit.locked() else 0.0

    def begin(self, work: Coroutine[Any, Any, Any], tenant: R | None = None) -> asyncio.Task[None]:
        """Begin a step; its tenant is busy until it is over."""
        if tenant is not None:
            tenant.queue.work()
        task = asyncio.create_task(self._run(work, tenant))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def cancel(self) -> None:
        """Cancel all steps."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, work: Coroutine[Any, Any, Any], tenant: R | None) -> None:
        try:
            async with self._limit:
                self._moved = self._clock.monotonic()
                with self._crashes.contain("step", [tenant] if tenant is not None else []):
                    await self._carry_out(work, tenant)
        finally:
            # Cancelled while it waited for its turn, it never began.
            work.close()
            self._moved = self._clock.monotonic()
            if tenant is not None:
                tenant.queue.work(False)
                self._over(tenant)

    @staticmethod
    async def _carry_out(work: Coroutine[Any, Any, None], tenant: AnyRecord | None) -> None:
        try:
            await work
        except ApiError as error:
            logger.warning("%s: %s", tenant.text if tenant else "operator", error)

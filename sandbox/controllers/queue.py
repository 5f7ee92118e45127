"""A work queue: never processes one key twice at once, and retries failures later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from sandbox.client import RETRIED
from sandbox.informer import Key

_log = logging.getLogger(__name__)
_FIRST_RETRY: Final = 0.05
_LAST_RETRY: Final = 10.0
_WORKERS: Final = 32


class WorkQueue:
    """Runs `work` for keys; the same key never twice at once.

    A key that is added while it is processed is processed once more.
    """

    def __init__(self, name: str, work: Callable[[Key], Awaitable[None]]) -> None:
        self._name = name
        self._work = work
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._active: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    def add(self, key: Key) -> None:
        if key in self._active:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait(key)

    def after(self, seconds: float, key: Key) -> None:
        """Add a key later; an earlier timer of the same key is replaced."""
        if timer := self._timers.pop(key, None):
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._timers[key] = loop.call_later(max(seconds, 0), self._due, key)

    def _due(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)

    async def run(self) -> None:
        """Process keys until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_WORKERS):
                group.create_task(self._worker())

    async def _worker(self) -> None:
        while True:
            key = await self._ready.get()
            self._waiting.discard(key)
            self._active.add(key)
            try:
                await self._work(key)
                self._failures.pop(key, None)
            except RETRIED as error:
                _log.debug("%s %s: %s", self._name, key, error)
                self._retry(key)
            except Exception:  # noqa: BLE001 - one key must not end the work on all others
                _log.exception("%s %s", self._name, key)
                self._retry(key)
            finally:
                self._active.discard(key)
                if key in self._again:
                    self._again.discard(key)
                    self.add(key)

    def _retry(self, key: Key) -> None:
        count = self._failures[key] = self._failures.get(key, 0) + 1
        self.after(min(_FIRST_RETRY * 2**count, _LAST_RETRY), key)

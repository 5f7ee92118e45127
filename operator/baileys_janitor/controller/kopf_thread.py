"""Runs Kopf in a thread with an event loop of its own, and passes its events to the operator's loop in order.

When Kopf ends, it cancels and awaits every task of its event loop that has begun after it, and raises their exceptions.
In a loop of its own these are Kopf's tasks alone: the operator's tasks neither end with Kopf nor end Kopf.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import kopf

from baileys_janitor.controller import kopf_handlers, kopf_streams
from baileys_janitor.controller.health.watch_audit import Watches
from baileys_janitor.controller.keystores.reconciler import KeyStoreReconciler
from baileys_janitor.controller.reconciler import Reconciler
from baileys_janitor.controller.shards.layout import ALL, Shards
from baileys_janitor.controller.tenant_sets.reconciler import SetReconciler

logger = logging.getLogger("janitor.watch")
Call = Callable[[], None]

STOP_SECONDS = 12.0
"""How long to wait for a stopped thread; half of it is for Kopf's own tasks."""
IDENTITY: Any = "baileys-janitor"
"""Kopf's name for its peering with other operators, which is not used."""
AT_A_TIME = 200
"""Events that are handled before other tasks of the loop run."""


class WatchesEnded(Exception):  # noqa: N818 - a state, not a mistake
    """Kopf has ended, so that nothing is watched any more."""


class Inbox:
    """Calls from another thread, made in the order of their arrival in the loop that created the inbox."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: collections.deque[Call] = collections.deque()
        self._lock = threading.Lock()
        self._woken = self._closed = False

    def __len__(self) -> int:
        """Return how many calls wait. Thread-safe."""
        return len(self._calls)

    def put(self, call: Call) -> None:
        """Queue `call` for the loop. Thread-safe."""
        with self._lock:
            if self._closed:
                return
            self._calls.append(call)
            if self._woken:
                return
            self._woken = True
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._work)

    def close(self) -> None:
        """Make no more calls from now on."""
        with self._lock:
            self._closed = True
            self._calls.clear()

    def _work(self) -> None:
        for _ in range(AT_A_TIME):
            with self._lock:
                if not self._calls:
                    self._woken = False
                    return
                call = self._calls.popleft()
            try:
                call()
            except Exception:
                # An exception about one object must not keep the others' events from being handled.
                logger.exception("An event could not be handled")
        self._loop.call_soon(self._work)


class _Thread:
    """One run of Kopf. `ended` is set in the loop that created it, to Kopf's exception or None."""

    def __init__(
        self,
        registry: kopf.OperatorRegistry,
        namespaces: Sequence[str],
        divert: Callable[[kopf.OperatorSettings], None] = lambda _: None,
    ) -> None:
        self._registry = registry
        self._namespaces = namespaces
        self._divert = divert
        self._home = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._stopped = False
        self._stop: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self.ended: asyncio.Future[BaseException | None] = self._home.create_future()
        # A daemon: a thread that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._main, name="kopf", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop Kopf. Thread-safe; may be called before Kopf has begun."""
        with self._lock:
            self._stopped = True
            if self._stop is not None:
                loop, flag = self._stop
                with contextlib.suppress(RuntimeError):  # the loop is closed: Kopf has ended
                    loop.call_soon_threadsafe(flag.set)

    def _main(self) -> None:
        raised: BaseException | None = None
        try:
            asyncio.run(self._watch())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the operator's loop
            raised = error
        self._set_end(raised)

    def _set_end(self, raised: BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the operator's loop is closed: nobody waits
            self._home.call_soon_threadsafe(self._end, raised)

    def _end(self, raised: BaseException | None) -> None:
        if not self.ended.done():
            self.ended.set_result(raised)

    async def _watch(self) -> None:
        loop, flag = asyncio.get_running_loop(), asyncio.Event()
        loop.set_exception_handler(_left_over)
        with self._lock:
            self._stop = loop, flag
            if self._stopped:
                return
        settings = kopf_handlers.configure(kopf.OperatorSettings(), self._namespaces)
        self._divert(settings)
        tasks = await kopf.spawn_tasks(
            registry=self._registry,
            settings=settings,
            namespaces=self._namespaces,
            clusterwide=not self._namespaces,
            standalone=True,
            # Kopf would read the name of this user, and an arbitrary user id of a cluster has none.
            identity=IDENTITY,
        )
        stopped = asyncio.create_task(flag.wait())
        # Not `kopf.run_tasks`: when one of its tasks fails, it waits for the others, and some may wait forever.
        done, _ = await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if stopped not in done:
            self._set_end(next((e for e in map(_failure, done) if e is not None), None))
        await _end_all()


def _left_over(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # Kopf's leftovers when it is ended in the middle of its work; the caller that ended it reports the reason.
    logger.debug("Kopf: %s", context.get("message"))


def _failure(task: asyncio.Task[Any]) -> BaseException | None:
    return None if task.cancelled() else task.exception()


async def _end_all() -> None:
    """Cancel every task of this loop, all of which are Kopf's, and wait for them for a while."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        done, _ = await asyncio.wait(others, timeout=STOP_SECONDS / 2)
        for task in done:
            _failure(task)  # otherwise asyncio would report it as unexpected


async def watch(
    reconciler: Reconciler,
    watches: Watches,
    namespaces: Sequence[str],
    stores: KeyStoreReconciler | None = None,
    sets: SetReconciler | None = None,
    shards: Shards = ALL,
    *,
    operations: bool = False,
) -> None:
    """Feed the reconcilers with events until cancelled; raise `WatchesEnded` if Kopf ends without being stopped."""
    inbox = Inbox()
    receive = kopf_handlers.receiver(reconciler, watches, inbox.put, stores, sets, shards)
    registry = kopf_handlers.register(
        receive, stores=stores is not None, sets=sets is not None, operations=operations
    )
    divert = partial(kopf_streams.divert, receive=receive, waiting=inbox.__len__)
    running = _Thread(registry, namespaces, divert)
    running.start()
    try:
        raised = await asyncio.shield(running.ended)
        raise WatchesEnded("the watches have ended") from raised
    finally:
        # From now on nothing reaches the reconciler, whether Kopf ends or is left behind.
        inbox.close()
        running.stop()
        done, _ = await asyncio.wait({running.ended}, timeout=STOP_SECONDS)
        if not done:
            logger.warning("The watches do not end: they are left behind, and change nothing")

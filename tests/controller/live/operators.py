"""Running the operator: in this process on a clock that can skip, or as a process that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest.mock import patch

import yaml

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.controller import app
from baileys_janitor.controller.keystores.reconciler import KeyStoreReconciler
from baileys_janitor.controller.reconciler import Reconciler
from baileys_janitor.schedule.scan_times import START_SECONDS
from baileys_janitor.tenants.record import AnyRecord
from tests.controller.live.forked import Forked
from tests.controller.live.world import PATIENCE, until

Object = dict[str, Any]


class SkippingClock:
    """The wall clock, and what has been skipped."""

    def __init__(self) -> None:
        self._skipped = 0.0
        self._step = 0.0
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def now(self) -> float:
        return time.time() + self._skipped + self._step

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        timeout = None if until is None else max(0.0, until - self.now())
        self._waiting[event] = asyncio.get_running_loop()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await event.wait()
        finally:
            del self._waiting[event]

    def skip(self, seconds: float) -> None:
        """Let time pass at once; who waits looks at the clock again. From any thread."""
        self._skipped += seconds
        self._wake()

    def set(self, seconds: float) -> None:
        """Set the clock ahead or back by so many seconds, in which no time passes. From any thread."""
        self._step += seconds
        self._wake()

    def _wake(self) -> None:
        for event, loop in list(self._waiting.items()):
            with contextlib.suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(event.set)


class LocalOperator:
    """The operator in this process, as an async context manager.

    `knows`: how many tenants it has seen when time begins to pass for it.
    It has a thread and an event loop of its own: when Kopf ends, it cancels whatever else its loop has begun.
    """

    def __init__(
        self, settings: Object, clock: SkippingClock | None = None, knows: int = 0
    ) -> None:
        self._knows = knows
        self.config = OperatorConfig.model_validate(settings)
        self.clock = clock or SkippingClock()
        self.left: list[str] = []
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._task: asyncio.Task[None] | None = None
        self._reconcilers: list[Reconciler] = []
        self._stores: list[KeyStoreReconciler] = []

    @property
    def reconciler(self) -> Reconciler:
        """The engine; LookupError before there is one."""
        return self._reconcilers[-1]

    @property
    def stores(self) -> KeyStoreReconciler:
        """What looks after key stores; LookupError before there is one."""
        return self._stores[-1]

    async def __aenter__(self) -> LocalOperator:
        self._task = asyncio.create_task(asyncio.to_thread(asyncio.run, self._serve()))
        task, test = self._task, asyncio.current_task()
        assert test is not None

        def ended(task: asyncio.Task[None]) -> None:
            # A test does not wait in vain for an operator that is no more.
            if not task.cancelled() and task.exception() is not None:
                test.cancel()

        task.add_done_callback(ended)
        await until(lambda: self._reconcilers or task.done(), "the operator starts")
        if self._knows:
            # All are known before the first is due: then those of one node share a scan.
            await until(lambda: len(self.reconciler.cache.tenants) == self._knows, "they are known")
        # The first scans are spread over this long.
        self.skip(START_SECONDS)
        return self

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        reconcilers, stores = self._reconcilers, self._stores

        class Seen(Reconciler):
            def __init__(self, *args: Any) -> None:
                super().__init__(*args)
                reconcilers.append(self)

        class SeenStores(KeyStoreReconciler):
            def __init__(self, *args: Any) -> None:
                super().__init__(*args)
                stores.append(self)

        with (
            patch.object(app, "Reconciler", Seen),
            patch.object(app, "KeyStoreReconciler", SeenStores),
        ):
            await app.serve(self.config, self.clock, self._stop)
        # Named, for a test that wants to see that nothing is left.
        own = asyncio.current_task()
        self.left = [repr(task) for task in asyncio.all_tasks() if task is not own]

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Stop it as a signal does; what it raises is raised here."""
        assert self._task is not None
        if not self._task.done():
            self._loop.call_soon_threadsafe(self._stop.set)
        await asyncio.wait_for(asyncio.shield(self._task), PATIENCE)

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    def skip(self, seconds: float) -> None:
        """Let time pass for the operator."""
        self.clock.skip(seconds)

    @contextlib.contextmanager
    def hurry(self, times: float = 60.0, *, over_jobs: bool = False) -> Iterator[None]:
        """Let time pass so many times faster meanwhile, but never while the operator is at work.

        A busy machine makes Jobs and requests slow: hurried, they would seem to take minutes. `over_jobs`: time is
        hurried while Jobs are under way all the same, for what becomes of one that does not end.
        """

        async def run() -> None:
            while self.running:
                await asyncio.sleep(0.1)
                if await (self.still() if over_jobs else self.idle()):
                    self.skip(0.1 * (times - 1))

        running = asyncio.create_task(run())
        try:
            yield
        finally:
            running.cancel()

    async def idle(self) -> bool:
        """Whether no step and no Job is under way, nothing waits for its turn, and nobody is due."""
        return await self._asked(lambda: not self._at_work() and self._landed())

    async def still(self) -> bool:
        """Whether the operator is idle, but for the Jobs under way."""
        return await self._asked(lambda: not self._at_work())

    def _at_work(self) -> bool:
        reconciler, now = self.reconciler, self.clock.now()
        records: list[AnyRecord] = [*reconciler.cache.tenants.values()]
        for stores in self._stores[-1:]:
            records += stores.cache.records.values()
        due = any(record.queue.due is not None and record.queue.due <= now for record in records)
        backups = reconciler.backups
        coming = [backups.next_due(), *(stores.backups.next_due() for stores in self._stores[-1:])]
        due = due or any(when is not None and when <= now for when in coming) or len(backups) > 0
        operations = reconciler.operations
        due = due or ((asked := operations.next_due()) is not None and asked <= now)
        due = due or any(each.busy for each in operations.cache.records())
        return bool(
            due or reconciler.queue or reconciler.workers or any(r.queue.busy for r in records)
        )

    def _landed(self) -> bool:
        reconciler = self.reconciler
        own = reconciler.tracker, reconciler.backups.tracker, reconciler.operations.tracker
        trackers = [*own, *(stores.tracker for stores in self._stores[-1:])]
        trackers += [stores.backups.tracker for stores in self._stores[-1:]]
        return all(tracked.settled for tracker in trackers for tracked in tracker)

    async def _asked(self, question: Callable[[], bool]) -> bool:
        """Ask in the operator's own thread: from another one, what is about to be done looks like nothing to do."""

        async def answer() -> bool:
            return question()

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(answer(), self._loop))


class OperatorProcess:
    """`baileys-janitor operator` as a process of its own; `anew`: by a Python that has imported nothing yet."""

    def __init__(
        self, settings: Object, kubeconfig: Path, directory: Path, *, anew: bool = False
    ) -> None:
        self._anew = anew
        directory.mkdir(parents=True, exist_ok=True)
        self._config = directory / "operator.yaml"
        self._config.write_text(yaml.safe_dump(settings))
        self._log = directory / "operator.log"
        self._environment = os.environ | {"KUBECONFIG": str(kubeconfig)}
        self._process: asyncio.subprocess.Process | Forked | None = None

    @property
    def log(self) -> str:
        """What it has written."""
        return self._log.read_text() if self._log.exists() else ""

    @property
    def code(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.returncode if self._process is not None else None

    async def start(self) -> None:
        await self._run("baileys_janitor", "operator", "--config", str(self._config))

    async def _run(self, module: str, *arguments: str) -> None:
        if not self._anew:
            self._process = await Forked.start(module, [*arguments], self._environment, self._log)
            return
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                *arguments,
                env=self._environment,
                stderr=log,
                stdout=log,
            )

    async def _signal(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await asyncio.wait_for(self._process.wait(), PATIENCE)

    async def kill(self) -> None:
        """SIGKILL."""
        await self._signal(signal.SIGKILL)

    async def terminate(self) -> int:
        """SIGTERM; the exit code."""
        return await self._signal(signal.SIGTERM)

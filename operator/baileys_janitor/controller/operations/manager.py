"""Carries out operations: one at a time for each tenant, each recorded in its status before it is done.

Part of the reconciler, whose loop calls `look`. An operation reserves its tenant, so that no cleanup, purge or copy of
the tenant's own begins meanwhile; scans go on. If an operator is killed at any point, the next one continues the same
operation: the volume's journal refuses a run that it already contains.
"""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.names import OPERATION_PLURAL
from baileys_janitor.api.operations.spec import BACKUP
from baileys_janitor.api.operations.status import (
    BACKING_UP,
    BEFORE,
    COMPLETED,
    PENDING,
    RESUMING,
    ROLLED_BACK,
)
from baileys_janitor.controller.backups.manager import BackupManager
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs.cluster_reads import ClusterReads
from baileys_janitor.controller.jobs.manifest import Pod
from baileys_janitor.controller.jobs.timeouts import Spawn
from baileys_janitor.controller.jobs.tracker import JobTracker, is_of_operation
from baileys_janitor.controller.kube.client import TENANTS, Kube, path
from baileys_janitor.controller.operations import archives, progress, quiescing
from baileys_janitor.controller.operations.cache import OperationCache
from baileys_janitor.controller.operations.decide import (
    TENANT_BUSY,
    Means,
    decide,
    is_occupied,
    makes_no_job,
)
from baileys_janitor.controller.operations.launch import ROOM_SECONDS, OperationLauncher
from baileys_janitor.controller.operations.record import Key, OperationRecord
from baileys_janitor.controller.operations.results import OperationResults
from baileys_janitor.controller.operations.stages import around, pairing
from baileys_janitor.controller.operations.stages.rotations import Rotations
from baileys_janitor.controller.operations.stages.verdict import Do, Verdict
from baileys_janitor.controller.operations.store import History, OperationStore
from baileys_janitor.controller.operations.timeouts import OperationTimeouts
from baileys_janitor.controller.quiesce.manager import Progress, QuiesceManager
from baileys_janitor.controller.status.writer import StatusWriter
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.status.changes import ChangeBus
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]

CRASH_PAUSE_SECONDS = 60.0
"""Seconds that an operation waits after an unexpected exception."""
LISTED_OFTEN = 1000
"""Number of operations up to which they are listed that often; more are listed less often."""
LIST_AGAIN_SECONDS = 300.0
"""Seconds between two lists of all operations: nothing else detects a watch that no longer delivers anything."""


class OperationManager:
    """Events come through `observe`, `forget` and `results`; `tenant_changed` is called when a tenant may be free."""

    def __init__(
        self,
        kube: Kube,
        config: OperatorConfig,
        pod: Pod,
        clock: Clock,
        tenants: TenantCache,
        reads: ClusterReads,
        writer: StatusWriter[TenantRecord],
        prepare: Callable[[str], Awaitable[None]] | None,
        prepare_for_stores: Callable[[str], Awaitable[None]] | None,
        again: Callable[[TenantRecord], None],
        scan_waits: Callable[[TenantRecord], bool],
        nudge: Callable[[], None],
        backups: BackupManager,
        bus: ChangeBus,
        crashes: CrashHandler,
    ) -> None:
        self._kube = kube
        self._config = config
        self._clock = clock
        self._tenants = tenants
        self._writer = writer
        self._reads = reads
        self._again = again
        self._backups = backups
        self.nudge = nudge
        self._crashes = crashes
        self.cache = OperationCache()
        self._rotations = Rotations(self.cache)
        self.tracker = JobTracker()
        self.results = OperationResults(
            *(clock, tenants, self.tracker, self._find, self._ended),
            *(self._broken, self._rotations.undo, bus, crashes),
        )
        self._timeouts = OperationTimeouts(
            kube, clock, self.tracker, reads, writer, self.results, config, crashes
        )
        self._store = OperationStore(kube, self.cache, clock, tenants.tenants.get, bus)
        self._launcher = OperationLauncher(
            kube,
            clock,
            config.limits,
            pod,
            tenants,
            reads,
            self.tracker,
            self._store,
            self.results,
            scan_waits,
            self._is_quiet,
            prepare,
            prepare_for_stores,
        )
        self._at_work: set[str] = set()
        """Uids of operations for which a step is under way."""
        self.quiesce = QuiesceManager(
            kube, clock, tenants, self._got_on, nudge, crashes, self._at_work.__contains__
        )
        self._complete = False
        """Whether all operations that existed at the start are known."""
        self._dirty: set[Key] = set()
        """Tenants whose operations need a new decision."""
        self._later: list[tuple[float, Key]] = []
        self._wakes: dict[Key, float] = {}
        """When each of these tenants is decided on again; other entries of the heap are obsolete."""
        self._history = History(self.cache, self._store, config.operations.history, clock.now())
        self._list_at: float | None = None
        """When the operations are listed again; None while operations are disabled."""

    @property
    def busy(self) -> bool:
        """Whether a Job is under way that must be checked from time to time."""
        return bool(list(self.tracker) or len(self.results.leftovers))

    # Events

    async def adopt(self) -> None:
        """Record the Jobs that an earlier operator left: those of operations are adopted.

        Workloads that it has stopped come first.
        """
        if self._list_at is not None:
            self._complete = await self.quiesce.adopt(self._config.watch_namespaces, self.observe)
        await self.results.adopt(self._kube, self._config.watch_namespaces, is_of_operation)

    def look_after(self) -> None:
        """Enable operations: the API server serves them, and the configuration permits them."""
        self._list_at = self._clock.now() + LIST_AGAIN_SECONDS

    def observe(self, body: Object) -> None:
        """Process an operation that was added or changed."""
        with self._crashes.contain("event"):
            meta = body["metadata"]
            self.quiesce.observe(body)
            before = self.cache.active.get((meta["namespace"], meta["name"]))
            found = self.cache.observe(body, self._clock.now())
            if before is not None and before is not found:
                self._drop(before)
            name = (body.get("spec") or {}).get("tenant")
            key = found.tenant_key if found is not None else (meta["namespace"], str(name))
            self._dirty.add(key)
            self._history.look_at(key)
            self.nudge()

    def forget(self, namespace: str, name: str, uid: str) -> None:
        """Drop an operation that was deleted; its Job is deleted with it."""
        self.quiesce.forget(uid)
        found = self.cache.forget((namespace, name), uid)
        if found is not None:
            self._drop(found)
            self._dirty.add(found.tenant_key)
            self.nudge()

    def tenant_changed(self, key: Key) -> None:
        """Decide again on a tenant's operations: the tenant has changed."""
        if self.cache.of_tenant(key):
            self._dirty.add(key)

    def shift(self, step: float) -> None:
        """Move all times with the clock, which was set by `step` seconds."""
        self.tracker.shift(step)
        self.quiesce.shift(step)
        self._history.shift(step)
        self._list_at = None if self._list_at is None else self._list_at + step
        self._later = [(when + step, key) for when, key in self._later]
        self._wakes = {key: when + step for key, when in self._wakes.items()}
        for operation in self.cache.records():
            operation.shift(step)

    def next_due(self) -> float | None:
        """Return when something is due next; None while there are no operations."""
        if self._dirty:
            return self._clock.now()
        times = [self._later[0][0]] if self._later else []
        times += [] if self._list_at is None else [self._list_at]
        held = self.quiesce.next_due()
        times += [] if held is None else [held]
        return min(times, default=None)

    # The loop

    def look(self, now: float, spawn: Spawn) -> None:
        """Check the Jobs under way, and start due work."""
        self._timeouts.look(now, spawn)
        self.quiesce.look(now, spawn)
        while self._later and self._later[0][0] <= now:
            when, key = heapq.heappop(self._later)
            if self._wakes.get(key) == when:
                del self._wakes[key]
                self._dirty.add(key)
        due, self._dirty = self._dirty, set()
        for key in sorted(due):
            with self._crashes.contain("step"):
                self._look_at(key, now, spawn)
        self._rotations.look(self._tenants.tenants.get, self._writer, spawn)
        self._history.sweep(now, spawn, self.quiesce.is_held)
        if self._list_at is not None and now >= self._list_at:
            # The cost of listing does not grow with their number.
            many = max(1.0, len(self.cache) / LISTED_OFTEN)
            self._list_at = now + LIST_AGAIN_SECONDS * many
            spawn(self._list())

    async def _list(self) -> None:
        """List all operations, and process changes that no watch has shown."""
        watched: list[str | None] = [*self._config.watch_namespaces] or [None]
        for namespace in watched:
            url = path(OPERATION_PLURAL, namespace, group=TENANTS)
            async for body in self._kube.list(url):
                self.observe(body)
        self._complete = True

    def _look_at(self, key: Key, now: float, spawn: Spawn) -> None:
        """Decide on the operations of one tenant."""
        operations = self.cache.of_tenant(key)
        tenant = self._tenants.tenants.get(key)
        before: list[OperationRecord] = []
        for operation in operations:
            blocks = [] if pairing.is_awaiting(operation) else [operation]
            if operation.busy:
                before += blocks
                continue
            if operation.retry_at > now:
                self._wake(operation.retry_at, key)
                before += blocks
                continue
            if operation.doubtful:
                self._begin(self._store.reload(operation), operation, spawn)
            elif operation.wanted is not None:
                if not self._rotations.keeps(operation, operations):
                    self._begin(self._write(operation), operation, spawn)
            elif operation.job is None:
                self._decide(operation, tenant, before, operations, now, spawn)
            if not operation.ended:
                before += blocks

    def _decide(
        self,
        operation: OperationRecord,
        tenant: TenantRecord | None,
        before: Sequence[OperationRecord],
        others: Sequence[OperationRecord],
        now: float,
        spawn: Spawn,
    ) -> None:
        means = Means(self._config.operations.allowed, self._backups.drills)
        verdict = self._rotations.verdict(operation) or decide(
            operation, tenant, before, means, now, self._quiet(operation), others
        )
        of_archives = operation.action in archives.ACTIONS
        own = of_archives or makes_no_job(operation)
        if (
            tenant is not None
            and verdict.do is Do.BEGIN
            and not own
            and self._launcher.is_occupied(tenant)
        ):
            verdict = Verdict(Do.WAIT, again=now + ROOM_SECONDS)
        if verdict.again is not None:
            self._wake(verdict.again, operation.tenant_key)
        if tenant is not None and not before and not of_archives:
            self._reserve(operation, tenant, verdict)
        if verdict.do is Do.WAIT:
            self._wait(operation, verdict, now, spawn)
        elif verdict.do in {Do.FAIL, Do.COMPLETE}:
            self._end(operation, verdict, now, spawn)
        elif tenant is not None and of_archives:
            self._archive(operation, tenant, verdict, spawn)
        elif tenant is not None and own:
            operation.wanted = quiescing.status(operation, tenant, self.quiesce, now)
            if operation.wanted is not None:
                self._begin(self._own_and_write(operation, tenant), operation, spawn)
        elif tenant is not None and verdict.do is Do.BEGIN:
            self._begin(self._launcher.claim(operation, tenant, verdict), operation, spawn)
        elif tenant is not None and verdict.do is Do.RESUME:
            self._resume(operation, tenant, spawn)

    def _reserve(self, operation: OperationRecord, tenant: TenantRecord, verdict: Verdict) -> None:
        """Block the tenant's own work, so that the operation's turn comes; or unblock it."""
        coming = verdict.do in {Do.BEGIN, Do.RESUME} or verdict.reason in {"", TENANT_BUSY}
        coming = coming or operation.phase in BEFORE
        if coming and verdict.do is not Do.FAIL and not pairing.is_awaiting(operation):
            tenant.jobs.reserve(operation.name)
        elif tenant.jobs.operation == operation.name:
            self._release(operation)

    def _wait(self, operation: OperationRecord, verdict: Verdict, now: float, spawn: Spawn) -> None:
        """Report once what an operation waits for."""
        status = operation.current
        same = progress.reason_of(status) == verdict.reason
        if not verdict.reason or (same and status.get("message") == verdict.message):
            return
        say = progress.waiting if operation.phase == PENDING else progress.hindered
        operation.wanted = say(status, operation.generation, verdict.reason, verdict.message, now)
        self._begin(self._write(operation), operation, spawn)

    def _end(self, operation: OperationRecord, verdict: Verdict, now: float, spawn: Spawn) -> None:
        """Write the answer of an operation that needs no Job of its own, or no further one."""
        status, generation = operation.current, operation.generation
        if verdict.repositories:
            status = progress.with_repositories(status, verdict.repositories)
        if verdict.reason == ROLLED_BACK:
            operation.wanted = progress.rolled_back(status, generation, now)
        elif operation.phase == RESUMING:
            # The cached list of pods is outdated now.
            self._reads.forget(operation.namespace)
            operation.wanted = progress.resumed(
                status,
                generation,
                verdict.reason,
                verdict.message,
                now,
                pairs=pairing.rotates(operation),
            )
        elif verdict.do is Do.FAIL and self.quiesce.is_held(operation.uid):
            operation.wanted = progress.resuming(
                status, generation, verdict.reason, verdict.message, now
            )
        elif verdict.do is Do.COMPLETE:
            result = verdict.result or {"outcome": verdict.reason or COMPLETED}
            operation.wanted = progress.completed(status, generation, result, verdict.message, now)
        else:
            operation.wanted = progress.failed(
                status, generation, verdict.reason, verdict.message, now, verdict.result
            )
        self._begin(self._write(operation), operation, spawn)

    def _archive(
        self, operation: OperationRecord, tenant: TenantRecord, verdict: Verdict, spawn: Spawn
    ) -> None:
        """Request a backup or a drill from the manager of backups, once that is recorded."""
        if verdict.do is Do.BEGIN:
            self._begin(self._launcher.claim_archive(operation, tenant), operation, spawn)
        else:
            self._ask(operation, tenant, operation.action)

    def _ask(self, operation: OperationRecord, tenant: TenantRecord, action: str) -> None:
        """Request from the manager of backups the attempts that were not made since the step began."""
        if operation.asked_at is None:
            start = progress.step_time(operation.current)
            operation.asked_at = archives.asked_since(start, self._clock.now())
        names = archives.unasked(tenant, action, operation.asked_at)
        if names:
            self._backups.ask(tenant, archives.TASKS[action], names, operation.asked_at)

    def _resume(self, operation: OperationRecord, tenant: TenantRecord, spawn: Spawn) -> None:
        """Continue a claimed operation: its Job is an earlier operator's, was lost, or was never created."""
        if operation.phase == BACKING_UP:
            self._ask(operation, tenant, BACKUP)
            return
        if is_occupied(tenant):
            return
        if self.results.adopt_for(operation, tenant):
            return
        if self._launcher.is_occupied(tenant) or not self._launcher.has_room(operation.namespace):
            self._wake(self._clock.now() + ROOM_SECONDS, operation.tenant_key)
            return
        operation.in_doubt = True
        self._begin(self._launcher.make(operation, tenant), operation, spawn)

    def _begin(
        self, step: Coroutine[Any, Any, None], operation: OperationRecord, spawn: Spawn
    ) -> None:
        """Begin a step; the operation is busy until it is over."""
        operation.busy = True
        self._at_work.add(operation.uid)

        async def run() -> None:
            try:
                await step
            except Exception:
                operation.doubtful = True
                operation.wait(self._clock.now() + CRASH_PAUSE_SECONDS)
                raise
            finally:
                operation.busy = False
                self._at_work.discard(operation.uid)
                self._dirty.add(operation.tenant_key)
                self.nudge()

        spawn(run())

    # Steps

    async def _write(self, operation: OperationRecord) -> None:
        if not await self._store.write(operation):
            return
        if pairing.rotates(operation):
            self._rotations.tell(operation.tenant_key)
        if pairing.is_awaiting(operation):
            self.quiesce.let_go(operation.uid)
        if operation.ended:
            self._release(operation)
            self._rotations.stored(operation)
            self.quiesce.let_go(operation.uid)
            self._history.look_at(operation.tenant_key)

    async def _own_and_write(self, operation: OperationRecord, tenant: TenantRecord) -> None:
        """Write the status of an operation, and make the tenant its owner, so that both are deleted together."""
        if await self._store.own(operation, tenant):
            await self._write(operation)
        else:
            operation.wanted = None

    # Callbacks of the parts

    def _quiet(self, operation: OperationRecord) -> Progress | None:
        """Make the claim of an operation quiet if it needs that; return the progress."""
        if operation.phase == RESUMING:
            return self.quiesce.resume_of(operation.uid, RESUMING)
        if around.is_begun_quietly(operation):
            return self.quiesce.want(operation.uid)
        return None

    def _is_quiet(self, operation: OperationRecord) -> bool:
        quiet = self._quiet(operation)
        return quiet is None or quiet.quiet

    def _broken(self, operation: OperationRecord) -> Verdict | None:
        """Return why an operation ends because its claim is no longer kept quiet."""
        return around.broken(operation, self._quiet(operation))

    def pairing_of(self, tenant: Key) -> str | None:
        """Return the message about a new pairing that is due, empty if none is due; None while unknown."""
        said = self._rotations.due(tenant, self._clock.now())
        return said if said or self._complete or self._list_at is None else None

    def _find(self, key: Key, uid: str) -> OperationRecord | None:
        found = self.cache.active.get(key)
        return found if found is not None and found.uid == uid else None

    def _ended(self, operation: OperationRecord | None, tenant: TenantRecord | None) -> None:
        """Have the answer written, and decide again on work that waited for the tenant."""
        if operation is not None:
            self._dirty.add(operation.tenant_key)
        if tenant is not None:
            self._dirty.add(tenant.key)
            self._again(tenant)
        self.nudge()

    def _got_on(self, tenant: Key) -> None:
        """Decide again on the operations of a tenant: stopping or starting its workload has progressed."""
        self._dirty.add(tenant)
        self.nudge()

    def _release(self, operation: OperationRecord) -> None:
        """Unblock the tenant's own work."""
        tenant = self._tenants.tenants.get(operation.tenant_key)
        if tenant is not None and tenant.jobs.operation == operation.name:
            tenant.jobs.reserve(None)
            self._again(tenant)
        self._dirty.add(operation.tenant_key)

    def _drop(self, operation: OperationRecord) -> None:
        """Unblock the tenant after an operation that is gone."""
        self._release(operation)
        if pairing.is_awaiting(operation):
            self._rotations.tell(operation.tenant_key)

    def _wake(self, when: float, key: Key) -> None:
        known = self._wakes.get(key)
        if known is None or when < known:
            self._wakes[key] = when
            heapq.heappush(self._later, (when, key))

"""Creates the Jobs of operations at the place of the claim, after recording them in the operation's status."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from baileys_janitor.api.config.config import Limits
from baileys_janitor.api.operations.spec import ROLLBACK
from baileys_janitor.api.operations.status import PENDING, QUIESCING, WORKING
from baileys_janitor.controller.backups import restore_jobs
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.jobs.cluster_reads import ClusterReads
from baileys_janitor.controller.jobs.launch import JobLauncher
from baileys_janitor.controller.jobs.manifest import ACTION_LABEL, Pod
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.controller.jobs.tracker import OBJECT_STORE_ACTIONS, JobTracker, TrackedJob
from baileys_janitor.controller.kube.client import ApiError, Kube
from baileys_janitor.controller.operations import jobs, progress, repairs, restores
from baileys_janitor.controller.operations.decide import is_occupied
from baileys_janitor.controller.operations.record import OperationRecord
from baileys_janitor.controller.operations.results import OperationResults
from baileys_janitor.controller.operations.stages import around, pairing
from baileys_janitor.controller.operations.stages.verdict import Verdict
from baileys_janitor.controller.operations.store import OperationStore
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.controller.tenants.directories import duplicate
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import AnyRecord, TenantRecord

logger = logging.getLogger("janitor.operations")

PLACE_AGAIN_SECONDS = 30.0
"""Seconds until a claim that cannot be mounted is checked again."""
ROOM_SECONDS = 5.0
"""Seconds until the next check for a free slot for a Job."""
GAP_SECONDS = 1.0
"""Seconds until a new decision on an operation whose tenant has changed meanwhile."""


class OperationLauncher:
    """Claims operations and creates their Jobs.

    Args:
        scan_waits: returns whether a tenant's scan waits for a node.
        is_quiet: returns whether the claim of an operation that has stopped its workload is quiet.
    """

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        limits: Limits,
        pod: Pod,
        tenants: TenantCache,
        reads: ClusterReads,
        tracker: JobTracker,
        store: OperationStore,
        results: OperationResults,
        scan_waits: Callable[[TenantRecord], bool],
        is_quiet: Callable[[OperationRecord], bool],
        prepare: Callable[[str], Awaitable[None]] | None,
        prepare_for_stores: Callable[[str], Awaitable[None]] | None,
    ) -> None:
        self._kube = kube
        self._clock = clock
        self._limits = limits
        self._pod = pod
        self._tenants = tenants
        self._reads = reads
        self._tracker = tracker
        self._store = store
        self._results = results
        self._scan_waits = scan_waits
        self._is_quiet = is_quiet
        self._prepare = prepare
        self._prepare_for_stores = prepare_for_stores

    def is_occupied(self, tenant: TenantRecord) -> bool:
        """Return whether a Job or step of the tenant is under way, or a pod of it waits for a node."""
        return is_occupied(tenant) or tenant.queue.busy or self._scan_waits(tenant)

    def has_room(self, namespace: str) -> bool:
        """Return whether another Job may be created: operations have half as many reserved slots as all other work."""
        limits = self._limits
        under_way = [each for each in self._tracker if not each.settled]
        own = [each for each in under_way if each.namespace == namespace]
        return (
            len(under_way) < max(1, limits.jobs_in_flight // 2)
            and len(own) < max(1, limits.jobs_in_flight_per_namespace // 2)
            and sum(each.pending for each in under_way) < max(1, limits.pending_pods // 2)
            and sum(each.pending for each in own) < max(1, limits.pending_pods_per_namespace // 2)
        )

    async def claim(
        self, operation: OperationRecord, tenant: TenantRecord, verdict: Verdict
    ) -> None:
        """Record the next step in the status, then create the Job of an action.

        If anything has changed meanwhile, the operation is decided on again.
        """
        if not await self._store.own(operation, tenant):
            return
        if not self.has_room(operation.namespace):
            operation.wait(self._clock.now() + ROOM_SECONDS)
            return
        edition = tenant.edition
        found = await self._place(operation, tenant, stops=verdict.phase == QUIESCING)
        if found is None:
            return
        now = self._clock.now()
        if tenant.edition != edition or self.is_occupied(tenant):
            operation.wait(now + GAP_SECONDS)
            return
        status = operation.current
        if verdict.repositories:
            status = progress.with_repositories(status, verdict.repositories)
        acts = verdict.phase == WORKING
        run = None
        if acts:
            # A rollback names a run, or uses the latest one.
            run = verdict.run if operation.action == ROLLBACK else verdict.run or _run_id(now)
        if acts and pairing.rotates(operation):
            status = progress.with_fingerprint(status, tenant.scan.fingerprint)
        operation.wanted = progress.begun(
            status,
            operation.generation,
            tenant.uid,
            run,
            verdict.step or operation.action,
            verdict.message or "It is being done.",
            now,
            verdict.phase,
            verdict.ended,
        )
        stored = await self._store.write(operation)
        if stored and acts and not self.is_occupied(tenant):
            await self._launch(operation, tenant, *found)

    async def claim_archive(self, operation: OperationRecord, tenant: TenantRecord) -> None:
        """Record in the status that a backup or a drill is requested."""
        if not await self._store.own(operation, tenant):
            return
        now = self._clock.now()
        operation.wanted = progress.begun(
            operation.current,
            operation.generation,
            tenant.uid,
            None,
            operation.action,
            "It is being done.",
            now,
        )
        await self._store.write(operation)

    async def make(self, operation: OperationRecord, tenant: TenantRecord) -> None:
        """Create the Job of a claimed operation."""
        found = await self._place(operation, tenant)
        if found is not None and not self.is_occupied(tenant):
            await self._launch(operation, tenant, *found)

    async def _place(
        self, operation: OperationRecord, tenant: TenantRecord, *, stops: bool = False
    ) -> tuple[Place, bool] | None:
        """Return where the tenant's claim can be mounted, and whether a pod uses it; else report why it cannot.

        With `stops` the workload is stopped first, so a pod that uses the claim is no obstacle.
        """
        now = self._clock.now()
        if around.is_quiesced(operation):
            # The cached pods may be from before they were stopped.
            self._reads.forget(tenant.namespace)
        try:
            cluster = await self._reads.cluster(tenant.namespace, [tenant])
        except ApiError as error:
            logger.warning("%s: the claim could not be looked up: %s", operation.text, error)
            operation.wait(now + PLACE_AGAIN_SECONDS)
            return None
        if tenant.effective is None:
            return None
        looked_up = repairs if repairs.is_repair(operation) else restores
        place, fault, used = looked_up.place_of(operation, tenant, cluster)
        if stops:
            place, fault = Place(), restore_jobs.obstacle(tenant, cluster)
        elder = self._tenants.elder(tenant)
        if fault is None and elder is not None:
            fault = duplicate(tenant, elder)
        if fault is None and place is not None:
            return place, used
        assert fault is not None
        if around.is_begun_quietly(operation) and fault.reason != around.IN_USE:
            # Do not keep a workload stopped until that passes.
            self._results.finish(operation, fault.reason, fault.message)
            await self._store.write(operation)
            return None
        operation.wait(now + PLACE_AGAIN_SECONDS)
        if not operation.run:
            # A claim may be unusable for hours: do not delay the tenant's other work for so long.
            self._results.let_go(operation, tenant)
        say = progress.waiting if operation.phase == PENDING else progress.hindered
        if progress.reason_of(operation.current) != fault.reason:
            operation.wanted = say(
                operation.current, operation.generation, fault.reason, fault.message, now
            )
            await self._store.write(operation)
        return None

    async def _launch(
        self, operation: OperationRecord, tenant: TenantRecord, place: Place, used: bool
    ) -> None:
        if not self._is_quiet(operation):
            return
        job = jobs.job_of(operation, tenant, place, self._pod)
        restoring = job["metadata"]["labels"][ACTION_LABEL] in OBJECT_STORE_ACTIONS
        prepare = self._prepare_for_stores if restoring else self._prepare
        launcher = _Launcher(
            self._kube, self._clock, self._tracker, prepare, operation, self._results
        )
        prefix = f"janitor-{job['metadata']['labels'][ACTION_LABEL]}"
        uid = await launcher.launch(job, prefix, [tenant], frozenset([tenant.name] if used else []))
        if uid is not None and not operation.ended:
            operation.failures = 0
            operation.wanted = progress.with_job(operation.current, uid)
        if operation.wanted is not None:
            await self._store.write(operation)


class _Launcher(JobLauncher):
    """Creates the Job of one operation. If it is refused, the operation reports that; it is no fault of the tenant."""

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        tracker: JobTracker,
        prepare: Callable[[str], Awaitable[None]] | None,
        operation: OperationRecord,
        results: OperationResults,
    ) -> None:
        super().__init__(kube, clock, tracker, prepare)
        self._operation = operation
        self._results = results

    def _begun(self, tenants: Sequence[AnyRecord], action: str, name: str) -> None:
        super()._begun(tenants, action, name)
        self._results.jobs[name] = self._operation.key, self._operation.uid
        self._operation.job = name

    def _dropped(self, tracked: TrackedJob, tenants: Sequence[AnyRecord]) -> None:
        super()._dropped(tracked, tenants)
        self._results.jobs.pop(tracked.name, None)
        self._operation.job = None

    def _doubt(self, tenants: Sequence[AnyRecord]) -> None:  # noqa: ARG002 - of an operation alone
        self._operation.in_doubt = True

    def _refused(self, tenants: Sequence[AnyRecord], fault: Fault) -> None:  # noqa: ARG002 - as above
        self._results.refuse(self._operation, fault)


def _run_id(now: float) -> str:
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"

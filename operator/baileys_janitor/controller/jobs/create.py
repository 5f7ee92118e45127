"""Creates Jobs for due work: a scan or copies for each batch, a cleanup or a purge for one tenant."""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.controller.clock import Clock, machine_time
from baileys_janitor.controller.jobs import batches, faults, manifest
from baileys_janitor.controller.jobs.batches import Batch, Placed, SoonDue
from baileys_janitor.controller.jobs.cluster_reads import ClusterReads
from baileys_janitor.controller.jobs.launch import JobLauncher
from baileys_janitor.controller.jobs.locate import ClusterState
from baileys_janitor.controller.jobs.manifest import Member as JobMember
from baileys_janitor.controller.jobs.manifest import Pod, mount_path
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.controller.jobs.tracker import JobTracker
from baileys_janitor.controller.kube.client import ApiError, Kube
from baileys_janitor.controller.status.writer import StatusWriter
from baileys_janitor.controller.tenants.directories import duplicate
from baileys_janitor.job.task import Member, Task
from baileys_janitor.policy.settings import Settings
from baileys_janitor.schedule import copy_times, scan_times
from baileys_janitor.schedule.circuit_breaker import held_settings
from baileys_janitor.schedule.cleanup_times import URGENT
from baileys_janitor.schedule.decision import Decision
from baileys_janitor.tenants import running_time
from baileys_janitor.tenants.record import AnyRecord, TenantRecord

Object = dict[str, Any]
logger = logging.getLogger("janitor.jobs")

MARGIN_SECONDS = 10
"""Seconds before the pod's deadline at which the Job ends by itself, with a result."""


TASK_BYTES_MAX = 100_000
"""A process accepts arguments of up to 128 KiB; only a memory of many years comes close."""


class JobCreator:
    """Creates Jobs."""

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        reads: ClusterReads,
        tracker: JobTracker,
        store: StatusWriter[TenantRecord],
        pod: Pod,
        batch: int,
        unused_every: float,
        is_held: Callable[[str], bool],
        elder: Callable[[TenantRecord], TenantRecord | None],
        in_namespace: Callable[[str], Iterable[TenantRecord]],
        again: Callable[[TenantRecord], None],
        prepare: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._clock = clock
        self._reads = reads
        self._writer = store
        self._pod = pod
        self._batch = batch
        self._unused_every = unused_every
        self.soon_due = SoonDue()
        self._is_held = is_held
        self._elder = elder
        self._launcher = JobLauncher(kube, clock, tracker, prepare)
        self._in_namespace = in_namespace
        self._again = again
        self._noticed: dict[str, int] = {}
        """By namespace, the edition of the list of claims that was checked for lost claims."""

    async def place(self, namespace: str, tenants: Sequence[TenantRecord]) -> list[Batch]:
        """Find out where tenants of one namespace can be scanned, and return them in batches.

        A claim that no pod uses cannot change; it is scanned only rarely. A fault is recorded and backs off.
        """
        try:
            cluster = await self._cluster_state(namespace, tenants)
        except ApiError as error:
            logger.warning("%s: the claims could not be looked up: %s", namespace, error)
            for tenant in tenants:
                tenant.backoff.wait_until(self._clock.now() + MARGIN_SECONDS)
            return []
        now = self._clock.now()
        placed = [self._placed(tenant, cluster, now) for tenant in tenants]
        return batches.make_batches(namespace, [one for one in placed if one], self._batch, now)

    async def _cluster_state(self, namespace: str, tenants: Sequence[TenantRecord]) -> ClusterState:
        """Return the cluster state for placing. Do not report a new fault from cached lists; read them again first: a
        tenant is often created seconds after its claim and its workload."""
        now = self._clock.monotonic()
        # A list from before a tenant existed is no evidence about its claim.
        first_looks = [t.resource.seen_at or 0.0 for t in tenants if t.look is None and not t.fault]
        age = self._clock.now() - max(first_looks) if first_looks else math.inf
        cluster = await self._reads.cluster(namespace, tenants, since=now - age)
        if any(_in_doubt(tenant, cluster) for tenant in tenants):
            cluster = await self._reads.cluster(namespace, tenants, since=now)
        self._notice(namespace, cluster)
        return cluster

    def _notice(self, namespace: str, cluster: ClusterState) -> None:
        """Reconsider tenants whose claim is lost or gone: their own turn may be minutes away.

        The list was read for others, so that costs no request; each list is checked once.
        """
        if self._noticed.get(namespace) == cluster.edition:
            return
        self._noticed[namespace] = cluster.edition
        for tenant in self._in_namespace(namespace):
            effective = tenant.effective
            if effective is None or effective.suspend or tenant.fault is not None:
                continue
            claim = cluster.claims.get(effective.claim_name)
            if (claim is None or claim.deleting or claim.phase == "Lost") and not (
                tenant.jobs.rescan or tenant.jobs.waiting
            ):
                tenant.jobs.want_scan()
                self._again(tenant)

    def _placed(self, tenant: TenantRecord, cluster: ClusterState, now: float) -> Placed | None:
        if tenant.effective is None:
            return None
        place, used = self._stand(tenant, cluster, now)
        if place is None:
            return None
        tenant.scan.use(used, now)
        if not used and not scan_times.is_scan_needed(tenant, now, self._unused_every):
            tenant.scan.skip(now)
            return None
        self.soon_due.note(tenant, place)
        return Placed(tenant, place, used, tenant.resource.generation)

    def _stand(
        self, tenant: TenantRecord, cluster: ClusterState, now: float
    ) -> tuple[Place | None, bool]:
        place, fault, used = cluster.place(tenant)
        elder = self._elder(tenant)
        if fault is None and elder is not None:
            place, fault = None, duplicate(tenant, elder)
        if fault is not None:
            # Claims appear by themselves: check again soon, and double the pause only briefly.
            tenant.fail(fault, now, *faults.CLAIM_PAUSES_SECONDS)
            tenant.scan.unplaced(now)
            tenant.jobs.want_scan()
        return place, used

    async def send(self, batch: Batch) -> None:
        """Create the Job that scans a batch."""
        tenants = [one.tenant for one in batch.members]
        claims = sorted({t.effective.claim_name for t in tenants if t.effective})
        settings, members = members_of(tenants, claims, everything=False)
        task = Task(
            "scan",
            members,
            settings,
            deadline=self._pod.deadline - MARGIN_SECONDS,
            time=machine_time(),
            wait=self._pod.wait,
        ).to_json()
        if len(task) > TASK_BYTES_MAX and len(batch.members) > 1:
            for half in batches.halves(batch):
                await self.send(half)
            return
        await self._shared_job(batch, "scan", task, claims, read_only=True)

    async def keep(self, namespace: str, tenants: Sequence[TenantRecord]) -> None:
        """Create the Job that keeps copies of creds.json of tenants of one namespace.

        If they turn out to be at several places, the Job has those of one place, and the others are queued again.
        """
        found = await self._batches_of_copies(namespace, tenants)
        if not found:
            return
        batch = found[0]
        members = [one.tenant for one in batch.members]
        claims = sorted({t.effective.claim_name for t in members if t.effective})
        copies, listed = copied_members(members, claims)
        task = Task("keep", listed, [], copies=copies, deadline=self._pod.deadline - MARGIN_SECONDS)
        await self._shared_job(batch, "keep", task.to_json(), claims, read_only=False)

    async def _shared_job(
        self, batch: Batch, action: str, task: str, claims: Sequence[str], *, read_only: bool
    ) -> None:
        """Create the one Job of a batch."""
        tenants = [one.tenant for one in batch.members]
        first = tenants[0]
        assert first.effective is not None
        job = manifest.job(
            name="",
            namespace=batch.namespace,
            action=action,
            task=task,
            members=[JobMember(t.name, t.uid) for t in tenants],
            claims=claims,
            place=batch.place,
            pod=self._pod,
            resources=dict(first.effective.job.resources),
            read_only=read_only,
        )
        used = frozenset(one.tenant.name for one in batch.members if one.used)
        await self._launcher.launch(job, f"janitor-{action}", tenants, used)

    async def _batches_of_copies(
        self, namespace: str, tenants: Sequence[TenantRecord]
    ) -> list[Batch]:
        editions = {tenant.name: tenant.edition for tenant in tenants}
        try:
            cluster = await self._cluster_state(namespace, tenants)
        except ApiError as error:
            logger.warning("%s: the claims could not be looked up: %s", namespace, error)
            for tenant in tenants:
                tenant.backoff.wait_until(self._clock.now() + MARGIN_SECONDS)
            return []
        now = self._clock.now()
        placed = []
        for tenant in tenants:
            effective = tenant.effective
            changed = tenant.edition != editions[tenant.name] or tenant.run is not None
            if effective is None or effective.copies is None or changed:
                continue
            place, used = self._stand(tenant, cluster, now)
            if place is not None:
                placed.append(Placed(tenant, place, used, tenant.resource.generation))
        return batches.make_batches(namespace, placed, self._batch, now)

    async def begin(self, tenant: TenantRecord, decision: Decision) -> None:
        """Start a cleanup exactly once: claim the run in the status, then create its Job.

        A decision is valid only for the version of the resource that it was based on: if another operator has acted, or
        the spec has changed, while the claim was looked up, nothing begins, and the tenant is decided on again.
        """
        assert decision.reason is not None
        edition = tenant.edition
        place, used = await self.locate(tenant)
        if tenant.edition != edition:
            return
        if place is None:
            await self._writer.write(tenant)
            return
        now = self._clock.now()
        tenant.cleanup.claim(
            {
                "id": _run_id(now),
                "reason": decision.reason,
                "startTime": to_rfc3339(now),
            },
            before=tenant.scan.counted if tenant.scan.counts else None,
        )
        settle(tenant, decision)
        if decision.reason == "Requested":
            tenant.timers.requested(now)
        claimed = tenant.run
        if not await self._writer.write(tenant, force=True):
            # It is unknown whether the claim was stored; read the resource again before anything else.
            tenant.stored.doubt()
            return
        if tenant.run == claimed:
            await self._clean_job(tenant, place, used)

    async def resume(self, tenant: TenantRecord) -> None:
        """Create the Job of a claimed run again: it was never created, or was lost.

        The volume's journal refuses a run that it already contains, so a second Job repeats nothing.
        """
        tenant.cleanup.doubt()
        edition = tenant.edition
        place, used = await self.locate(tenant)
        if place is not None and tenant.edition == edition:
            await self._clean_job(tenant, place, used)

    async def _clean_job(self, tenant: TenantRecord, place: Place, used: bool) -> None:
        assert tenant.effective is not None
        assert tenant.run is not None
        run, reason = str(tenant.run["id"]), str(tenant.run["reason"])
        settings, members = members_of([tenant], [tenant.effective.claim_name])
        tenant.cleanup.hold_back(reason == "Emergency" and self._is_held(tenant.namespace))
        if tenant.cleanup.held_back:
            settings = [held_settings(one) for one in settings]
        task = Task(
            "clean",
            members,
            settings,
            run=run,
            reason=reason,
            emergency=reason in URGENT,
            dry_run=tenant.effective.mode != "Enforce",
            undo_window=tenant.effective.undo_window,
            deadline=self._pod.deadline - MARGIN_SECONDS,
            time=machine_time(),
            wait=self._pod.wait,
            copies=copied_members([tenant], [tenant.effective.claim_name])[0],
        )
        uid = await self._own_job(tenant, "clean", f"janitor-clean-{run}", task, place, used, run)
        if uid is not None and tenant.run is not None and tenant.run.get("id") == run:
            # With its uid any operator can read the Job's result.
            tenant.cleanup.created(uid)

    async def purge(self, tenant: TenantRecord) -> None:
        """Empty the trash of runs that are older than the undo window."""
        edition = tenant.edition
        place, used = await self.locate(tenant)
        if place is None or tenant.effective is None or tenant.edition != edition:
            return
        _, members = members_of([tenant], [tenant.effective.claim_name])
        task = Task("purge", members, [], undo_window=tenant.effective.undo_window)
        await self._own_job(tenant, "purge", "janitor-purge", task, place, used)

    async def _own_job(
        self,
        tenant: TenantRecord,
        action: str,
        prefix: str,
        task: Task,
        place: Place,
        used: bool,
        run: str | None = None,
    ) -> str | None:
        """Create a Job for one tenant alone; return its uid, None if it could not be created."""
        assert tenant.effective is not None
        job = manifest.job(
            name="",
            namespace=tenant.namespace,
            action=action,
            task=task.to_json(),
            members=[JobMember(tenant.name, tenant.uid)],
            claims=[tenant.effective.claim_name],
            place=place,
            pod=self._pod,
            resources=dict(tenant.effective.job.resources),
            read_only=False,
            run=run,
            owner=manifest.owner_reference(tenant.name, tenant.uid),
        )
        return await self._launcher.launch(
            job, prefix, [tenant], frozenset([tenant.name] if used else [])
        )

    async def locate(self, tenant: TenantRecord) -> tuple[Place | None, bool]:
        """Return the tenant's place and whether a pod uses its claim; a fault is recorded and backs off."""
        try:
            cluster = await self._cluster_state(tenant.namespace, [tenant])
        except ApiError as error:
            logger.warning("%s: the claim could not be looked up: %s", tenant.text, error)
            tenant.backoff.wait_until(self._clock.now() + MARGIN_SECONDS)
            return None, False
        return self._stand(tenant, cluster, self._clock.now())


def _in_doubt(tenant: TenantRecord, cluster: ClusterState) -> bool:
    """Return whether a cached list may be stale for this tenant."""
    if tenant.effective is None or tenant.fault is not None:
        return False
    _, fault, used = cluster.place(tenant)
    return fault is not None or (not used and tenant.look is None)


def settle(tenant: AnyRecord, decision: Decision) -> None:
    """Record the slots and the request that a decision handles."""
    tenant.timers.settle(decision.trigger_slot, decision.daily_slot, decision.request)


def members_of(
    tenants: Sequence[TenantRecord], claims: Sequence[str], *, everything: bool = True
) -> tuple[list[Settings], list[Member]]:
    places: dict[str, int] = {}
    settings: list[Settings] = []
    members: list[Member] = []
    for tenant in tenants:
        effective = tenant.effective
        assert effective is not None
        if effective.settings_hash not in places:
            places[effective.settings_hash] = len(settings)
            settings.append(effective.policy)
        members.append(
            Member(
                mount_path(claims.index(effective.claim_name)),
                effective.path,
                places[effective.settings_hash],
                running_time.to_take_along(tenant.scan.running, everything=everything),
            )
        )
    return settings, members


def copied_members(
    tenants: Sequence[TenantRecord], claims: Sequence[str]
) -> tuple[list[tuple[int, float]], list[Member]]:
    """Return the settings for copies of creds.json, and the members, each with the place of its settings there."""
    copies: list[tuple[int, float]] = []
    members: list[Member] = []
    for tenant in tenants:
        effective = tenant.effective
        if effective is None or effective.copies is None:
            continue
        wanted = effective.copies.keep, copy_times.least_age(float(effective.copies.every))
        if wanted not in copies:
            copies.append(wanted)
        place = mount_path(claims.index(effective.claim_name))
        members.append(Member(place, effective.path, copies.index(wanted)))
    return copies, members


def _run_id(now: float) -> str:
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"

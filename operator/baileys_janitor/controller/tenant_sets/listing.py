"""Lists the session directories of a volume by short-lived Jobs, a page each. Sets are few, so Jobs are polled."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.effective import Effective
from baileys_janitor.api.tenant_sets.spec import Directories
from baileys_janitor.api.values import decoding
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.jobs import faults, manifest
from baileys_janitor.controller.jobs.cluster_reads import ClusterReads
from baileys_janitor.controller.jobs.faults import Finished
from baileys_janitor.controller.jobs.launch import JOBS
from baileys_janitor.controller.jobs.manifest import Member, Pod
from baileys_janitor.controller.jobs.placement import Place as Ground
from baileys_janitor.controller.jobs.tracker import JOB_NAME_LABEL, UID_MAX, job_of
from baileys_janitor.controller.kube.client import ApiError, Kube, path
from baileys_janitor.controller.tenant_sets.names import TOP, Place
from baileys_janitor.controller.tenant_sets.record import SetRecord
from baileys_janitor.job.listing import LIST, PATHS_MOST, BadList, ListTask, Page, decode
from baileys_janitor.tenants import directory_faults
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]

POLL_SECONDS = 1.0
NO_POD_SECONDS = 15.0
"""Seconds that a Job may be without a pod before its events are read for the reason."""
PAGES_MOST = 60

TOO_MANY = Fault(
    "TooManyDirectories",
    f"More than {PATHS_MOST:,} session directories lie there: set spec.source.directories.path or pattern to what is "
    "meant.",
)
CHANGING = Fault(
    "DirectoriesChange",
    "The directories changed while they were listed; the janitor looks again by itself.",
    stalled=False,
)


_FIELDS = (
    ("spec.volume.claimName", "spec.source.directories.claimName"),
    ("spec.volume.path", "spec.source.directories.path"),
    ("spec.job", "spec.template.job"),
    ("this tenant", "this set"),
)
"""The fields of a set that correspond to those of a tenant."""


def of_set(fault: Fault) -> Fault:
    """Return a tenant's fault as that of a set: its way out names the fields of the set."""
    message = fault.message
    for of_tenant, of_a_set in _FIELDS:
        message = message.replace(of_tenant, of_a_set)
    return replace(fault, message=message)


class Trouble(Exception):  # noqa: N818 - it is the set's, not the program's
    """Why a list could not be made."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = of_set(fault)


class Lister:
    """Lists directories. `prepare` is called with the namespace before a Job is created there."""

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        reads: ClusterReads,
        config: OperatorConfig,
        pod: Pod,
        prepare: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._kube = kube
        self._clock = clock
        self._reads = reads
        self._config = config
        self._pod = pod
        self._prepare = prepare
        self._serial = itertools.count(1)

    async def directories(self, record: SetRecord, source: Directories) -> tuple[set[Place], int]:
        """Return the places of all session directories, and the number of directories with paths that no tenant can
        have.

        Raises Trouble and ApiError.
        """
        assert record.effective is not None
        tenant = record.effective.tenant(self._config, source.claim_name)
        root = "/".join(part for part in (source.path or "").split("/") if part not in ("", TOP))
        found: set[Place] = set()
        after, total = "", None
        for _ in range(PAGES_MOST):
            ground = await self._ground(record, tenant)
            task = ListTask(manifest.mount_path(0), root or TOP, source.pattern, after)
            page = await self._page(record, tenant, ground, task)
            if total is not None and page.total != total:
                raise Trouble(CHANGING)
            total = page.total
            found |= {Place(source.claim_name, _beneath(root, each)) for each in page.paths}
            if not page.more:
                return found, page.unusable
            after = page.paths[-1]
        raise Trouble(TOO_MANY)

    async def _ground(self, record: SetRecord, tenant: Effective) -> Ground:
        """Return where the volume can be mounted, and the user of the Job."""
        standing = TenantRecord(record.namespace, record.name, record.uid)
        standing.resource.set_effective(tenant)
        now = self._clock.monotonic()
        cluster = await self._reads.cluster(record.namespace, [standing])
        ground, fault, _ = cluster.place(standing)
        if fault is not None:  # do not report a fault from a cached list
            cluster = await self._reads.cluster(record.namespace, [standing], since=now)
            ground, fault, _ = cluster.place(standing)
        if fault is not None or ground is None:
            raise Trouble(fault or directory_faults.UNREADABLE)
        return ground

    async def _page(
        self, record: SetRecord, tenant: Effective, ground: Ground, task: ListTask
    ) -> Page:
        if self._prepare is not None:
            await self._prepare(record.namespace)
        job = manifest.job(
            name=f"janitor-list-{secrets.token_hex(4)}-{next(self._serial):x}",
            namespace=record.namespace,
            action=LIST,
            task=task.to_json(),
            members=[Member(record.name, record.uid)],
            claims=[tenant.claim_name],
            place=ground,
            pod=self._pod,
            resources=dict(tenant.job.resources),
            read_only=True,
            owner=manifest.owner_reference(record.name, record.uid, record.kind),
        )
        try:
            created = await self._kube.create(path("jobs", record.namespace, group=JOBS), job)
        except ApiError as error:
            if error.status in (0, 429) or error.status >= 500:
                raise
            raise Trouble(faults.refused(error.status, error.message)) from None
        uid = decoding.text(decoding.part(created, "metadata").get("uid"), UID_MAX)
        name = job["metadata"]["name"]
        try:
            ended = await self._wait(record.namespace, name, uid)
        finally:
            await asyncio.shield(self._delete(record.namespace, name, uid))
        if ended.message is None:
            raise Trouble(ended.fault or directory_faults.UNREADABLE)
        try:
            page = decode(ended.message)
        except BadList:
            raise Trouble(ended.fault or directory_faults.UNREADABLE) from None
        if isinstance(page, str):
            raise Trouble(directory_faults.of_directory(page))
        return page

    async def _wait(self, namespace: str, name: str, uid: str) -> Finished:
        """Wait until the Job's pod has ended, or cannot end."""
        began = self._clock.monotonic()
        trouble: Fault | None = None
        while True:
            await self._clock.wait(asyncio.Event(), self._clock.now() + POLL_SECONDS)
            waited = self._clock.monotonic() - began
            listed = self._kube.list(path("pods", namespace), labels=f"{JOB_NAME_LABEL}={name}")
            pods = [pod async for pod in listed if job_of(pod) == (name, uid)]
            for pod in pods:
                ended = faults.finished(pod)
                if ended is not None:
                    return ended
                trouble = faults.pending(pod)
            if not pods and waited > NO_POD_SECONDS:
                said = await self._reads.warnings(namespace, "Job", name)
                if said:
                    return Finished(None, faults.pod_refused(said))
            if waited > self._pod.wait + 2 * self._pod.deadline:
                return Finished(None, trouble or faults.OVERDUE)

    async def _delete(self, namespace: str, name: str, uid: str) -> None:
        try:
            await self._kube.delete(path("jobs", namespace, name, JOBS), uid)
        except ApiError:
            return  # its TTL removes it


def _beneath(root: str, found: str) -> str:
    if found == TOP:
        return root or TOP
    return f"{root}/{found}" if root else found

"""Reconciles sets of tenants: creates a tenant for each place found, within limits and as far as confirmed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.names import (
    API_VERSION,
    KIND,
    PLURAL,
    SET_LABEL,
    SET_PLURAL,
    TEMPLATE_ANNOTATION,
)
from baileys_janitor.api.tenant_sets.spec import Claims, Directories
from baileys_janitor.api.values import decoding
from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.controller.clock import Clock, MonotonicClock, WatchedClock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs import faults
from baileys_janitor.controller.jobs.cluster_reads import ClusterReads
from baileys_janitor.controller.jobs.manifest import Pod, owner_reference
from baileys_janitor.controller.kube.client import TENANTS, ApiError, Kube, path
from baileys_janitor.controller.relist import list_again
from baileys_janitor.controller.status.writer import StatusWriter
from baileys_janitor.controller.tenant_sets import compose
from baileys_janitor.controller.tenant_sets.listing import Lister, Trouble
from baileys_janitor.controller.tenant_sets.names import TOP, Place, mark_of, name_of
from baileys_janitor.controller.tenant_sets.plan import Child, Plan, make_plan
from baileys_janitor.controller.tenant_sets.record import EffectiveSet, SetCache, SetRecord
from baileys_janitor.controller.workers import Workers
from baileys_janitor.status.changes import ChangeBus
from baileys_janitor.status.compose import merge_patch
from baileys_janitor.tenants.fault import Fault

Object = dict[str, Any]
logger = logging.getLogger("janitor.tenantsets")

WAIT_MAX_SECONDS: Final = 60.0
"""Maximum seconds that the loop waits: a clock that was set ahead meanwhile is noticed then."""
CRASH_PAUSE_SECONDS: Final = 5.0
GAP_SECONDS: Final = 1.0
"""Minimum seconds between two passes for one set."""
CREATED, TAKEN = 201, 409
PVCS: Final = "persistentvolumeclaims"
_NAME_MOST: Final = 253
ARGO: Final = {
    # Argo CD neither reports nor removes objects that it has not applied itself.
    "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
    "argocd.argoproj.io/sync-options": "Prune=false",
}


class SetReconciler:
    """Runs until cancelled. Events come through `observe` and `forget`."""

    def __init__(
        self,
        kube: Kube,
        config: OperatorConfig,
        pod: Pod,
        clock: Clock,
        prepare: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._kube = kube
        self._config = config
        self._clock = clock = WatchedClock(clock, self._clock_was_set)
        self._wake = asyncio.Event()
        self.cache = SetCache(config)
        self.bus = ChangeBus()
        self.crashes = CrashHandler(clock, self.bus)
        self.workers: Workers[SetRecord] = Workers(clock, self._again, self.crashes)
        self._reads = ClusterReads(kube, MonotonicClock(clock))
        self._lister = Lister(kube, clock, self._reads, config, pod, prepare)
        self._writer = StatusWriter(
            kube,
            self.cache,
            clock,
            compose.composer(),
            float(config.status_interval.seconds),
            self.bus,
            self.crashes,
        )

    # Events

    def observe(self, body: Object) -> None:
        """Process a set that was added or changed."""
        with self.crashes.contain("event"):
            meta = body["metadata"]
            if meta.get("deletionTimestamp"):
                self.forget(meta["namespace"], meta["name"], meta["uid"])
                return
            self._again(self.cache.observe(body, self._clock.now()))

    def forget(self, namespace: str, name: str, uid: str) -> None:
        """Drop a set that was deleted; the API server deletes its tenants."""
        self.cache.forget((namespace, name), uid)

    def _clock_was_set(self, step: float) -> None:
        self.cache.shift(step)
        self._wake.set()

    # The loop

    async def run(self) -> None:
        """Start due work, forever."""
        listing = asyncio.create_task(
            list_again(
                self._kube,
                self._clock,
                SET_PLURAL,
                self._config.watch_namespaces,
                lambda: self.cache.records,
                self.observe,
                self.forget,
            )
        )
        try:
            while True:
                self._wake.clear()
                until = self._clock.now() + CRASH_PAUSE_SECONDS
                with self.crashes.contain("loop"):
                    until = self._pass()
                await self._clock.wait(self._wake, until)
        finally:
            listing.cancel()
            await self.workers.cancel()
            await self._reads.close()

    def _pass(self) -> float:
        now = self._clock.now()
        for record in self.cache.due(now):
            if not record.queue.busy:
                record.queue.consider(now)
                record.jobs.want_scan(False)
                self.workers.begin(self._step(record), record)
        coming = self.cache.next_due()
        until = now + WAIT_MAX_SECONDS
        return until if coming is None else min(coming, until)

    def _again(self, record: SetRecord) -> None:
        """Put the set into the queue for its next due time, and wake the loop."""
        if self.cache.records.get(record.key) is not record:
            return
        now = self._clock.now()
        record.cut(now)
        when = self._next_time(record, now)
        self.cache.schedule(
            record, None if when is None else max(when, record.queue.considered_at + GAP_SECONDS)
        )
        self._wake.set()

    @staticmethod
    def _next_time(record: SetRecord, now: float) -> float | None:
        settings, look = record.effective, record.look
        if now < record.backoff.retry_at:
            return record.backoff.retry_at
        told = record.stored.generation == record.resource.generation
        if settings is None or settings.suspend:
            return None if told and not record.stored.stale else now
        asked = look.token is not None and look.token != look.handled
        if record.stored.stale or record.jobs.rescan or look.more or asked or look.last is None:
            return now
        return look.last + settings.interval

    # One set

    async def _step(self, record: SetRecord) -> None:
        if record.stored.stale and not await self._writer.reload(record):
            return
        settings = record.effective
        if settings is not None and not settings.suspend:
            await self._look(record, settings)
        await self._writer.write(record)

    async def _look(self, record: SetRecord, settings: EffectiveSet) -> None:
        """Find the places, and act on them; a fault is recorded and backs off."""
        edition = record.edition
        try:
            found, unusable = await self._found(record, settings)
            tenants = [
                body
                async for body in self._kube.list(path(PLURAL, record.namespace, group=TENANTS))
            ]
            if record.edition != edition:
                record.jobs.want_scan()
                return
            plan = self._plan(record, settings, found, tenants)
            known, refused = await self._act(record, settings, plan, tenants)
            record.look.take(plan, unusable + refused, self._clock.now())
            record.look.settle(frozenset(known))
            record.recover()
        except Trouble as trouble:
            record.fail(trouble.fault, self._clock.now(), *faults.CLAIM_PAUSES_SECONDS)
        except ApiError as error:
            record.fail(_refused(error), self._clock.now())

    async def _found(self, record: SetRecord, settings: EffectiveSet) -> tuple[set[Place], int]:
        source = settings.source
        if isinstance(source, Directories):
            return await self._lister.directories(record, source)
        return await self._claims(record, source), 0

    async def _claims(self, record: SetRecord, source: Claims) -> set[Place]:
        at = "/".join(part for part in (source.path or "").split("/") if part not in ("", TOP))
        found = set()
        async for claim in self._kube.list(
            path(PVCS, record.namespace), labels=source.selector.query()
        ):
            meta = decoding.part(claim, "metadata")
            name = decoding.text(meta.get("name"))
            if name and not meta.get("deletionTimestamp"):
                found.add(Place(name, at or TOP))
        return found

    def _plan(
        self, record: SetRecord, settings: EffectiveSet, found: set[Place], tenants: list[Object]
    ) -> Plan:
        children, taken = [], set()
        for body in tenants:
            place = _place(body)
            if place is None:
                continue
            if _is_of(body, record):
                children.append(_child(body, place))
            else:
                taken.add(place)
        now = self._clock.now()
        return make_plan(found, children, taken, record.look.memory(), settings.wanted, now)

    async def _act(
        self, record: SetRecord, settings: EffectiveSet, plan: Plan, tenants: list[Object]
    ) -> tuple[set[str], int]:
        """Carry out a plan; return the places known from then on, and how many tenants the API server refused."""
        known = set(plan.known)
        for child in plan.delete:
            await self._kube.delete(path(PLURAL, record.namespace, child.name, TENANTS), child.uid)
            known.discard(mark_of(child.place))
            plan.gone.pop(mark_of(child.place), None)
            logger.info(
                "%s: the tenant %s is deleted: its session is gone", record.text, child.name
            )
        bodies = {
            decoding.text(decoding.part(body, "metadata").get("uid")): body for body in tenants
        }
        for child in plan.edit:
            await self._edit(record, settings, child, bodies[child.uid])
        refused = 0
        for place in plan.create:
            status = await self._create(record, settings, place)
            plan.new -= 1
            if status == CREATED:
                known.add(mark_of(place))
                plan.tenants += 1
            elif status == TAKEN:
                plan.elsewhere += 1
            else:
                refused += 1
        if refused:
            # Do not try them again at once.
            plan.more = False
            logger.warning("%s: %d tenants were refused by the API server", record.text, refused)
        plan.tenants -= len(plan.delete)
        return known, refused

    async def _create(self, record: SetRecord, settings: EffectiveSet, place: Place) -> int:
        """Create a tenant; return the HTTP status of the answer."""
        by_claim = isinstance(settings.source, Claims)
        body: Object = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {
                "name": name_of(place, by_claim=by_claim),
                "namespace": record.namespace,
                "labels": {SET_LABEL: record.uid[:63]},
                "annotations": {TEMPLATE_ANNOTATION: settings.wanted.template, **ARGO},
                "ownerReferences": [owner_reference(record.name, record.uid, record.kind)],
            },
            "spec": _spec(settings, place),
        }
        try:
            await self._kube.create(path(PLURAL, record.namespace, group=TENANTS), body)
        except ApiError as error:
            # If a name is taken, the next list shows its owner: the answer to an earlier attempt may be lost.
            if error.status not in (TAKEN, 400, 422):
                raise
            return error.status
        return CREATED

    async def _edit(
        self, record: SetRecord, settings: EffectiveSet, child: Child, body: Object
    ) -> None:
        """Give a tenant the present template."""
        spec = merge_patch(decoding.mapping(body.get("spec")), _spec(settings, child.place))
        version = decoding.text(decoding.part(body, "metadata").get("resourceVersion"))
        patch: Object = {
            "metadata": {
                "uid": child.uid,
                "resourceVersion": version,
                "annotations": {TEMPLATE_ANNOTATION: settings.wanted.template},
            }
        }
        if spec:
            patch["spec"] = spec
        try:
            await self._kube.patch(path(PLURAL, record.namespace, child.name, TENANTS), patch)
        except ApiError as error:
            if error.status not in (404, 409):  # gone, or changed meanwhile: the next pass sees it
                raise
            record.jobs.want_scan()


def _spec(settings: EffectiveSet, place: Place) -> Object:
    volume = {"claimName": place.claim}
    if place.path != TOP:
        volume["path"] = place.path
    return settings.template | {"volume": volume}


def _place(body: Object) -> Place | None:
    """Return the place of a tenant's session."""
    volume = decoding.part(body, "spec", "volume")
    claim = decoding.text(volume.get("claimName"), _NAME_MOST)
    where = decoding.text(volume.get("path"), 4 * _NAME_MOST)
    if not claim:
        return None
    return Place(claim, "/".join(part for part in where.split("/") if part not in ("", TOP)) or TOP)


def _is_of(body: Object, record: SetRecord) -> bool:
    """Return whether a tenant belongs to the set: by its owner, not by a label that anybody can write."""
    owners = decoding.objects(decoding.part(body, "metadata").get("ownerReferences"))
    return any(
        owner.get("controller") is True and owner.get("uid") == record.uid for owner in owners
    )


def _child(body: Object, place: Place) -> Child:
    meta = decoding.part(body, "metadata")
    annotations = decoding.part(meta, "annotations")
    return Child(
        decoding.text(meta.get("name")),
        decoding.text(meta.get("uid")),
        place,
        decoding.text(annotations.get(TEMPLATE_ANNOTATION)),
        from_rfc3339(meta.get("creationTimestamp")) or 0.0,
    )


def _refused(error: ApiError) -> Fault:
    if error.status == 403:
        return Fault(
            "Forbidden",
            "The operator may not create, change or delete BaileysTenants here: set config.tenantSets.enabled to true "
            "in the chart's values, or see which admission policy refuses it.",
        )
    return Fault(
        "ApiError",
        f"The API server refused a request or did not answer ({error.status}); the janitor tries again by itself.",
        stalled=400 <= error.status < 500 and error.status not in (409, 429),
    )

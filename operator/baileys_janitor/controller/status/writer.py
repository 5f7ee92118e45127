"""Reads and writes tenants: a status is written only if it matters, and against a known version."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from baileys_janitor.api.values import decoding
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.kube.client import TENANTS, ApiError, Kube, path
from baileys_janitor.controller.tenants.record_cache import RecordCache
from baileys_janitor.status import changes, compose
from baileys_janitor.tenants.fault import INTERNAL_ERROR, Fault
from baileys_janitor.tenants.record import AnyRecord, TenantRecord

Object = dict[str, Any]
R = TypeVar("R", bound=AnyRecord)
logger = logging.getLogger("janitor.status")

RETRY_SECONDS = 5.0
"""Seconds after which a failed write is tried again; `Kube` has retried before."""
REFUSED_SECONDS = 300.0
"""Seconds after which a status that the CRD in the cluster refuses is tried again."""


@dataclass(frozen=True, slots=True)
class Composer(Generic[R]):
    """Composes and compares the statuses of one kind of resource."""

    compose: Callable[[R, float], Object]
    """Returns the status to store, from a record and the time."""
    of_crash: Callable[[R, float, Fault], Object]
    """Returns the status that reports that it cannot be composed."""
    is_material: Callable[[Object, Object, float | None], bool]
    """Returns whether readers of the first must learn at once what the second contains."""
    has_news: Callable[[R], bool]
    """Returns whether a first status has content."""
    between: Callable[[R, Object, Object], Iterator[changes.Change]]
    """Yields the changes between two statuses."""


class StatusWriter(Generic[R]):
    """The resources of one kind in the API server."""

    def __init__(
        self,
        kube: Kube,
        cache: RecordCache[R],
        clock: Clock,
        composer: Composer[R],
        every: float,
        bus: changes.ChangeBus,
        crashes: CrashHandler,
    ) -> None:
        self._kube = kube
        self._cache = cache
        self._clock = clock
        self._composer = composer
        self._every = every
        self._bus = bus
        self._crashes = crashes
        self._unkept: dict[str, Object] = {}
        """By uid, a status that the API server has stored only in part: an older CRD has fewer fields."""

    def is_due(self, tenant: R) -> bool:
        """Return whether `write` would send anything; mark a status that is not worth a write as published."""
        self._publish_again(tenant)
        if tenant.new and not self._composer.has_news(tenant):
            tenant.stored.want_write(False)
            return False
        now = self._clock.now()
        fresh = self._compose(tenant, now)
        if self._is_worth_it(tenant, fresh, now):
            return True
        tenant.stored.want_write(False)
        return False

    def _publish_again(self, tenant: R) -> None:
        """Publish a persistent fault again after each failed attempt, so that its Event does not expire."""
        fault, again = tenant.fault, tenant.backoff.has_failed_again()
        if (
            again
            and fault is not None
            and fault.stalled
            and tenant.stored.readiness == fault.reason
        ):
            self._bus.publish(changes.FaultMet(tenant, fault.reason, fault.message))

    def _is_worth_it(self, tenant: R, fresh: Object, now: float) -> bool:
        if (
            tenant.new
            or not tenant.cleanup.run_stored
            or now - tenant.stored.written_at >= self._every
        ):
            return True
        if not self._composer.is_material(tenant.stored.status, fresh, now):
            return False
        # A field that was not stored once will not be stored the next time: it is no reason to write again.
        sent = self._unkept.get(tenant.uid)
        return sent is None or self._composer.is_material(sent, fresh, now)

    def _compose(self, tenant: R, now: float) -> Object:
        """Compose the status; if that raises an exception, return one that reports it."""
        fresh: Object = {}
        with self._crashes.contain("tenant", [tenant]) as composing:
            fresh = self._composer.compose(tenant, now)
        if composing.crashed:
            return self._composer.of_crash(tenant, now, INTERNAL_ERROR)
        tenant.backoff.no_crash()
        return fresh

    async def write(self, tenant: R, *, force: bool = False) -> bool:
        """Write the status if it is worth it; return False if it could not be written and must be tried again.

        After a version conflict, read the resource again and try once more, unless another operator has acted.
        """
        self._publish_again(tenant)
        if tenant.new and not force and not self._composer.has_news(tenant):
            tenant.stored.want_write(False)
            return True
        for _ in range(2):
            now = self._clock.now()
            fresh = self._compose(tenant, now)
            tenant.stored.want_write(False)
            if not force and not self._is_worth_it(tenant, fresh, now):
                return True
            patch = compose.merge_patch(tenant.stored.raw, fresh)
            if not patch:
                tenant.stored.written(now)
                tenant.cleanup.mark_run_stored()
                return True
            before = tenant.run, tenant.cleanup.last, tenant.timers.handled_request
            tenant.stored.send(fresh)
            stored = tenant.stored.status
            try:
                body = await self._patch(tenant, patch)
            except ApiError as error:
                if error.status == 409 and await self.reload(tenant):
                    if before != (tenant.run, tenant.cleanup.last, tenant.timers.handled_request):
                        tenant.stored.want_write()
                        return False
                    continue
                return self._failed(tenant, error, now)
            finally:
                tenant.stored.send(None)
            self._stored(tenant, stored, body, now)
            self._compare(tenant, fresh)
            return True
        return self._failed(tenant, ApiError(409, "Conflict", "the resource keeps changing"), now)

    async def _patch(self, tenant: R, patch: Object) -> Object:
        url = path(tenant.plural, tenant.namespace, tenant.name, TENANTS) + "/status"
        version = {"resourceVersion": tenant.resource.version, "uid": tenant.uid}
        return await self._kube.patch(url, {"metadata": version, "status": patch})

    def _stored(self, tenant: R, before: Object, body: Object, now: float) -> None:
        """Record the status written in place of `before`, which the watch may have shown already."""
        version = decoding.part(body, "metadata").get("resourceVersion")
        tenant.resource.set_version(decoding.text(version))
        tenant.take_stored(decoding.mapping(body.get("status")))
        # An API server with an older CRD does not store the uid: it was sent all the same.
        tenant.cleanup.mark_run_stored()
        tenant.cleanup.recorded()
        tenant.stored.written(now)
        tenant.stored.doubt(False)
        for told in self._composer.between(tenant, before, tenant.stored.status):
            self._bus.publish(told)

    def _compare(self, tenant: R, sent: Object) -> None:
        """Remember the sent status if the stored one would cause it to be sent again at once."""
        if not self._composer.is_material(tenant.stored.status, sent, None):
            self._unkept.pop(tenant.uid, None)
            return
        if not self._unkept:
            logger.warning(
                "The CRD in the cluster is older than this operator and does not keep all of a status: apply the "
                "current one, `baileys-janitor crd | kubectl apply --server-side -f -`"
            )
        if len(self._unkept) > 2 * len(self._cache.records):
            known = {each.uid for each in self._cache.records.values()}
            self._unkept = {uid: was for uid, was in self._unkept.items() if uid in known}
        self._unkept[tenant.uid] = sent

    def _failed(self, tenant: R, error: ApiError, now: float) -> bool:
        # A server that is starting answers 404 to every path that it does not serve yet.
        if error.status == 404 and error.about == tenant.name:
            self._cache.forget(tenant.key, tenant.uid)
            return False
        logger.warning("%s: the status could not be written: %s", tenant.text, error)
        tenant.stored.doubt()
        tenant.stored.want_write()
        pause = REFUSED_SECONDS if error.status == 422 else RETRY_SECONDS
        tenant.backoff.wait_until(now + pause)
        return False

    async def reload(self, tenant: R) -> bool:
        """Read the resource again; return False if it is gone or cannot be read now."""
        try:
            url = path(tenant.plural, tenant.namespace, tenant.name, TENANTS)
            body = await self._kube.get(url)
        except ApiError as error:
            self._failed(tenant, error, self._clock.now())
            return False
        if decoding.part(body, "metadata").get("uid") != tenant.uid:
            self._cache.forget(tenant.key, tenant.uid)
            return False
        self._cache.observe(body, self._clock.now())
        tenant.stored.doubt(False)
        return True


def tenants(
    context: Callable[[TenantRecord, float], compose.StatusContext],
) -> Composer[TenantRecord]:
    """Return the composer of the statuses of tenants; `context` returns the inputs besides the tenant."""
    return Composer(
        lambda tenant, now: compose.compose(tenant, now, context(tenant, now)),
        compose.of_crash,
        compose.is_material,
        _has_news,
        changes.between,
    )


def _has_news(tenant: TenantRecord) -> bool:
    """Return whether a tenant's first status has content: a count, a fault, or the fact that nothing will happen."""
    suspended = tenant.effective is not None and tenant.effective.suspend
    faulty = tenant.fault is not None or tenant.invalid is not None
    return tenant.look is not None or faulty or suspended

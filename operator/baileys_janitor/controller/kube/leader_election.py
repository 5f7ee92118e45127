"""Leader election: the operator that holds a Lease acts and knows by its own clock until when.

Only the operator's own monotonic clock is trusted. A candidate takes over when it has seen the record unchanged for the
whole duration; the leader stops earlier than that, counted from before its last renewal was sent.

A candidate watches the Lease, and reads it only when it may be free: a standby sends almost no requests, and yet it
sees at once that the Lease was released.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from baileys_janitor.api import bounded
from baileys_janitor.api.config.config import LeaderElection
from baileys_janitor.api.names import ASK_ANNOTATION
from baileys_janitor.controller.kube.client import TIMEOUT_SECONDS, ApiError, Kube, path

Object = dict[str, Any]
logger = logging.getLogger("janitor.leader")

LEASES = "/apis/coordination.k8s.io/v1"
POD_NAME, POD_NAMESPACE = "POD_NAME", "POD_NAMESPACE"
"""Set by the chart from the downward API."""
LONGEST_SECONDS = 300.0
"""The longest duration that can be configured, and so the longest that is accepted from a Lease: otherwise anybody who
writes a longer one into it could keep every operator from leading."""
RELEASE_SECONDS = 6.0
"""How long releasing the Lease may take; a terminating pod has 30 seconds in all."""
WATCH_SECONDS = 30
"""How long one watch of the Lease lasts. A connection that was lost silently is noticed by then."""
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
TOKEN = SERVICE_ACCOUNT.with_name("token")
OUTDATED = frozenset({404, 409, 422})
"""An API server's status codes for a write that is tested against an outdated version."""
ASK_MAX = 253 + 9
"""Maximum characters of an operator's identity: a pod's name and eight more."""


class NoNamespace(Exception):  # noqa: N818 - the word that users see
    """Leader election is enabled, and its namespace is unknown."""


@dataclass(frozen=True, slots=True)
class Seat:
    """The Lease to contend for, and the identity; durations in seconds."""

    namespace: str
    name: str
    identity: str
    duration: float
    renew: float
    shared: bool = False
    """Whether several operators hold it at a time, under one identity."""


def own_namespace(environ: Mapping[str, str]) -> str:
    """Return the namespace that this operator runs in; empty outside a cluster."""
    known = environ.get(POD_NAMESPACE, "")
    if not known:
        with contextlib.suppress(OSError):
            known = SERVICE_ACCOUNT.read_text(encoding="utf-8").strip()
    return known


def seat(wanted: LeaderElection, environ: Mapping[str, str] | None = None) -> Seat | None:
    """Return the seat to contend for; None if the operator runs alone.

    Raises NoNamespace if an election is configured and its namespace is unknown.
    """
    environ = os.environ if environ is None else environ
    namespace = wanted.namespace or own_namespace(environ)
    if wanted.enabled is False or (wanted.enabled is None and not environ.get(POD_NAME)):
        return None
    if not namespace:
        if wanted.enabled is None:
            return None
        raise NoNamespace(
            "leaderElection.enabled is true and the namespace is not known: "
            f"set leaderElection.namespace or {POD_NAMESPACE}"
        )
    # A restarted container of the same pod is another holder.
    identity = f"{environ.get(POD_NAME) or socket.gethostname()}_{secrets.token_hex(4)}"
    return Seat(
        namespace, wanted.name, identity, wanted.duration.seconds, wanted.renew_interval.seconds
    )


def service_account(namespace: str) -> Object | None:
    """Return the operator's service account as the owner of its Lease, from the account's token; None outside a pod.

    An uninstallation removes the account, and with it the Lease. An upgrade keeps both.
    """
    try:
        payload = TOKEN.read_text(encoding="ascii").split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        found = claims["kubernetes.io"]
        account = found["serviceaccount"]
        name, uid = str(account["name"]), str(account["uid"])
        if found["namespace"] != namespace or not (name and uid):
            return None
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return {"apiVersion": "v1", "kind": "ServiceAccount", "name": name, "uid": uid}


class Superseded(Exception):  # noqa: N818 - no error: another one leads
    """Another operator holds the Lease."""


class Election:
    """One operator's part in the election."""

    def __init__(self, kube: Kube, seat: Seat, now: Callable[[], float] = time.monotonic) -> None:
        self._kube = kube
        self._seat = seat
        self._now = now
        self._record: Object = {}
        """The Lease as last seen."""
        self._unchanged_since = now()
        self._until: float | None = None
        self._sent = now()
        """When the last write that may have arrived was sent."""
        self._led_until = now()
        """Until when somebody led, as far as known."""
        self._freed = asyncio.Event()
        self._watched = False
        self.changed: Callable[[], None] = lambda: None
        """Called whenever the Lease was seen to change."""
        self.refused = ""
        """The replica whose request for this Lease is removed from it with the next renewal."""
        self.takes_part = False
        """Whether the Lease could be read at least once: a standby is ready from then on."""

    def held(self) -> bool:
        """Return whether this operator may act at this very moment."""
        return self._until is not None and self._now() < self._until

    def leaderless(self) -> float:
        """Return for how many seconds nobody has led, as far as known; 0 while somebody does."""
        now = self._now()
        if self.held() or (self._holder() and now < self._expiry()):
            self._led_until = now
        return now - self._led_until

    async def win(self, stop: asyncio.Event) -> bool:
        """Wait until this operator leads; return False if `stop` was set before."""
        watching = asyncio.create_task(self.follow())
        try:
            return await self._contend(stop)
        finally:
            watching.cancel()
            await asyncio.wait({watching})
            self._watched = False

    async def _contend(self, stop: asyncio.Event) -> bool:
        told = stands_by = False
        while not stop.is_set():
            self._freed.clear()
            pause = self._seat.renew
            try:
                # Without a shorter limit: with an API server that is slow to answer there must still be a leader.
                async with asyncio.timeout(max(self._seat.duration, 2 * TIMEOUT_SECONDS)):
                    if await self.take():
                        logger.info("This operator leads (%s)", self._seat.identity)
                        return True
                if not stands_by and self._holder():
                    logger.info("This operator stands by: %s leads", self._holder())
                    stands_by = True
                told = False
                left = max(0.05, self._expiry() - self._now())
                pause = left if self._watched else min(pause, left)
            except (ApiError, TimeoutError) as error:
                if not told:
                    logger.warning("The Lease %s cannot be had: %s", self._seat.name, _why(error))
                told = True
            await first_of(stop, self._freed, within=pause)
        return False

    async def follow(self) -> None:
        """Watch the Lease, forever. Without a watch, the candidate reads it as often as it would renew it."""
        url = path("leases", self._seat.namespace, group=LEASES)
        while True:
            began = self._now()
            try:
                async for event in self._kube.watch(url, self._seat.name, WATCH_SECONDS):
                    self._watched = True
                    self._heard(event)
            except ApiError as error:
                logger.debug("The Lease %s cannot be watched: %s", self._seat.name, error)
            finally:
                self._watched = False
            # Restart a watch that has lasted at once: changes in between would be seen late.
            await asyncio.sleep(max(0.1, self._seat.renew - (self._now() - began)))

    def _heard(self, event: Object) -> None:
        lease = event.get("object")
        if event.get("type") == "DELETED":
            lease = {}
        elif event.get("type") not in {"ADDED", "MODIFIED"} or not isinstance(lease, dict):
            return
        self._see(lease)
        if not self._holder():
            self._freed.set()
        self.changed()

    async def until_lost(self) -> None:
        """Keep the Lease; return when it is lost, early enough to stop before anybody can take it."""
        while self.held():
            await asyncio.sleep(max(0.0, self.due() - self._now()))
            if not await self.keep():
                break
        self._until = None

    def due(self) -> float:
        """Return when the Lease must be renewed, or when it expires if that is sooner (monotonic seconds)."""
        assert self._until is not None
        return min(self._sent + self._seat.renew, self._until)

    async def keep(self) -> bool:
        """Try to renew the Lease; return False if another operator has it. It may expire all the same."""
        # Two attempts fit: neither may a hanging connection use up all the time, nor a slow server be given up.
        patience = (self._seat.duration - self._seat.renew) / 2
        tried = self._now()
        try:
            async with asyncio.timeout(max(0.0, min((self._until or 0.0) - tried, patience))):
                await self.renew()
        except Superseded:
            logger.warning("Another operator has taken the Lease %s", self._seat.name)
            self._until = None
            return False
        except (ApiError, TimeoutError) as error:
            logger.warning("The Lease %s is not renewed: %s", self._seat.name, _why(error))
            # The pause before the next attempt is as long as after a success.
            self._sent = tried
        return True

    def drop(self) -> None:
        """Stop holding the Lease, and leave it to expire: others may hold it too."""
        self._until = None

    def left(self) -> float:
        """Return for how many seconds this operator may still act without a renewal."""
        return 0.0 if self._until is None else max(0.0, self._until - self._now())

    # Observing and requesting the Lease

    async def look(self) -> None:
        """Read the Lease, unless it is watched and was seen. Raises ApiError."""
        if self.takes_part and self._watched:
            return
        try:
            self._see(await self._kube.get(self._url()))
        except ApiError as error:
            if error.status != 404:
                raise
            self._see({})
        self.takes_part = True

    def holder(self) -> str | None:
        """Return the present holder of the Lease, as far as known; None for nobody."""
        if self.held():
            return self._seat.identity
        holder = self._holder()
        return holder if holder and not self._mine() and self._now() < self._expiry() else None

    def free_for(self) -> float:
        """Return for how many seconds nobody has held it, as far as known; below 0 while somebody does."""
        if not self.takes_part or self.held():
            return -1.0
        since = self._unchanged_since if self._mine() else self._expiry()
        return self._now() - since

    def asked_by(self) -> str:
        """Return the other operator that requests this Lease; empty for none."""
        return bounded.annotation(self._record.get("metadata") or {}, ASK_ANNOTATION, ASK_MAX) or ""

    async def ask(self) -> None:
        """Request the Lease from its holder. Raises ApiError, 409 if it has changed since it was seen."""
        version = self._record["metadata"]["resourceVersion"]
        wish = {"resourceVersion": version, "annotations": {ASK_ANNOTATION: self._seat.identity}}
        self._see(await self._kube.patch(self._url(), {"metadata": wish}))

    async def release(self) -> None:
        """Release the Lease, so that another operator leads at once; if that takes too long, leave it to expire."""
        if self._until is None:
            return
        self._until = None
        try:
            async with asyncio.timeout(max(self._seat.renew, RELEASE_SECONDS)):
                try:
                    await self._write(self._record, holder=None)
                except ApiError as error:
                    if error.status != 409:
                        raise
                    # The last renewal was cut off, and arrived nevertheless.
                    if await self._still_ours():
                        await self._write(self._record, holder=None)
            logger.info("The Lease %s is given up", self._seat.name)
        except (ApiError, TimeoutError) as error:
            logger.warning("The Lease %s was not given up: %s", self._seat.name, _why(error))

    def _expiry(self) -> float:
        """Return when the record that was last seen may be taken (monotonic seconds)."""
        spec = self._record.get("spec") or {}
        if not spec.get("holderIdentity"):
            return self._unchanged_since
        # Its holder uses the duration that it has written, whatever is configured here.
        written = spec.get("leaseDurationSeconds")
        if not isinstance(written, int) or written <= 0:
            written = self._seat.duration
        return self._unchanged_since + min(float(written), LONGEST_SECONDS)

    async def take(self) -> bool:
        """Take the Lease if it is free; return False if another operator has it. Raises ApiError."""
        try:
            self._see(await self._kube.get(self._url()))
        except ApiError as error:
            if error.status != 404:
                raise
            self._record = {}
        self.takes_part = True
        if self._record and not self._mine() and self._now() < self._expiry():
            return False
        started = self._now()
        try:
            if self._seat.shared and self._mine():
                await self._join()
            else:
                await self._write(self._record, self._seat.identity)
        except ApiError as error:
            # Another candidate was faster.
            if error.status in OUTDATED:
                return False
            raise
        self._hold(started)
        return True

    async def renew(self) -> None:
        """Renew the Lease once. Raises Superseded, or ApiError if it is unknown whether it was renewed."""
        if not self._mine():
            # A watch has shown it already.
            raise Superseded
        started = self._now()
        try:
            if self._seat.shared:
                await self._join()
            else:
                await self._write(self._record, self._seat.identity)
        except ApiError as error:
            if error.status not in OUTDATED:
                raise
            # Changed by someone, or by an attempt of ours whose answer was lost. If another operator has held it
            # meanwhile, contend for it again, even if it is free: the leader must have seen all events.
            if not await self._still_ours():
                raise Superseded from None
            started = self._now()
            await self._write(self._record, self._seat.identity)
        self._hold(started)

    async def _join(self) -> None:
        """Renew a Lease that others hold too, whatever they have written meanwhile, as long as it is still held."""
        ours = {"op": "test", "path": "/spec/holderIdentity", "value": self._seat.identity}
        renewed: list[Object] = [{"op": "add", "path": "/spec/renewTime", "value": _written_now()}]
        duration = int(self._seat.duration)
        written = (self._record.get("spec") or {}).get("leaseDurationSeconds")
        if not isinstance(written, int) or written < duration:
            # Never a shorter one: other holders may use the written one.
            path_ = "/spec/leaseDurationSeconds"
            renewed.append({"op": "add", "path": path_, "value": duration})
        self._see(await self._kube.patch_tested(self._url(), [ours, *renewed]))

    async def _still_ours(self) -> bool:
        try:
            self._see(await self._kube.get(self._url()))
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return self._mine()

    def _hold(self, started: float) -> None:
        # A candidate counts from when it sees the renewal, which is after it was sent.
        self._sent = started
        self._until = started + self._seat.duration - self._seat.renew

    def _see(self, found: Object) -> None:
        if found.get("spec") != self._record.get("spec"):
            self._unchanged_since = self._now()
        self._record = found

    def _mine(self) -> bool:
        return self._holder() == self._seat.identity

    def _holder(self) -> str | None:
        holder: str | None = (self._record.get("spec") or {}).get("holderIdentity")
        return holder

    def _url(self) -> str:
        return path("leases", self._seat.namespace, self._seat.name, LEASES)

    async def _write(self, known: Object, holder: str | None) -> None:
        now = _written_now()
        before = known.get("spec") or {}
        spec: Object = {
            "holderIdentity": holder,
            "leaseDurationSeconds": int(self._seat.duration),
            "renewTime": now,
        }
        if holder is not None and before.get("holderIdentity") != holder:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = int(before.get("leaseTransitions") or 0) + bool(known)
        owner = service_account(self._seat.namespace) if "acquireTime" in spec else None
        owned: Object = {} if owner is None else {"ownerReferences": [owner]}
        asker = self.asked_by()
        if asker and (holder is None or asker in {self.refused, self._seat.identity}):
            owned["annotations"] = {ASK_ANNOTATION: None}
            self.refused = ""
        if known:
            version = {"resourceVersion": known["metadata"]["resourceVersion"]}
            written = await self._kube.patch(
                self._url(), {"metadata": version | owned, "spec": spec}
            )
        else:
            meta = {"name": self._seat.name, "namespace": self._seat.namespace} | owned
            lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta}
            written = await self._kube.create(
                path("leases", self._seat.namespace, group=LEASES), lease | {"spec": spec}
            )
        self._see(written)


def _written_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def first_of(*events: asyncio.Event, within: float) -> None:
    """Return when one of the events is set, or after this many seconds."""
    waits = {asyncio.create_task(event.wait()) for event in events}
    try:
        await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
        await asyncio.wait(waits)


def _why(error: Exception) -> str:
    return str(error) or "no answer in time"

"""Kopf's edge: events of tenants, Jobs and pods reach the engine; nothing else is Kopf's."""

from __future__ import annotations

import logging
from typing import Any

import kopf

from baileys_janitor.api.names import GROUP, PLURAL, VERSION
from baileys_janitor.controller.engine import Engine
from baileys_janitor.controller.kube import access
from baileys_janitor.controller.manifests import SELECTOR
from baileys_janitor.controller.watches import Watches, is_complete, is_over

Object = dict[str, Any]


CHUNK = 250
"""Objects a page of Kopf's lists: what is held at a time while ten thousand tenants come in."""


class NoDiffs(kopf.DiffBaseStorage):
    """Nothing to compare: events alone are handled, and copies of every object would be the dearest part of it."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        """Return an essence of nothing."""
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        """Return that nothing was stored."""
        return None

    def store(self, **_: Any) -> None:
        """Store nothing."""


def configure(settings: kopf.OperatorSettings) -> kopf.OperatorSettings:
    """Set Kopf up: no finalizers, no annotations of its own, no Events, only our own Jobs and pods."""
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.watching.chunk_size = CHUNK
    settings.watching.label_selectors["batch", "v1", "jobs"] = SELECTOR
    settings.watching.label_selectors["", "v1", "pods"] = SELECTOR
    # A worker that idles holds its task and the last object: at a start there would be thousands.
    settings.queueing.idle_timeout = 0.1
    settings.queueing.exit_timeout = 1.0
    settings.networking.error_backoffs = [0.5, 1, 2, 3, 5, 8, 10]
    settings.persistence.finalizer = f"{GROUP}/kopf"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    settings.persistence.diffbase_storage = NoDiffs()
    settings.process.ultimate_exiting_timeout = 30
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    return settings


async def connection() -> kopf.ConnectionInfo:
    """Return the access that the operator's own client uses, as Kopf takes it.

    Kopf's own in-cluster login asks DNS for the API server; the client goes by the pod's environment, which works
    while DNS does not.
    """
    found = await access()
    bearer = await found.get_api_key_with_prefix("BearerToken") or ""
    return kopf.ConnectionInfo(
        server=found.host,
        ca_path=found.ssl_ca_cert,
        insecure=not found.verify_ssl,
        username=found.username or None,
        password=found.password or None,
        scheme="Bearer" if bearer else None,
        token=bearer.removeprefix("Bearer ").removeprefix("bearer ") or None,
        certificate_path=found.cert_file,
        private_key_path=found.key_file,
    )


def register(engine: Engine, watches: Watches) -> kopf.OperatorRegistry:
    """Return a registry whose handlers feed `engine`, and `watches` with signs of life."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry, retries=10, backoff=3)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await connection()

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def tenant(event: Any, **_: Any) -> None:
        body = event["object"]
        watches.saw("tenants", body["metadata"]["namespace"])
        if event["type"] == "DELETED":
            meta = body["metadata"]
            engine.forget(meta["namespace"], meta["name"], meta["uid"])
        else:
            engine.observe(dict(body))

    @kopf.on.event("batch", "v1", "jobs", registry=registry)
    async def job(event: Any, **_: Any) -> None:
        meta = event["object"]["metadata"]
        watches.saw("jobs", meta["namespace"])
        # Whoever writes our labels must not make a watch look dead.
        known = engine.flights.find(meta["namespace"], meta["name"], meta["uid"]) is not None
        if event["type"] == "MODIFIED" and known and is_complete(event["object"]):
            watches.ended("jobs", meta["namespace"], meta["name"])
        engine.arrivals.job(event["type"] or "ADDED", event["object"])
        engine.nudge()

    @kopf.on.event("", "v1", "pods", registry=registry)
    async def pod(event: Any, **_: Any) -> None:
        meta, flight = event["object"]["metadata"], engine.arrivals.flight_of(event["object"])
        watches.saw("pods", meta["namespace"])
        if event["type"] == "MODIFIED" and flight is not None and is_over(event["object"]):
            watches.ended("pods", meta["namespace"], flight.name)
        engine.arrivals.pod(event["type"] or "ADDED", event["object"])
        engine.nudge()

    return registry

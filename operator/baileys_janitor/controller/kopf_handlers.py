"""Kopf's handlers: pass events of tenants, Jobs and pods to the reconciler; Kopf does nothing else.

Kopf runs in a thread of its own (`kopf_thread`): a handler only puts an event into the inbox of the operator's loop.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import kopf

from baileys_janitor.api.names import (
    GROUP,
    OPERATION_PLURAL,
    PLURAL,
    SET_PLURAL,
    STORE_PLURAL,
    VERSION,
)
from baileys_janitor.api.values import decoding
from baileys_janitor.controller.backups.manager import BackupManager
from baileys_janitor.controller.health.watch_audit import Watches, has_pods, is_complete, is_over
from baileys_janitor.controller.jobs.manifest import SELECTOR
from baileys_janitor.controller.jobs.tracker import (
    is_of_backup,
    is_of_operation,
    is_of_set,
    is_of_store,
    is_of_store_backup,
)
from baileys_janitor.controller.keystores.backups import KeyStoreBackups
from baileys_janitor.controller.keystores.reconciler import KeyStoreReconciler
from baileys_janitor.controller.kopf_streams import Receive
from baileys_janitor.controller.kube.client import access
from baileys_janitor.controller.operations.manager import OperationManager
from baileys_janitor.controller.reconciler import Reconciler
from baileys_janitor.controller.shards.layout import ALL, Shards
from baileys_janitor.controller.tenant_sets.reconciler import SetReconciler

Object = dict[str, Any]
Deliver = Callable[[Callable[[], None]], None]
"""Schedules a call in the operator's loop, after all earlier ones."""

CHUNK = 250
"""Objects in a page of Kopf's lists: the number held in memory at a time while ten thousand tenants are read."""
STREAM_SECONDS = 20
"""How long the API server keeps a watch open before Kopf requests it again from the last version. A connection that was
lost silently is noticed by then."""
OVERDUE_SECONDS = 5
"""Seconds after which the client ends a watch that the server should have ended."""
SHORT_STREAMS_FOR = 8
"""Maximum number of watched namespaces, three streams each, for which streams are short. With more, short streams would
cause too many requests, and a stream is requested again only after 70 silent seconds, which is Kopf's own rule."""


class NoDiffs(kopf.DiffBaseStorage):
    """Stores nothing to compare with: only events are handled, and copies of every object would take most of the
    memory.
    """

    def build(self, **_: Any) -> kopf.BodyEssence:
        """Return an essence of nothing."""
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        """Return that nothing was stored."""
        return None

    def store(self, **_: Any) -> None:
        """Store nothing."""


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether to log a line of Kopf; drop its traceback, which the operator logs itself."""
    record.exc_info = None
    # Kopf takes no signals in a thread; the operator handles them itself.
    return not str(record.msg).startswith("OS signals are ignored")


def configure(
    settings: kopf.OperatorSettings, namespaces: Sequence[str] = ()
) -> kopf.OperatorSettings:
    """Set Kopf up: no finalizers, no annotations of its own, no Events, only our own Jobs and pods."""
    for name in ("running", "orchestration"):
        logging.getLogger(f"kopf._core.reactor.{name}").addFilter(_is_news)
    if len(namespaces) <= SHORT_STREAMS_FOR:
        settings.watching.server_timeout = STREAM_SECONDS
        settings.watching.client_timeout = STREAM_SECONDS + OVERDUE_SECONDS
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.watching.chunk_size = CHUNK
    settings.watching.label_selectors["batch", "v1", "jobs"] = SELECTOR
    settings.watching.label_selectors["", "v1", "pods"] = SELECTOR
    # An idle worker holds its task and the last object: at a start there would be thousands.
    settings.queueing.idle_timeout = 0.1
    settings.queueing.exit_timeout = 1.0
    settings.networking.error_backoffs = [0.5, 1, 2, 3, 5, 8, 10]
    settings.persistence.finalizer = f"{GROUP}/kopf"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    settings.persistence.diffbase_storage = NoDiffs()
    # Kopf would kill the whole process. A thread of Kopf's that does not end is left behind instead.
    settings.process.ultimate_exiting_timeout = None
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    return settings


class _Connection(kopf.ConnectionInfo):
    """Checks the API server's certificate no more strictly than the operator's own client."""

    def as_ssl_context(self) -> ssl.SSLContext:
        context = super().as_ssl_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


async def connection() -> kopf.ConnectionInfo:
    """Return the access of the operator's own client in Kopf's form.

    Kopf's own in-cluster login asks DNS for the API server; the client uses the pod's environment, which works while
    DNS does not.
    """
    found = await access()
    bearer = await found.get_api_key_with_prefix("BearerToken") or ""
    return _Connection(
        server=found.host,
        ca_path=found.ssl_ca_cert,
        insecure=not found.verify_ssl,
        username=found.username or None,
        password=found.password or None,
        scheme="Bearer" if bearer else None,
        token=bearer.removeprefix("Bearer ").removeprefix("bearer ") or None,
        certificate_path=found.cert_file,
        private_key_path=found.key_file,
        proxy_url=found.proxy,
        # As for the client: HTTPS_PROXY is not for the API server.
        trust_env=False,
    )


def receiver(
    reconciler: Reconciler,
    watches: Watches,
    deliver: Deliver,
    stores: KeyStoreReconciler | None = None,
    sets: SetReconciler | None = None,
    shards: Shards = ALL,
) -> Receive:
    """Return the receiver of the events of a kind, in the plural: it passes each to its reconciler, through `deliver`.

    Objects of other shards belong to another replica: they only show that the watch is alive.
    """
    takers: dict[str, Callable[[str | None, Object], None]] = {
        PLURAL: partial(_tenant, reconciler, watches),
        "jobs": partial(_job, reconciler, stores, watches),
        "pods": partial(_pod, reconciler, stores, watches),
        OPERATION_PLURAL: partial(_operation, reconciler.operations),
    }
    takers |= {STORE_PLURAL: partial(_beside, stores)} if stores is not None else {}
    takers |= {SET_PLURAL: partial(_beside, sets)} if sets is not None else {}
    kinds = {PLURAL: "tenants", "jobs": "jobs", "pods": "pods"}

    def receive(plural: str, event: Any) -> None:
        body = event["object"]
        if shards.keeps(body):
            deliver(partial(takers[plural], event["type"], body))
        elif plural in kinds:
            namespace = decoding.text(decoding.part(body, "metadata").get("namespace"))
            deliver(partial(watches.saw, kinds[plural], namespace))

    return receive


def register(
    receive: Receive, *, stores: bool = False, sets: bool = False, operations: bool = False
) -> kopf.OperatorRegistry:
    """Return a registry for Kopf's watches, whose handlers pass events to `receive`.

    `stores`, `sets`, `operations`: whether the API server serves key stores, sets of tenants and operations.
    """
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry, retries=10, backoff=3)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await connection()

    kinds = [(GROUP, VERSION, PLURAL), ("batch", "v1", "jobs"), ("", "v1", "pods")]
    beside = {STORE_PLURAL: stores, SET_PLURAL: sets, OPERATION_PLURAL: operations}
    kinds += [(GROUP, VERSION, plural) for plural, served in beside.items() if served]
    for kind in kinds:
        _handle(registry, kind, receive)
    return registry


def _handle(registry: kopf.OperatorRegistry, kind: tuple[str, str, str], receive: Receive) -> None:
    # Kopf's stream is diverted (`kopf_streams`), so nothing arrives here; without the diversion, all events would.
    @kopf.on.event(*kind, registry=registry)
    async def handled(event: Any, **_: Any) -> None:
        receive(kind[2], event)


def _operation(operations: OperationManager, event: str | None, body: Object) -> None:
    meta = body["metadata"]
    if event == "DELETED":
        operations.forget(meta["namespace"], meta["name"], meta["uid"])
    else:
        operations.observe(dict(body))


def _beside(stores: KeyStoreReconciler | SetReconciler, event: str | None, body: Object) -> None:
    meta = body["metadata"]
    if event == "DELETED":
        stores.forget(meta["namespace"], meta["name"], meta["uid"])
    else:
        stores.observe(dict(body))


def _tenant(reconciler: Reconciler, watches: Watches, event: str | None, body: Object) -> None:
    meta = body["metadata"]
    watches.saw("tenants", meta["namespace"])
    if event == "DELETED":
        reconciler.forget(meta["namespace"], meta["name"], meta["uid"])
    else:
        reconciler.observe(dict(body))


def _owner(
    reconciler: Reconciler, stores: KeyStoreReconciler | None, body: Object
) -> Reconciler | BackupManager | OperationManager | KeyStoreReconciler | KeyStoreBackups | None:
    """Return the receiver of a Job or pod; None for that of a set, and of a key store if there are none."""
    if is_of_operation(body):
        return reconciler.operations
    if is_of_backup(body):
        return reconciler.backups
    if is_of_store_backup(body):
        return None if stores is None else stores.backups
    if is_of_set(body):
        return None
    return stores if is_of_store(body) else reconciler


def _job(
    reconciler: Reconciler,
    stores: KeyStoreReconciler | None,
    watches: Watches,
    event: str | None,
    body: Object,
) -> None:
    meta, owner = body["metadata"], _owner(reconciler, stores, body)
    watches.saw("jobs", meta["namespace"])
    if owner is None:
        return
    # Anybody who writes our labels must not make a watch look dead.
    known = owner.tracker.find(meta["namespace"], meta["name"], meta["uid"]) is not None
    if event == "MODIFIED" and known and is_complete(body):
        watches.ended("jobs", meta["namespace"], meta["name"])
    if known and has_pods(body):
        watches.has_pods(meta["namespace"], meta["name"])
    owner.results.job(event or "ADDED", body)
    owner.nudge()


def _pod(
    reconciler: Reconciler,
    stores: KeyStoreReconciler | None,
    watches: Watches,
    event: str | None,
    body: Object,
) -> None:
    meta, owner = body["metadata"], _owner(reconciler, stores, body)
    watches.saw("pods", meta["namespace"])
    if owner is None:
        return
    tracked = owner.results.tracked_job(body)
    if event == "MODIFIED" and tracked is not None and is_over(body):
        watches.ended("pods", meta["namespace"], tracked.name)
    owner.results.pod(event or "ADDED", body)
    owner.nudge()

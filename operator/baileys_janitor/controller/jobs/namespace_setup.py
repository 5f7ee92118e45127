"""Prepares a namespace for its first Job: a NetworkPolicy that denies its pods all traffic, and pull secrets.

Only if the configuration grants it. Both are a second line of defence: a Job runs without them, with a warning.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any

from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.jobs.manifest import ACTION_LABEL
from baileys_janitor.controller.jobs.placement import OWN_LABEL, OWN_VALUE
from baileys_janitor.controller.jobs.tracker import (
    OBJECT_STORE_ACTIONS,
    STORE_ACTIONS,
    STORE_BACKUP_ACTIONS,
)
from baileys_janitor.controller.kube.client import ApiError, Kube, path

Object = dict[str, Any]
logger = logging.getLogger("janitor.jobs")

NETWORKING = "/apis/networking.k8s.io/v1"
POLICY = "baileys-janitor-jobs"
DATABASE_POLICY = "baileys-janitor-key-stores"
STORE_POLICY = "baileys-janitor-backups"
STORE_BACKUP_POLICY = "baileys-janitor-key-store-backups"
MANAGED = {OWN_LABEL: OWN_VALUE}
"""Label of the operator's objects in tenants' namespaces; it distinguishes them from other objects."""
CHECK_AGAIN_SECONDS = 3600.0
"""Seconds after which a namespace is checked again, so that deleted objects are restored."""


def network_policy(namespace: str) -> Object:
    """Return the policy that denies the Jobs' pods all traffic: they need no network."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": POLICY, "namespace": namespace, "labels": dict(MANAGED)},
        "spec": {
            "podSelector": {
                "matchLabels": {OWN_LABEL: OWN_VALUE},
                "matchExpressions": [{"key": ACTION_LABEL, "operator": "Exists"}],
            },
            "policyTypes": ["Ingress", "Egress"],
        },
    }


def database_policy(namespace: str, egress: Sequence[Object]) -> Object:
    """Return the policy that lets the Jobs of key stores reach databases; policies are additive."""
    return _egress_policy(namespace, DATABASE_POLICY, STORE_ACTIONS, egress)


def store_policy(namespace: str, egress: Sequence[Object]) -> Object:
    """Return the policy that lets the Jobs of backups and restores reach object stores."""
    return _egress_policy(namespace, STORE_POLICY, OBJECT_STORE_ACTIONS, egress)


def store_backup_policy(namespace: str, egress: Sequence[Object]) -> Object:
    """Return the policy that lets the Jobs of key stores' backups reach both."""
    return _egress_policy(namespace, STORE_BACKUP_POLICY, STORE_BACKUP_ACTIONS, egress)


def _egress_policy(
    namespace: str, name: str, actions: Iterable[str], egress: Sequence[Object]
) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(MANAGED)},
        "spec": {
            "podSelector": {
                "matchLabels": {OWN_LABEL: OWN_VALUE},
                "matchExpressions": [
                    {"key": ACTION_LABEL, "operator": "In", "values": sorted(actions)}
                ],
            },
            "policyTypes": ["Egress"],
            "egress": list(egress),
        },
    }


class NamespaceSetup:
    """Prepares namespaces for Jobs; `home` is the operator's own, the source of the pull secrets.

    `databases` are the rules of `database_policy`, for namespaces with key stores, `stores` those of `store_policy`,
    for namespaces with backups.
    """

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        *,
        policy: bool,
        secrets: Sequence[str] = (),
        home: str = "",
        databases: Sequence[Object] = (),
        stores: Sequence[Object] = (),
    ) -> None:
        self._kube = kube
        self._clock = clock
        self._policy = policy
        self._databases = tuple(databases)
        self._stores = tuple(stores)
        self._secrets = tuple(secrets) if home else ()
        self._home = home
        self._ready_until: dict[str, float] = {}
        self._warned: set[str] = set()

    async def prepare(self, namespace: str) -> None:
        """Ensure that the namespace has all it needs; never raise an error."""
        await self._prepare(namespace)

    async def prepare_for_store(self, namespace: str) -> None:
        """Do the same before a Job of a key store."""
        await self._prepare(namespace, database_policy, self._databases)

    async def prepare_for_backup(self, namespace: str) -> None:
        """Do the same before a Job of a backup or a restore."""
        await self._prepare(namespace, store_policy, self._stores)

    async def prepare_for_store_backup(self, namespace: str) -> None:
        """Do the same before a Job of a key store's backup."""
        await self._prepare(namespace, store_backup_policy, [*self._databases, *self._stores])

    async def _prepare(
        self,
        namespace: str,
        own: Callable[[str, Sequence[Object]], Object] | None = None,
        egress: Sequence[Object] = (),
    ) -> None:
        now = self._clock.monotonic()
        key = namespace if own is None else f"{namespace}/{own.__name__}"
        if self._ready_until.get(key, now) > now:
            return
        self._ready_until = {n: t for n, t in self._ready_until.items() if t > now}
        done = True
        policies = [network_policy(namespace)] if self._policy else []
        if policies and own is not None and egress:
            policies.append(own(namespace, egress))
        for policy in policies:
            step = partial(self._ensure, policy)
            done = await self._careful("NetworkPolicies", step, namespace) and done
        if self._secrets and namespace != self._home:
            copy = partial(self._copy_secrets, namespace)
            done = await self._careful("pull secrets", copy, namespace) and done
        if done:
            self._ready_until[key] = now + CHECK_AGAIN_SECONDS

    async def _careful(
        self, what: str, step: Callable[[], Awaitable[None]], namespace: str
    ) -> bool:
        """Carry out a step; return False if it should be tried again before the next Job."""
        try:
            await step()
        except ApiError as error:
            # A request that is forbidden here is most likely forbidden everywhere: log it once.
            key = what if error.status == 403 else f"{what} {namespace} {error.status}"
            if key not in self._warned:
                self._warned.add(key)
                logger.warning("%s: %s are not as they should be: %s", namespace, what, error)
            return error.status == 403
        return True

    async def _ensure(self, policy: Object) -> None:
        # Leave an existing policy alone: an administrator may have changed it on purpose.
        meta = policy["metadata"]
        where = path("networkpolicies", meta["namespace"], meta["name"], NETWORKING)
        if await self._find(where) is None:
            url = path("networkpolicies", meta["namespace"], group=NETWORKING)
            await self._create(url, policy)

    async def _copy_secrets(self, namespace: str) -> None:
        for name in self._secrets:
            source = await self._find(path("secrets", self._home, name))
            if source is None:
                self._once(name, "The pull secret %s is not in the operator's namespace", name)
                continue
            content: Object = {"type": source.get("type"), "data": source.get("data") or {}}
            here = await self._find(path("secrets", namespace, name))
            if here is None:
                await self._create(path("secrets", namespace), _copy(name, namespace, content))
            elif content["data"] == (here.get("data") or {}):
                continue
            elif not _ours(here):
                told = "%s: the secret %s is another's and differs from the operator's; it is left"
                self._once(f"{namespace}/{name}", told, namespace, name)
            else:
                version = {"resourceVersion": here["metadata"]["resourceVersion"]}
                # A merge patch keeps keys that are gone from the source: remove them by name.
                gone = dict.fromkeys(set(here.get("data") or {}) - set(content["data"]))
                body = {"metadata": version, "data": content["data"] | gone}
                await self._kube.patch(path("secrets", namespace, name), body)

    async def _find(self, url: str) -> Object | None:
        try:
            return await self._kube.get(url)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def _create(self, url: str, body: Object) -> None:
        try:
            await self._kube.create(url, body)
        except ApiError as error:
            # Another operator, or the preparation for another Job, was faster.
            if error.reason != "AlreadyExists":
                raise

    def _once(self, key: str, told: str, *arguments: str) -> None:
        if key not in self._warned:
            self._warned.add(key)
            logger.warning(told, *arguments)


def _copy(name: str, namespace: str, content: Object) -> Object:
    meta = {"name": name, "namespace": namespace, "labels": dict(MANAGED)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta} | content


def _ours(found: Object) -> bool:
    labels = found["metadata"].get("labels") or {}
    return MANAGED.items() <= labels.items()

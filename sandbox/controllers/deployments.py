"""Deployments and ReplicaSets: a set of pods for each template, of which the newest is active."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Final

from sandbox.client import ApiError, Client, Object
from sandbox.controllers import owned
from sandbox.controllers.owned import PODS, Owned
from sandbox.controllers.queue import WorkQueue
from sandbox.controllers.recorder import Recorder
from sandbox.informer import Informers, Key, key

DEPLOYMENTS: Final = "apps/v1/deployments"
SETS: Final = "apps/v1/replicasets"
HASH_LABEL: Final = "pod-template-hash"
_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"


def template_hash(template: Object) -> str:
    """Return the hash that names the ReplicaSet of a template."""
    text = json.dumps(template, sort_keys=True).encode()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in hashlib.sha256(text).digest()[:10])


class ReplicaSets:
    """Keeps the number of pods of each ReplicaSet."""

    def __init__(self, client: Client, informers: Informers) -> None:
        self._client = client
        self._sets = informers.get(SETS)
        self._pods = informers.get(PODS)
        self._recorder = Recorder(client, "replicaset-controller")
        self._queue = WorkQueue("replica set", self._reconcile)
        self._owned = Owned(self._pods, "ReplicaSet", self._queue.add)
        self._sets.listen(lambda _kind, value, _before: self._queue.add(key(value)))

    async def run(self) -> None:
        await self._queue.run()

    async def _reconcile(self, at: Key) -> None:
        value = self._sets.items.get(at)
        if value is None or owned.is_leaving(value):
            return
        pods = [pod for pod in self._owned.of(value) if not owned.is_leaving(pod)]
        ended = [pod for pod in pods if owned.is_ended(pod)]
        active = [pod for pod in pods if not owned.is_ended(pod)]
        for pod in ended:
            await owned.delete(self._client, PODS, pod)
        missing = value["spec"]["replicas"] - len(active)
        if missing > 0 and ended:
            self._queue.after(owned.RESTART_SECONDS, at)
        else:
            for _ in range(missing):
                await self._create(value)
        # Delete pods that are not ready first, then the youngest.
        order = sorted(active, key=lambda pod: (owned.is_ready(pod), owned.age(pod)))
        for pod in order[: max(-missing, 0)]:
            await owned.delete(self._client, PODS, pod)
        ready = sum(owned.is_ready(pod) for pod in active)
        counts = {"readyReplicas": ready, "availableReplicas": ready}
        labelled = {"fullyLabeledReplicas": len(active), "replicas": len(active)}
        await owned.write_status(self._client, self._sets, SETS, value, {**counts, **labelled})

    async def _create(self, value: Object) -> None:
        prefix = f"{value['metadata']['name'][:57]}-"
        pod = owned.pod_of(value, "apps/v1", "ReplicaSet", generateName=prefix)
        try:
            created = await self._client.create(PODS, value["metadata"]["namespace"], pod)
        except ApiError as error:
            text = f"Error creating: {error.message}"
            await self._recorder.record(
                "ReplicaSet", "apps/v1", value, "Warning", "FailedCreate", text
            )
            raise
        # At once: the next reconcile must not create a second one.
        self._pods.remember(created)


class Deployments:
    """Keeps the ReplicaSet of each Deployment's template active. Old sets are removed when the new one is ready."""

    def __init__(self, client: Client, informers: Informers) -> None:
        self._client = client
        self._deployments = informers.get(DEPLOYMENTS)
        self._sets = informers.get(SETS)
        self._queue = WorkQueue("deployment", self._reconcile)
        self._owned = Owned(self._sets, "Deployment", self._queue.add)
        self._pods = informers.get(PODS)
        self._of_sets = Owned(self._pods, "ReplicaSet", self._pods_changed)
        self._deployments.listen(lambda _kind, value, _before: self._queue.add(key(value)))

    async def run(self) -> None:
        await self._queue.run()

    def _pods_changed(self, at: Key) -> None:
        owners = (self._sets.items.get(at) or {"metadata": {}})["metadata"].get("ownerReferences")
        for owner in owners or ():
            self._queue.add((at[0], owner["name"]))

    async def _reconcile(self, at: Key) -> None:
        value = self._deployments.items.get(at)
        if value is None or owned.is_leaving(value):
            return
        spec = value["spec"]
        name = f"{at[1]}-{template_hash(spec['template'])}"
        sets = {each["metadata"]["name"]: each for each in self._owned.of(value)}
        old = [each for each in sets.values() if each["metadata"]["name"] != name]
        recreate = (spec.get("strategy") or {}).get("type") == "Recreate"
        new = sets.get(name)
        if recreate and any(self._of_sets.of(each) for each in old):
            # Remove all old pods before the first new one.
            for each in old:
                await self._scale(each, 0)
        else:
            if new is None:
                new = await self._create(value, name)
            await self._scale(new, spec["replicas"])
            if _ready(new) >= spec["replicas"]:
                for each in old:
                    await self._scale(each, 0)
        await self._report(value, old, new)

    async def _create(self, value: Object, name: str) -> Object:
        spec = copy.deepcopy(value["spec"])
        labels = {HASH_LABEL: name.rpartition("-")[2]}
        template = spec["template"]
        about = template.setdefault("metadata", {})
        about["labels"] = (about.get("labels") or {}) | labels
        selector = spec["selector"]
        selector["matchLabels"] = (selector.get("matchLabels") or {}) | labels
        namespace = value["metadata"]["namespace"]
        body: Object = {
            "metadata": {
                "name": name,
                "labels": about["labels"],
                "ownerReferences": [owned.reference(value, "apps/v1", "Deployment")],
            },
            "spec": {
                "replicas": spec["replicas"],
                "selector": selector,
                "template": template,
            },
        }
        created = await self._client.create(SETS, namespace, body)
        self._sets.remember(created)
        return created

    async def _scale(self, value: Object, replicas: int) -> None:
        if value["spec"]["replicas"] == replicas:
            return
        body = {"spec": {"replicas": replicas}}
        self._sets.remember(await self._client.patch(SETS, *key(value), body))

    async def _report(self, value: Object, old: list[Object], new: Object | None) -> None:
        sets = [*old, *([new] if new is not None else [])]
        ready = sum(map(_ready, sets))
        wanted = value["spec"]["replicas"]
        status: Object = {
            "replicas": sum(map(_count, sets)),
            "updatedReplicas": _count(new) if new is not None else 0,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": max(wanted - ready, 0),
        }
        await owned.write_status(self._client, self._deployments, DEPLOYMENTS, value, status)


def _ready(value: Object) -> int:
    return int((value.get("status") or {}).get("readyReplicas") or 0)


def _count(value: Object) -> int:
    return int((value.get("status") or {}).get("replicas") or 0)

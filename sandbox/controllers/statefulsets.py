"""StatefulSets: numbered pods, one after the other, each with claims of its own."""

from __future__ import annotations

import copy
from typing import Final

from sandbox.client import ApiError, Client, Object
from sandbox.controllers import owned
from sandbox.controllers.claims import CLAIMS
from sandbox.controllers.deployments import template_hash
from sandbox.controllers.owned import PODS, Owned
from sandbox.controllers.queue import WorkQueue
from sandbox.informer import Informers, Key, key

STATEFULSETS: Final = "apps/v1/statefulsets"
REVISION_LABEL: Final = "controller-revision-hash"


class StatefulSets:
    """Keeps the pods `NAME-0` to `NAME-(replicas-1)`, and no others."""

    def __init__(self, client: Client, informers: Informers) -> None:
        self._client = client
        self._values = informers.get(STATEFULSETS)
        self._pods = informers.get(PODS)
        self._queue = WorkQueue("stateful set", self._reconcile)
        self._owned = Owned(self._pods, "StatefulSet", self._queue.add)
        self._values.listen(lambda _kind, value, _before: self._queue.add(key(value)))

    async def run(self) -> None:
        await self._queue.run()

    async def _reconcile(self, at: Key) -> None:
        value = self._values.items.get(at)
        if value is None or owned.is_leaving(value):
            return
        pods = {pod["metadata"]["name"]: pod for pod in self._owned.of(value)}
        await self._advance(at, value, pods)
        there = [pod for pod in self._owned.of(value) if not owned.is_leaving(pod)]
        ready = sum(map(owned.is_ready, there))
        revision = template_hash(value["spec"]["template"])
        counts = {"replicas": len(there), "readyReplicas": ready, "availableReplicas": ready}
        new = sum(pod["metadata"]["labels"].get(REVISION_LABEL) == revision for pod in there)
        status = {**counts, "updatedReplicas": new, "currentReplicas": new}
        status["updateRevision"] = status["currentRevision"] = f"{at[1]}-{revision}"
        await owned.write_status(self._client, self._values, STATEFULSETS, value, status)

    async def _advance(self, at: Key, value: Object, pods: dict[str, Object]) -> None:
        """Take one step, or with `podManagementPolicy: Parallel` all of them."""
        spec = value["spec"]
        at_once = spec.get("podManagementPolicy") == "Parallel"
        wanted = [f"{at[1]}-{number}" for number in range(spec["replicas"])]
        for name in wanted:
            pod = pods.get(name)
            if pod is None:
                await self._create(value, name)
            elif owned.is_ended(pod):
                # Once it is gone, a pod of the same name is created.
                left = owned.RESTART_SECONDS - owned.age(pod)
                if left > 0:
                    self._queue.after(left, at)
                elif not owned.is_leaving(pod):
                    await owned.delete(self._client, PODS, pod)
            elif owned.is_ready(pod) and not owned.is_leaving(pod):
                continue
            if not at_once:
                return
        for name in sorted(set(pods) - set(wanted), key=_number, reverse=True):
            if not owned.is_leaving(pods[name]):
                await owned.delete(self._client, PODS, pods[name])
            if not at_once:
                return
        await self._update(value, [pods[name] for name in wanted if name in pods])

    async def _update(self, value: Object, pods: list[Object]) -> None:
        """Replace the last pod that has an old template, once all are ready."""
        revision = template_hash(value["spec"]["template"])
        for pod in reversed(pods):
            if pod["metadata"]["labels"].get(REVISION_LABEL) != revision:
                if not owned.is_leaving(pod):
                    await owned.delete(self._client, PODS, pod)
                return

    async def _create(self, value: Object, name: str) -> None:
        namespace = value["metadata"]["namespace"]
        pod = owned.pod_of(value, "apps/v1", "StatefulSet", name=name)
        pod["metadata"]["labels"] |= {
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": name.rpartition("-")[2],
            REVISION_LABEL: template_hash(value["spec"]["template"]),
        }
        pod["spec"]["hostname"] = name
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
        for template in value["spec"].get("volumeClaimTemplates") or ():
            own = template["metadata"]["name"]
            claim = f"{own}-{name}"
            volumes[own] = {"name": own, "persistentVolumeClaim": {"claimName": claim}}
            await self._claim(namespace, claim, template)
        pod["spec"]["volumes"] = list(volumes.values())
        self._pods.remember(await self._client.create(PODS, namespace, pod))

    async def _claim(self, namespace: str, name: str, template: Object) -> None:
        body = {"metadata": {"name": name}, "spec": copy.deepcopy(template["spec"])}
        try:
            await self._client.create(CLAIMS, namespace, body)
        except ApiError as error:
            if error.status != 409:
                raise


def _number(name: str) -> int:
    tail = name.rpartition("-")[2]
    return int(tail) if tail.isdigit() else -1

"""The scheduler: a node for each pod, or the reason why there is none."""

from __future__ import annotations

from typing import Any, Final

from sandbox.client import ApiError, Client, Object
from sandbox.controllers.claims import (
    CLAIMS,
    CLASSES,
    SELECTED_NODE,
    VOLUMES,
    is_active,
    used_claims,
)
from sandbox.controllers.queue import WorkQueue
from sandbox.controllers.recorder import Recorder
from sandbox.informer import Informers, Key, key
from sandbox.server.times import now

_PODS: Final = "v1/pods"


class UnschedulableError(Exception):
    """No node fits; the text is the reason."""


class Scheduler:
    """Places pods by affinity, taints and volumes; CPU and memory are ignored."""

    def __init__(self, client: Client, informers: Informers) -> None:
        self._client = client
        self._pods = informers.get(_PODS)
        self._nodes = informers.get("v1/nodes")
        self._claims = informers.get(CLAIMS)
        self._volumes = informers.get(VOLUMES)
        self._classes = informers.get(CLASSES)
        self._recorder = Recorder(client, "default-scheduler")
        self._queue = WorkQueue("pod", self._reconcile)
        self._pending: set[Key] = set()
        self._turn = 0
        self._pods.listen(self._pod_changed)
        for informer in (self._nodes, self._claims, self._volumes, self._classes):
            informer.listen(lambda *_: self._retry())

    async def run(self) -> None:
        await self._queue.run()

    def _pod_changed(self, kind: str, pod: Object, before: Object | None) -> None:
        at = key(pod)
        if kind == "DELETED" or pod["spec"].get("nodeName"):
            self._pending.discard(at)
            if kind == "DELETED" or (is_active(before or pod) and not is_active(pod)):
                self._retry()
        elif at not in self._pending and is_active(pod):
            self._pending.add(at)
            self._queue.add(at)

    def _retry(self) -> None:
        for at in self._pending:
            self._queue.add(at)

    async def _reconcile(self, at: Key) -> None:
        pod = self._pods.items.get(at)
        if pod is None or pod["spec"].get("nodeName") or pod["metadata"].get("deletionTimestamp"):
            return
        if pod["spec"].get("schedulerName", "default-scheduler") != "default-scheduler":
            return
        try:
            node = self._choose(pod)
            if not await self._claims_bound(pod, node):
                return
        except UnschedulableError as error:
            await self._refuse(pod, str(error))
            return
        await self._bind(pod, node)

    def _choose(self, pod: Object) -> str:
        total = len(self._nodes.items)
        hopeless = self._claim_trouble(pod)
        if hopeless:
            raise UnschedulableError(_worded(total, hopeless))
        refusals: dict[str, int] = {}
        fitting = []
        for (_, name), node in sorted(self._nodes.items.items()):
            if reason := self._node_trouble(pod, node):
                refusals[reason] = refusals.get(reason, 0) + 1
            else:
                fitting.append(name)
        if not fitting:
            reasons = ", ".join(f"{count} {text}" for text, count in sorted(refusals.items()))
            raise UnschedulableError(_worded(total, reasons or "no nodes available"))
        self._turn += 1
        return fitting[self._turn % len(fitting)]

    def _claim_trouble(self, pod: Object) -> str:
        namespace = pod["metadata"]["namespace"]
        for name in used_claims(pod):
            claim = self._claims.items.get((namespace, name))
            if claim is None:
                return f'persistentvolumeclaim "{name}" not found'
            if claim["metadata"].get("deletionTimestamp"):
                return f'persistentvolumeclaim "{name}" is being deleted'
            if not _is_bound(claim) and not self._waits(claim):
                return "pod has unbound immediate PersistentVolumeClaims"
            alone = "ReadWriteOncePod" in (claim["spec"].get("accessModes") or ())
            if alone and self._taken(pod, name):
                return (
                    "node has pod using PersistentVolumeClaim with the same name and "
                    "ReadWriteOncePod access mode"
                )
        return ""

    def _waits(self, claim: Object) -> bool:
        name = claim["spec"].get("storageClassName") or ""
        storage_class = self._classes.items.get(("", name)) or {}
        return storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"

    def _taken(self, pod: Object, claim: str) -> bool:
        return any(
            other["spec"].get("nodeName")
            and is_active(other)
            and at[0] == pod["metadata"]["namespace"]
            and at != key(pod)
            and claim in used_claims(other)
            for at, other in self._pods.items.items()
        )

    def _node_trouble(self, pod: Object, node: Object) -> str:
        spec, labels = pod["spec"], node["metadata"].get("labels") or {}
        if node["spec"].get("unschedulable"):
            return "node(s) were unschedulable"
        selector = spec.get("nodeSelector") or {}
        affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
            "requiredDuringSchedulingIgnoredDuringExecution"
        )
        if any(labels.get(k) != v for k, v in selector.items()) or not _matches(affinity, node):
            return "node(s) didn't match Pod's node affinity/selector"
        for taint in node["spec"].get("taints") or ():
            tolerated = any(_tolerates(t, taint) for t in spec.get("tolerations") or ())
            if taint["effect"] in ("NoSchedule", "NoExecute") and not tolerated:
                return "node(s) had untolerated taint(s)"
        for name in used_claims(pod):
            claim = self._claims.items[pod["metadata"]["namespace"], name]
            volume = self._volumes.items.get(("", claim["spec"].get("volumeName") or ""))
            tied = ((volume or {"spec": {}})["spec"].get("nodeAffinity") or {}).get("required")
            if not _matches(tied, node):
                return "node(s) didn't match PersistentVolume's node affinity"
        return ""

    async def _claims_bound(self, pod: Object, node: str) -> bool:
        """Return whether all claims are bound; for claims that wait for a consumer, annotate this node."""
        namespace, bound = pod["metadata"]["namespace"], True
        for name in used_claims(pod):
            claim = self._claims.items[namespace, name]
            if _is_bound(claim):
                continue
            bound = False
            if not (claim["metadata"].get("annotations") or {}).get(SELECTED_NODE):
                body = {"metadata": {"annotations": {SELECTED_NODE: node}}}
                self._claims.remember(await self._client.patch(CLAIMS, namespace, name, body))
        return bound

    async def _bind(self, pod: Object, node: str) -> None:
        namespace, name = key(pod)
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": namespace},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        try:
            await self._client.create(_PODS, namespace, body, "binding")
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            return
        text = f"Successfully assigned {namespace}/{name} to {node}"
        await self._recorder.record("Pod", "v1", pod, "Normal", "Scheduled", text)

    async def _refuse(self, pod: Object, message: str) -> None:
        conditions = (pod.get("status") or {}).get("conditions") or ()
        if any(c["type"] == "PodScheduled" and c.get("message") == message for c in conditions):
            return
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastTransitionTime": now(),
        }
        body = {"status": {"conditions": [condition]}}
        try:
            await self._client.patch(_PODS, *key(pod), body, sub="status", kind="strategic")
        except ApiError as error:
            if error.status != 404:
                raise
        await self._recorder.record("Pod", "v1", pod, "Warning", "FailedScheduling", message)


def _worded(total: int, reasons: str) -> str:
    return (
        f"0/{total} nodes are available: {reasons}. preemption: 0/{total} nodes are available: "
        f"{total} Preemption is not helpful for scheduling."
    )


def _is_bound(claim: Object) -> bool:
    return (claim.get("status") or {}).get("phase") == "Bound"


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return (toleration.get("key"), toleration.get("value", "")) == (
        taint["key"],
        taint.get("value", ""),
    )


def _matches(selector: Object | None, node: Object) -> bool:
    """Return whether a NodeSelector matches: any of its terms, all of a term's requirements."""
    if not selector:
        return True
    labels = node["metadata"].get("labels") or {}
    fields = {"metadata.name": node["metadata"]["name"]}
    return any(
        (term.get("matchExpressions") or term.get("matchFields"))
        and all(_holds(r, labels) for r in term.get("matchExpressions") or ())
        and all(_holds(r, fields) for r in term.get("matchFields") or ())
        for term in selector.get("nodeSelectorTerms") or ()
    )


def _holds(requirement: Object, values: dict[str, Any]) -> bool:
    value, wanted = values.get(requirement["key"]), requirement.get("values") or []
    return {
        "In": value in wanted,
        "NotIn": value not in wanted,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }.get(requirement["operator"], False)

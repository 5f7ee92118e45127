"""Simulates one Job request by request, as the programs of a cluster process it.

Job controller, scheduler, kubelet and garbage collector of a real 1.36 cluster send 29 requests for a Job of one
pod, besides its creation and deletion: 6 Events, 6 patches of the pod's status with a read before each, 5 writes
of the Job's status, the pod's creation, binding and deletion, a patch that removes the tracking finalizer, and
the reads of claim and volume. The script below sends exactly these.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.client import ApiError, Client
from sandbox.controllers.recorder import Recorder
from sandbox.server.times import now

Object = dict[str, Any]
JOBS: Final = "batch/v1/jobs"
PODS: Final = "v1/pods"
TRACKING: Final = "batch.kubernetes.io/job-tracking"
CONTROLLER, SCHEDULER, KUBELET = "kube-controller-manager", "kube-scheduler", "kubelet"

ONE_CLAIM, FIFTY_CLAIMS = 3.0, 5.0
"""Seconds from a Job's creation to Complete, as measured on an idle node; interpolated linearly."""
TO_RESULT = 1.0
"""Seconds between the pod's end and the Job's: the controller processes ended pods once a second."""


def duration(claims: int) -> float:
    """Return the seconds that a Job with this number of claims takes."""
    return ONE_CLAIM + (FIFTY_CLAIMS - ONE_CLAIM) * (max(claims, 1) - 1) / 49


@dataclass(slots=True)
class Seen:
    """One Job as the simulation saw it. Times are Unix seconds."""

    namespace: str
    name: str
    action: str
    members: list[str]
    created: float
    claims: int
    ended: float | None = None
    """The time at which its pod's result was available."""
    deleted: float | None = None


Message = Callable[[Object, float], bytes]
"""The termination message of a Job's pod, from the Job and the time (Unix seconds)."""


@dataclass(frozen=True, slots=True)
class Cast:
    """The simulated programs, each with its own client and Event recorder."""

    clients: Mapping[str, Client]
    recorders: Mapping[str, Recorder]


class Run:
    """The simulation of one Job, request by request."""

    def __init__(self, cast: Cast, job: Object, seen: Seen, message: Message) -> None:
        self.seen = seen
        self._cast = cast
        self._job = job
        self._message = message
        self._pod: Object = {}
        self._created = asyncio.Event()
        self._tracked = True
        self._began = time.monotonic()
        self._status: Object = {}
        self.completed = False

    async def run(self) -> None:
        """Run from the Job's creation to its end, or until it is deleted."""
        total = duration(self.seen.claims)
        await self._create_pod()
        await self._write_job(startTime=now(), active=1, ready=0, terminating=0)
        await self._bind()
        await self._start_containers()
        await self._at(total - TO_RESULT - 0.2)
        await self._pod_status("Running", {"running": {"startedAt": now()}})
        await self._write_job(ready=1)
        await self._at(total - TO_RESULT)
        await self._end_pod()
        await self._at(total)
        if self.seen.deleted is None:
            await self._complete()
        self.completed = True

    async def _at(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, self._began + seconds - time.monotonic()))

    async def _create_pod(self) -> None:
        meta, template = self._job["metadata"], self._job["spec"]["template"]
        own = template.get("metadata") or {}
        labels = (own.get("labels") or {}) | {
            "batch.kubernetes.io/job-name": meta["name"],
            "batch.kubernetes.io/controller-uid": meta["uid"],
            "job-name": meta["name"],
            "controller-uid": meta["uid"],
        }
        owner: Object = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": meta["name"],
            "uid": meta["uid"],
        }
        body: Object = {
            "metadata": {
                "generateName": f"{meta['name'][:57]}-",
                "labels": labels,
                "annotations": own.get("annotations") or {},
                "finalizers": [TRACKING],
                "ownerReferences": [owner | {"controller": True, "blockOwnerDeletion": True}],
            },
            "spec": template["spec"],
        }
        controller = self._cast.clients[CONTROLLER]
        self._pod = await controller.create(PODS, meta["namespace"], body)
        self._created.set()
        text = f"Created pod: {self._name}"
        await self._tell(CONTROLLER, "Job", self._job, "SuccessfulCreate", text)

    @property
    def _name(self) -> str:
        return str(self._pod["metadata"]["name"])

    @property
    def _namespace(self) -> str:
        return self.seen.namespace

    async def _bind(self) -> None:
        node = _node(self._pod)
        target = {"apiVersion": "v1", "kind": "Node", "name": node}
        about = {"name": self._name, "namespace": self._namespace}
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": about, "target": target}
        scheduler = self._cast.clients[SCHEDULER]
        await scheduler.create(PODS, self._namespace, body, "binding")
        text = f"Successfully assigned {self._namespace}/{self._name} to {node}"
        await self._tell(SCHEDULER, "Pod", self._pod, "Scheduled", text)

    async def _start_containers(self) -> None:
        waiting = {"waiting": {"reason": "ContainerCreating"}}
        await self._pod_status("Pending", waiting)
        await self._read_claim()
        await self._pod_status("Pending", waiting, PodReadyToStartContainers="True")
        for reason, text in (
            ("Pulled", "Container image already present on machine"),
            ("Created", "Container created"),
            ("Started", "Container started"),
        ):
            await self._tell(KUBELET, "Pod", self._pod, reason, text)

    async def _read_claim(self) -> None:
        """Read the claim and its volume, as the kubelet does before it mounts."""
        kubelet = self._cast.clients[KUBELET]
        volumes = self._pod["spec"].get("volumes") or ()
        names = [
            v["persistentVolumeClaim"]["claimName"] for v in volumes if "persistentVolumeClaim" in v
        ]
        if names:
            claim = await kubelet.get("v1/persistentvolumeclaims", self._namespace, names[0])
            await kubelet.get("v1/persistentvolumes", "", claim["spec"]["volumeName"])

    async def _end_pod(self) -> None:
        when = time.time()
        ended: Object = {
            "exitCode": 0,
            "reason": "Completed",
            "startedAt": now(),
            "finishedAt": now(),
            "message": self._message(self._job, when).decode("ascii"),
        }
        await self._pod_status("Running", {"terminated": ended}, Ready="False")
        await self._pod_status("Succeeded", {"terminated": ended}, Ready="False")
        self.seen.ended = time.time()
        await self._pod_status(
            "Succeeded", {"terminated": ended}, Ready="False", PodReadyToStartContainers="False"
        )

    async def _pod_status(self, phase: str, state: Object, **conditions: str) -> None:
        """Read the pod, then patch its status, as the kubelet does."""
        kubelet = self._cast.clients[KUBELET]
        container = self._pod["spec"]["containers"][0]
        running = "running" in state
        listed: Object = {
            "name": container["name"],
            "image": container["image"],
            "imageID": "sha256:" + "0" * 64,
            "restartCount": 0,
            "ready": running,
            "started": running,
            "lastState": {},
            "state": state,
        }
        status: Object = {
            "phase": phase,
            "containerStatuses": [listed],
            "conditions": [{"type": kind, "status": is_} for kind, is_ in conditions.items()],
        }
        body = {"metadata": {"uid": self._pod["metadata"]["uid"]}, "status": status}
        with _gone_is_fine():
            await kubelet.get(PODS, self._namespace, self._name)
            await kubelet.patch(
                PODS, self._namespace, self._name, body, sub="status", kind="strategic"
            )

    async def _complete(self) -> None:
        uid = self._pod["metadata"]["uid"]
        await self._write_job(active=0, ready=0, uncountedTerminatedPods={"succeeded": [uid]})
        await self._untrack()
        met = _condition("SuccessCriteriaMet")
        await self._write_job(succeeded=1, uncountedTerminatedPods={}, conditions=[met])
        await self._write_job(conditions=[met, _condition("Complete")], completionTime=now())
        await self._tell(CONTROLLER, "Job", self._job, "Completed", "Job completed")

    async def _write_job(self, **fields: Any) -> None:
        """Write the whole status with a PUT, as the Job controller does."""
        self._status = self._status | fields
        # The whole object, as the controller has it: a status write of a built-in kind includes the metadata.
        meta = {k: v for k, v in self._job["metadata"].items() if k != "resourceVersion"}
        body: Object = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta}
        body |= {"spec": self._job["spec"], "status": self._status}
        url = f"/apis/batch/v1/namespaces/{meta['namespace']}/jobs/{meta['name']}/status"
        if self.seen.deleted is None:
            with _gone_is_fine():
                await self._cast.clients[CONTROLLER].request("PUT", url, body)

    async def _untrack(self) -> None:
        self._tracked = False
        patch = {"metadata": {"uid": self._pod["metadata"]["uid"], "finalizers": None}}
        with _gone_is_fine():
            controller = self._cast.clients[CONTROLLER]
            await controller.patch(PODS, self._namespace, self._name, patch)

    async def collect(self) -> None:
        """Delete the pod of a deleted Job, after removing its tracking finalizer."""
        await self._created.wait()
        if self._tracked:
            await self._untrack()
        with _gone_is_fine():
            uid = self._pod["metadata"]["uid"]
            controller = self._cast.clients[CONTROLLER]
            await controller.delete(
                PODS, self._namespace, self._name, uid=uid, propagationPolicy="Background"
            )

    async def _tell(self, who: str, kind: str, about: Object, reason: str, text: str) -> None:
        version = "batch/v1" if kind == "Job" else "v1"
        recorder = self._cast.recorders[who]
        await recorder.record(kind, version, about, "Normal", reason, text)


def _node(pod: Object) -> str:
    """Return the node in the pod's affinity, with which the janitor pins its Jobs."""
    affinity = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if affinity:
        wanted = affinity["nodeSelectorTerms"][0]["matchFields"][0]["values"][0]
        return str(wanted)
    return "node-0000"


def _condition(kind: str) -> Object:
    return {
        "type": kind,
        "status": "True",
        "reason": "CompletionsReached",
        "message": "Reached expected number of succeeded pods",
        "lastProbeTime": now(),
        "lastTransitionTime": now(),
    }


@contextlib.contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except ApiError as error:
        if error.status not in {404, 409}:
            raise

"""The status that the kubelet writes for a pod."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.client import Object
from sandbox.node.container import Container
from sandbox.server.times import now

ADDRESS = "127.0.0.1"


def condition(name: str, *, true: bool, reason: str = "", message: str = "") -> Object:
    """A pod's condition; the strategic merge keeps the others."""
    found: Object = {"type": name, "status": "True" if true else "False", "lastProbeTime": None}
    found["lastTransitionTime"] = now()
    if reason:
        found["reason"] = reason
    if message:
        found["message"] = message
    return found


def container_status(spec: Object, state: Object, container: Container | None) -> Object:
    """One of containerStatuses."""
    running = "running" in state
    return {
        "name": spec["name"],
        "image": spec.get("image", ""),
        "imageID": f"sandbox://{spec.get('image', '')}" if container else "",
        "containerID": container.id if container and container.started else "",
        "lastState": {},
        "ready": running,
        "started": running,
        "restartCount": 0,
        "state": state,
    }


def pod_status(
    phase: str,
    started: str,
    containers: Iterable[Object],
    inits: Iterable[Object] = (),
    reason: str | None = None,
    message: str | None = None,
) -> Object:
    """A pod's status. `reason` and `message` are the pod's own, as in DeadlineExceeded."""
    ready = phase == "Running"
    why = {"Succeeded": "PodCompleted", "Failed": "PodFailed", "Pending": "ContainersNotReady"}
    not_ready = "" if ready else why.get(phase, "")
    status: Object = {
        "phase": phase,
        "startTime": started,
        "hostIP": ADDRESS,
        "hostIPs": [{"ip": ADDRESS}],
        "podIP": ADDRESS,
        "podIPs": [{"ip": ADDRESS}],
        "conditions": [
            condition("PodReadyToStartContainers", true=phase in ("Running",)),
            condition("Initialized", true=True),
            condition("Ready", true=ready, reason=not_ready),
            condition("ContainersReady", true=ready, reason=not_ready),
        ],
        "containerStatuses": list(containers),
    }
    if listed := list(inits):
        status["initContainerStatuses"] = listed
    if reason:
        status |= {"reason": reason, "message": message}
    return status

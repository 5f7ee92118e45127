"""The status that the kubelet writes for a pod."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sandbox.client import Object
from sandbox.node.container import Container
from sandbox.server.pod_rules import is_sidecar
from sandbox.server.times import now

ADDRESS: Final = "127.0.0.1"
_ENDED: Final = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}


def condition(name: str, *, true: bool, reason: str = "", message: str = "") -> Object:
    """Return a pod's condition; the strategic merge keeps the others."""
    found: Object = {"type": name, "status": "True" if true else "False", "lastProbeTime": None}
    found["lastTransitionTime"] = now()
    if reason:
        found["reason"] = reason
    if message:
        found["message"] = message
    return found


def container_status(
    spec: Object, state: Object, container: Container | None, *, init: bool = False
) -> Object:
    """Return one of containerStatuses, or of initContainerStatuses: those are ready once they have completed."""
    running = "running" in state
    done = init and not is_sidecar(spec)
    ready = state.get("terminated", {}).get("exitCode") == 0 if done else running
    return {
        "name": spec["name"],
        "image": spec.get("image", ""),
        "imageID": f"sandbox://{spec.get('image', '')}" if container else "",
        "containerID": container.id if container and container.started else "",
        "lastState": {},
        "ready": ready,
        "started": running,
        "restartCount": 0,
        "state": state,
    }


def pod_status(
    spec: Object,
    phase: str,
    started: str,
    made: Mapping[str, Container],
    waiting: Mapping[str, Object],
    reason: str = "",
    message: str = "",
) -> Object:
    """Return a pod's status.

    Args:
        made: the containers created so far, by name.
        waiting: the states of uncreated containers with a known reason to wait.
        reason: with `message`, the pod's own, as in DeadlineExceeded.
    """
    inits, mains = spec.get("initContainers") or (), spec["containers"]
    first = {"waiting": {"reason": "PodInitializing" if inits else "ContainerCreating"}}

    def listed(specs: Iterable[Object], *, init: bool) -> list[Object]:
        found = []
        for each in specs:
            container = made.get(each["name"])
            state = container.state() if container and container.started else first
            state = waiting.get(each["name"], state)
            found.append(container_status(each, state, container, init=init))
        return found

    statuses, init_statuses = listed(mains, init=False), listed(inits, init=True)
    begun = any("waiting" not in each["state"] for each in statuses)
    status: Object = {
        "phase": phase,
        "startTime": started,
        "hostIP": ADDRESS,
        "hostIPs": [{"ip": ADDRESS}],
        "podIP": ADDRESS,
        "podIPs": [{"ip": ADDRESS}],
        "conditions": _conditions(phase, statuses, init_statuses, begun=begun),
        "containerStatuses": statuses,
    }
    if init_statuses:
        status["initContainerStatuses"] = init_statuses
    if reason:
        status |= {"reason": reason, "message": message}
    if reason == "Evicted":
        said = condition(
            "DisruptionTarget", true=True, reason="TerminationByKubelet", message=message
        )
        status["conditions"].append(said)
    return status


def _conditions(
    phase: str, statuses: list[Object], inits: list[Object], *, begun: bool
) -> list[Object]:
    unready = " ".join(each["name"] for each in statuses if not each["ready"])
    ready = phase == "Running" and not unready
    why = said = ""
    if phase in _ENDED:
        why = _ENDED[phase]
    elif unready:
        why, said = "ContainersNotReady", f"containers with unready status: [{unready}]"
    left = " ".join(each["name"] for each in inits if not each["ready"])
    initialized = condition("Initialized", true=True)
    if left and not begun:
        initialized = condition(
            "Initialized",
            true=False,
            reason="ContainersNotInitialized",
            message=f"containers with incomplete status: [{left}]",
        )
    started = phase == "Running" or any("running" in each["state"] for each in inits)
    return [
        condition("PodReadyToStartContainers", true=started),
        initialized,
        condition("Ready", true=ready, reason=why, message=said),
        condition("ContainersReady", true=ready, reason=why, message=said),
    ]

"""The columns of built-in kinds in `kubectl get`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sandbox.server.pod_rules import is_sidecar
from sandbox.server.store import Object
from sandbox.server.times import age, human, parse

Cell = Callable[[Object], Any]
# Name, type, whether only `-o wide` shows it, and the value's function.
Column = tuple[str, str, bool, Cell]


def _name(value: Object) -> Any:
    return value["metadata"]["name"]


def _age(value: Object) -> Any:
    return age(value["metadata"].get("creationTimestamp"))


def _at(*path: str, default: Any = "") -> Cell:
    def cell(value: Object) -> Any:
        found: Any = value
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return default if found is None else found

    return cell


NAME: Final[Column] = ("Name", "string", False, _name)
AGE: Final[Column] = ("Age", "string", False, _age)


def _pod_ready(pod: Object) -> str:
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    ready = sum(bool(status.get("ready")) for status in statuses)
    return f"{ready}/{len(pod['spec'].get('containers') or ())}"


def _pod_status(pod: Object) -> str:
    """Return the status as kubectl prints it: the progress of init containers until they are done."""
    status = pod.get("status") or {}
    shown = status.get("reason") or status.get("phase", "Unknown")
    statuses = status.get("containerStatuses") or []
    if initializing := _initializing(pod):
        shown = initializing
    else:
        # The first container with a reason wins.
        for container in reversed(statuses):
            state = container.get("state") or {}
            for part in ("terminated", "waiting"):
                if (state.get(part) or {}).get("reason"):
                    shown = state[part]["reason"]
        if shown == "Completed" and any("running" in (c.get("state") or {}) for c in statuses):
            shown = "NotReady"
    if pod["metadata"].get("deletionTimestamp") and status.get("phase") in ("Pending", "Running"):
        return "Terminating"
    return str(shown)


def _initializing(pod: Object) -> str:
    """Return the progress of the init containers, empty once they are done."""
    status, specs = pod.get("status") or {}, pod["spec"].get("initContainers") or []
    conditions = status.get("conditions") or ()
    if any(c["type"] == "Initialized" and c["status"] == "True" for c in conditions):
        return ""
    for at, container in enumerate(status.get("initContainerStatuses") or ()):
        state = container.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated")
        if ended is not None and ended.get("exitCode") == 0:
            continue
        if at < len(specs) and is_sidecar(specs[at]) and container.get("started"):
            continue
        if ended is not None:
            return f"Init:{ended.get('reason') or 'Error'}"
        if waiting.get("reason") not in (None, "PodInitializing"):
            return f"Init:{waiting['reason']}"
        return f"Init:{at}/{len(specs)}"
    return ""


def _restarts(pod: Object) -> str:
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return str(sum(status.get("restartCount", 0) for status in statuses))


def _job_status(job: Object) -> str:
    if job["metadata"].get("deletionTimestamp"):
        return "Terminating"
    true = {
        c["type"]
        for c in (job.get("status") or {}).get("conditions") or ()
        if c["status"] == "True"
    }
    for kind in ("Complete", "Failed", "SuccessCriteriaMet", "FailureTarget", "Suspended"):
        if kind in true:
            return kind
    return "Running"


def _completions(job: Object) -> str:
    done = (job.get("status") or {}).get("succeeded", 0)
    return f"{done}/{job['spec'].get('completions', 1)}"


def _duration(job: Object) -> str:
    status = job.get("status") or {}
    if not status.get("startTime"):
        return ""
    if not status.get("completionTime"):
        return age(status["startTime"])
    took = parse(status["completionTime"]) - parse(status["startTime"])
    return human(int(took.total_seconds()))


def _template(part: str) -> Cell:
    def cell(job: Object) -> str:
        containers = job["spec"]["template"]["spec"].get("containers") or ()
        return ",".join(c.get(part, "") for c in containers)

    return cell


def _selector(job: Object) -> str:
    labels = (job["spec"].get("selector") or {}).get("matchLabels") or {}
    return ",".join(f"{k}={v}" for k, v in labels.items())


_MODES: Final = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _modes(value: Object) -> str:
    modes = value["spec"].get("accessModes") or ()
    return ",".join(_MODES.get(mode, mode) for mode in modes)


def _phase(value: Object) -> str:
    if value["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str((value.get("status") or {}).get("phase", ""))


def _bound_to(volume: Object) -> str:
    claim = volume["spec"].get("claimRef")
    return f"{claim['namespace']}/{claim['name']}" if claim else ""


def _event_seen(event: Object) -> str:
    series = event.get("series") or {}
    seen = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return age(seen or event["metadata"].get("creationTimestamp"))


def _event_count(event: Object) -> int:
    # The series of events.k8s.io/v1, else the count of core/v1; a single event may have neither.
    return int((event.get("series") or {}).get("count") or event.get("count") or 1)


def _event_object(event: Object) -> str:
    about = event.get("involvedObject") or {}
    return f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"


def _node_status(node: Object) -> str:
    conditions = (node.get("status") or {}).get("conditions") or ()
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    shown = "Ready" if ready else "NotReady"
    return f"{shown},SchedulingDisabled" if node["spec"].get("unschedulable") else shown


def _class_name(value: Object) -> str:
    annotations = value["metadata"].get("annotations") or {}
    default = annotations.get("storageclass.kubernetes.io/is-default-class") == "true"
    return f"{value['metadata']['name']} (default)" if default else value["metadata"]["name"]


def _ready_of(value: Object) -> str:
    done = (value.get("status") or {}).get("readyReplicas", 0)
    return f"{done}/{value['spec'].get('replicas', 1)}"


def _count(value: Object) -> int:
    return len(value.get("data") or ())


BUILTIN: Final[dict[tuple[str, str], tuple[Column, ...]]] = {
    ("", "pods"): (
        NAME,
        ("Ready", "string", False, _pod_ready),
        ("Status", "string", False, _pod_status),
        ("Restarts", "string", False, _restarts),
        AGE,
        ("IP", "string", True, _at("status", "podIP", default="<none>")),
        ("Node", "string", True, _at("spec", "nodeName", default="<none>")),
    ),
    ("batch", "jobs"): (
        NAME,
        ("Status", "string", False, _job_status),
        ("Completions", "string", False, _completions),
        ("Duration", "string", False, _duration),
        AGE,
        ("Containers", "string", True, _template("name")),
        ("Images", "string", True, _template("image")),
        ("Selector", "string", True, _selector),
    ),
    ("", "persistentvolumeclaims"): (
        NAME,
        ("Status", "string", False, _phase),
        ("Volume", "string", False, _at("spec", "volumeName")),
        ("Capacity", "string", False, _at("status", "capacity", "storage")),
        ("Access Modes", "string", False, _modes),
        ("StorageClass", "string", False, _at("spec", "storageClassName")),
        AGE,
        ("VolumeMode", "string", True, _at("spec", "volumeMode")),
    ),
    ("", "persistentvolumes"): (
        NAME,
        ("Capacity", "string", False, _at("spec", "capacity", "storage")),
        ("Access Modes", "string", False, _modes),
        ("Reclaim Policy", "string", False, _at("spec", "persistentVolumeReclaimPolicy")),
        ("Status", "string", False, _phase),
        ("Claim", "string", False, _bound_to),
        ("StorageClass", "string", False, _at("spec", "storageClassName")),
        AGE,
    ),
    ("", "events"): (
        ("Last Seen", "string", False, _event_seen),
        ("Type", "string", False, _at("type")),
        ("Reason", "string", False, _at("reason")),
        ("Object", "string", False, _event_object),
        ("Message", "string", False, lambda e: str(e.get("message", "")).strip()),
        ("Count", "integer", True, _event_count),
        ("Name", "string", True, _name),
    ),
    ("", "namespaces"): (NAME, ("Status", "string", False, _at("status", "phase")), AGE),
    ("", "nodes"): (
        NAME,
        ("Status", "string", False, _node_status),
        ("Roles", "string", False, lambda _: "<none>"),
        AGE,
        ("Version", "string", False, _at("status", "nodeInfo", "kubeletVersion")),
    ),
    ("coordination.k8s.io", "leases"): (
        NAME,
        ("Holder", "string", False, _at("spec", "holderIdentity")),
        AGE,
    ),
    ("", "configmaps"): (NAME, ("Data", "integer", False, _count), AGE),
    ("", "secrets"): (
        NAME,
        ("Type", "string", False, _at("type")),
        ("Data", "integer", False, _count),
        AGE,
    ),
    ("storage.k8s.io", "storageclasses"): (
        ("Name", "string", False, _class_name),
        ("Provisioner", "string", False, _at("provisioner")),
        ("ReclaimPolicy", "string", False, _at("reclaimPolicy")),
        ("VolumeBindingMode", "string", False, _at("volumeBindingMode")),
        AGE,
    ),
    ("scheduling.k8s.io", "priorityclasses"): (
        NAME,
        ("Value", "integer", False, _at("value", default=0)),
        ("Preemption-Policy", "string", False, _at("preemptionPolicy")),
        AGE,
    ),
    ("apps", "deployments"): (NAME, ("Ready", "string", False, _ready_of), AGE),
    ("apps", "statefulsets"): (NAME, ("Ready", "string", False, _ready_of), AGE),
    ("apiextensions.k8s.io", "customresourcedefinitions"): (
        NAME,
        ("Created At", "date", False, _at("metadata", "creationTimestamp")),
    ),
}
PLAIN: Final = (NAME, AGE)

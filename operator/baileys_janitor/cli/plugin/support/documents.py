"""The parts of each object in a bundle: fields that are known to be useful, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from baileys_janitor.api.bounded import mapping, objects, part
from baileys_janitor.api.names import GROUP, OPERATION_KIND
from baileys_janitor.api.status_readers import reader_of

_META: Final = ("namespace", "name", "creationTimestamp", "deletionTimestamp", "generation")
_FOR_THE_OPERATOR: Final = frozenset({"lastValid", "running"})
"""Fields of a status that repeat others or are of no use to people."""
_OF_A_JOB: Final = (
    "startTime",
    "completionTime",
    "active",
    "ready",
    "succeeded",
    "failed",
    "conditions",
)
_OF_A_POD: Final = ("phase", "reason", "message", "startTime", "conditions")
_OF_A_TERMINATION: Final = ("exitCode", "signal", "reason", "startedAt", "finishedAt")
_OF_A_DEPLOYMENT: Final = ("replicas", "readyReplicas", "updatedReplicas", "conditions")

Object = dict[str, Any]


def of_meta(found: Mapping[str, Any]) -> Object:
    """Return the metadata that identifies an object, with its labels and the janitor's annotations only."""
    meta = part(found, "metadata")
    own = {
        name: value
        for name, value in part(meta, "annotations").items()
        if str(name).startswith(f"{GROUP}/")
    }
    more = {"annotations": own} if own else {}
    more |= {"labels": meta["labels"]} if mapping(meta.get("labels")) else {}
    return {**_kept(meta, _META), **more}


def of_status(status: Mapping[str, Any]) -> Object:
    """Return a tenant's status, limited by the schema."""
    kept = {name: value for name, value in status.items() if name not in _FOR_THE_OPERATOR}
    if "backup" in kept:
        kept["backup"] = {name: one for name, one in kept["backup"].items() if name != "known"}
    return kept


def of_operation(operation: Mapping[str, Any]) -> Object:
    """Return an operation's request and outcome."""
    status = reader_of(OPERATION_KIND).read(operation.get("status"))
    return {"metadata": of_meta(operation), "spec": part(operation, "spec"), "status": status}


def of_job(job: Mapping[str, Any]) -> Object:
    """Return a Job without its pod's template, whose arguments name claims and directories."""
    return {"metadata": of_meta(job), "status": _kept(part(job, "status"), _OF_A_JOB)}


def of_pod(pod: Mapping[str, Any]) -> Object:
    """Return a pod's node and the states of its containers, without their messages, which are the janitor's results."""
    status = part(pod, "status")
    containers = [
        {
            "name": each.get("name"),
            "image": each.get("image"),
            "restartCount": each.get("restartCount"),
            "state": _state(part(each, "state")),
            "lastState": _state(part(each, "lastState")),
        }
        for key in ("initContainerStatuses", "containerStatuses")
        for each in objects(status.get(key))
    ]
    return {
        "metadata": of_meta(pod),
        "node": part(pod, "spec").get("nodeName"),
        "status": {**_kept(status, _OF_A_POD), "containers": containers},
    }


def of_deployment(deployment: Mapping[str, Any]) -> Object:
    """Return a Deployment's images and status."""
    spec = part(deployment, "spec", "template", "spec")
    images = [each.get("image") for each in objects(spec.get("containers"))]
    status = _kept(part(deployment, "status"), _OF_A_DEPLOYMENT)
    return {"metadata": of_meta(deployment), "images": images, "status": status}


def _state(state: Object) -> Object:
    waiting = mapping(state.get("waiting"))
    terminated = mapping(state.get("terminated"))
    found: Object = {"running": mapping(state["running"])} if "running" in state else {}
    found |= {"waiting": _kept(waiting, ("reason", "message"))} if waiting else {}
    return found | ({"terminated": _kept(terminated, _OF_A_TERMINATION)} if terminated else {})


def _kept(found: Mapping[str, Any], names: tuple[str, ...]) -> Object:
    return {name: found[name] for name in names if name in found}

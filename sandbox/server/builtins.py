"""Defaults and validation of built-in objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sandbox.server import (
    event_rules,
    pod_rules,
    secret_rules,
    service_accounts,
    workload_rules,
)
from sandbox.server.failures import FieldError
from sandbox.server.resources import Resource
from sandbox.server.store import Object, Store

DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"
IN_USE: Final = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
}


def _fill(target: Object, **values: Any) -> None:
    for name, value in values.items():
        if target.get(name) is None:
            target[name] = value


def _pod(pod: Object, store: Store) -> None:
    spec = pod.setdefault("spec", {})
    pod_rules.complete(spec)
    service_accounts.admit(pod, store)
    _fill(spec, enableServiceLinks=True, preemptionPolicy="PreemptLowerPriority", priority=0)
    if name := spec.get("priorityClassName"):
        record = store.collection("scheduling.k8s.io", "priorityclasses").get(("", name))
        if record is not None:
            spec["priority"] = record.object.get("value", 0)
            policy = record.object.get("preemptionPolicy", "PreemptLowerPriority")
            spec["preemptionPolicy"] = policy
    seconds = 300
    spec["tolerations"] = list(spec.get("tolerations") or ())
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(t.get("key") in (key, None) for t in spec["tolerations"]):
            toleration = {"key": key, "operator": "Exists", "effect": "NoExecute"}
            spec["tolerations"].append({**toleration, "tolerationSeconds": seconds})
    pod["status"] = {"phase": "Pending", "qosClass": _quality(spec)}


def _quality(spec: Object) -> str:
    resources = [c.get("resources") or {} for c in spec.get("containers") or ()]
    if not any(r.get("requests") or r.get("limits") for r in resources):
        return "BestEffort"
    limits = [r.get("limits") or {} for r in resources]
    full = all({"cpu", "memory"} <= set(limit) for limit in limits)
    same = all((r.get("requests") or r.get("limits")) == r.get("limits") for r in resources)
    return "Guaranteed" if full and same else "Burstable"


def _job(job: Object, _store: Store) -> None:
    spec = job.setdefault("spec", {})
    _fill(
        spec,
        completions=1,
        parallelism=1,
        backoffLimit=6,
        completionMode="NonIndexed",
        suspend=False,
        manualSelector=False,
        podReplacementPolicy="TerminatingOrFailed",
    )
    template = spec.setdefault("template", {})
    pod_rules.complete(template.setdefault("spec", {}))
    uid = job["metadata"]["uid"]
    labels = template.setdefault("metadata", {}).setdefault("labels", {})
    labels |= {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": job["metadata"]["name"],
        "controller-uid": uid,
        "job-name": job["metadata"]["name"],
    }
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    job["status"] = {}


def _claim(claim: Object, store: Store) -> None:
    spec = claim.setdefault("spec", {})
    _fill(spec, volumeMode="Filesystem", resources={})
    if "storageClassName" not in spec:
        classes = store.collection("storage.k8s.io", "storageclasses").scan()
        for record in classes:
            if (record.object["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true":
                spec["storageClassName"] = record.object["metadata"]["name"]
                break
    claim["status"] = {"phase": "Pending"}


def _volume(volume: Object, _store: Store) -> None:
    spec = volume.setdefault("spec", {})
    _fill(spec, volumeMode="Filesystem", persistentVolumeReclaimPolicy="Retain")
    volume["status"] = {"phase": "Pending"}


def _namespace(namespace: Object, _store: Store) -> None:
    labels = namespace["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = namespace["metadata"]["name"]
    namespace["spec"] = {"finalizers": ["kubernetes"]}
    namespace["status"] = {"phase": "Active"}


def _secret(secret: Object, _store: Store) -> None:
    secret_rules.complete(secret)


def _class(storage_class: Object, _store: Store) -> None:
    _fill(storage_class, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _service(service: Object, _store: Store) -> None:
    _fill(service.setdefault("spec", {}), type="ClusterIP", sessionAffinity="None")


def _priority(priority_class: Object, _store: Store) -> None:
    _fill(priority_class, preemptionPolicy="PreemptLowerPriority")


_DEFAULTS: Final[dict[tuple[str, str], Callable[[Object, Store], None]]] = {
    ("", "pods"): _pod,
    ("batch", "jobs"): _job,
    ("", "persistentvolumeclaims"): _claim,
    ("", "persistentvolumes"): _volume,
    ("", "namespaces"): _namespace,
    ("", "secrets"): _secret,
    ("", "services"): _service,
    ("storage.k8s.io", "storageclasses"): _class,
    ("scheduling.k8s.io", "priorityclasses"): _priority,
    **dict.fromkeys(workload_rules.COLLECTIONS, lambda value, _: workload_rules.complete(value)),
}


def on_create(resource: Resource, value: Object, store: Store) -> None:
    """Apply defaults and admission to a new built-in object, in place."""
    if fill := _DEFAULTS.get(resource.collection):
        fill(value, store)
    if resource.group == "" and resource.plural in IN_USE:
        finalizers = value["metadata"].setdefault("finalizers", [])
        if IN_USE[resource.plural] not in finalizers:
            finalizers.append(IN_USE[resource.plural])


def on_update(resource: Resource, new: Object) -> None:
    """Apply defaults again on an update, in place."""
    if resource.collection == ("", "secrets"):
        secret_rules.complete(new)
    elif resource.collection == ("batch", "jobs"):
        pod_rules.complete(new["spec"]["template"]["spec"])
    elif resource.collection in workload_rules.COLLECTIONS:
        workload_rules.fill(new)


def errors(resource: Resource, new: Object, old: Object | None) -> list[FieldError]:
    """Return the API server's validation errors; only those that the project's users can encounter."""
    if resource.collection == ("batch", "jobs"):
        return _job_errors(new, old)
    if resource.collection == ("", "pods"):
        return _pod_errors(new, old)
    if resource.collection in workload_rules.COLLECTIONS:
        return workload_rules.errors(new, old)
    if resource.collection in (("", "secrets"), ("", "configmaps")):
        return secret_rules.errors(resource.plural, new, old)
    if resource.collection == ("", "events"):
        return event_rules.errors(resource.group, new, old)
    return []


def _job_errors(job: Object, old: Object | None) -> list[FieldError]:
    found = []
    policy = job["spec"]["template"]["spec"].get("restartPolicy")
    if policy not in ("Never", "OnFailure"):
        detail = 'supported values: "OnFailure", "Never"'
        path = "spec.template.spec.restartPolicy"
        found.append(FieldError("FieldValueNotSupported", path, detail, policy))
    if old is None:
        found += pod_rules.errors(job["spec"]["template"]["spec"], "spec.template.spec")
    else:
        for name in ("selector", "completionMode", "template"):
            suspended = name == "template" and old["spec"].get("suspend")
            if not suspended and job["spec"].get(name) != old["spec"].get(name):
                value = job["spec"].get(name)
                found.append(
                    FieldError("FieldValueInvalid", f"spec.{name}", "field is immutable", value)
                )
    return found


def _pod_errors(pod: Object, old: Object | None) -> list[FieldError]:
    if old is None:
        return pod_rules.errors(pod["spec"], "spec")
    if old["spec"].get("nodeName") not in (None, pod["spec"].get("nodeName")):
        detail = "pod updates may not change the node"
        return [FieldError("FieldValueForbidden", "spec", detail)]
    return []

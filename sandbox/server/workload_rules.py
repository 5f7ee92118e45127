"""Deployments, ReplicaSets and StatefulSets: defaults and validation."""

from __future__ import annotations

from typing import Final

from sandbox.server import pod_rules
from sandbox.server.failures import FieldError
from sandbox.server.selectors import labels_match
from sandbox.server.store import Object

COLLECTIONS: Final = (("apps", "deployments"), ("apps", "replicasets"), ("apps", "statefulsets"))


def complete(workload: Object) -> None:
    """Fill in a new workload, in place."""
    fill(workload)
    workload["status"] = {"replicas": 0}


def fill(workload: Object) -> None:
    """Fill in the defaults of a workload's spec, in place."""
    spec = workload.setdefault("spec", {})
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    pod_rules.complete(spec.setdefault("template", {}).setdefault("spec", {}))


def errors(workload: Object, old: Object | None) -> list[FieldError]:
    """Return the errors of a workload."""
    spec = workload["spec"]
    selector, template = spec.get("selector"), spec["template"]
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not selector:
        return [FieldError("FieldValueRequired", "spec.selector")]
    found = []
    if spec["replicas"] < 0:
        detail = "must be greater than or equal to 0"
        found.append(FieldError("FieldValueInvalid", "spec.replicas", detail, spec["replicas"]))
    if not labels_match(selector, labels):
        detail = "`selector` does not match template `labels`"
        path = "spec.template.metadata.labels"
        found.append(FieldError("FieldValueInvalid", path, detail, labels))
    policy = template["spec"].get("restartPolicy")
    if policy != "Always":
        path, detail = "spec.template.spec.restartPolicy", 'supported values: "Always"'
        found.append(FieldError("FieldValueNotSupported", path, detail, policy))
    if old is None:
        return found + _template_errors(spec)
    if selector != old["spec"].get("selector"):
        detail = "field is immutable"
        found.append(FieldError("FieldValueInvalid", "spec.selector", detail, selector))
    return found


def _template_errors(spec: Object) -> list[FieldError]:
    """Return the errors of the pod template, whose claims may come from the workload itself."""
    pod = dict(spec["template"]["spec"])
    own = [{"name": each["metadata"]["name"]} for each in spec.get("volumeClaimTemplates") or ()]
    names = {each["name"] for each in own}
    pod["volumes"] = own + [v for v in pod.get("volumes") or () if v.get("name") not in names]
    return pod_rules.errors(pod, "spec.template.spec")

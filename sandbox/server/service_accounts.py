"""The ServiceAccount admission plugin: every pod has an account, and its token unless it opts out."""

from __future__ import annotations

import secrets
from typing import Final

from sandbox.server import failures
from sandbox.server.pod_rules import containers
from sandbox.server.store import Object, Store

DEFAULT: Final = "default"
"""The account that exists in every namespace, stored or not."""
MOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
ROOT_CA: Final = "kube-root-ca.crt"
_SUFFIX: Final = "bcdfghjklmnpqrstvwxz2456789"


def admit(pod: Object, store: Store) -> None:
    """Set the account of a pod, and mount its token, in place.

    Raises:
        RefusedError: 403, when there is no such account.
    """
    spec, metadata = pod["spec"], pod["metadata"]
    name = spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    namespace = metadata["namespace"]
    record = store.collection("", "serviceaccounts").get((namespace, name))
    if record is None and name != DEFAULT:
        why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
        raise failures.forbidden("", "pods", metadata["name"], why)
    wants = spec.get("automountServiceAccountToken")
    if wants is None:
        wants = record is None or record.object.get("automountServiceAccountToken", True)
    if wants:
        _mount(spec)


def _mount(spec: Object) -> None:
    volume = f"kube-api-access-{''.join(secrets.choice(_SUFFIX) for _ in range(5))}"
    mount = {"name": volume, "mountPath": MOUNT, "readOnly": True}
    lacking = [
        each
        for each in containers(spec)
        if not any(m.get("mountPath") == MOUNT for m in each.get("volumeMounts") or ())
    ]
    for container in lacking:
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), dict(mount)]
    if lacking:
        field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
        sources = [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": ROOT_CA, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
        ]
        projected = {"defaultMode": 0o644, "sources": sources}
        spec["volumes"] = [*(spec.get("volumes") or ()), {"name": volume, "projected": projected}]

"""The objects of a fleet, as on the API server of a cluster with CSI volumes and StatefulSets."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from baileys_janitor.api.names import API_VERSION, KIND
from benchmarks.operator.plan import Company, Plan

Object = dict[str, Any]
DRIVER = "csi.bench.invalid"
CLASS = "replicated"
TENANT_LABEL = "tenant"
"""The label with the tenant on Jobs that are not the janitor's."""


def identifier(*parts: object) -> str:
    """Return a uid that is the same in every process."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join(map(str, parts))))


def nodes(plan: Plan) -> Iterator[Object]:
    """Yield the nodes."""
    for number in range(plan.nodes):
        name = f"node-{number:04d}"
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
        yield {"metadata": {"name": name, "labels": labels}, "spec": {}}


def volume(plan: Plan, company: Company) -> Object:
    """Return a tenant's PersistentVolume."""
    namespace = plan.namespace(company.number)
    reference = {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": namespace}
    reference |= {"name": company.claim, "uid": identifier("claim", namespace, company.claim)}
    return {
        "metadata": {
            "name": f"pvc-{reference['uid']}",
            "annotations": {"pv.kubernetes.io/provisioned-by": DRIVER},
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "claimRef": reference,
            "csi": {"driver": DRIVER, "volumeHandle": reference["uid"], "fsType": "ext4"},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": CLASS,
            "volumeMode": "Filesystem",
        },
        "status": {"phase": "Bound"},
    }


def claim(plan: Plan, company: Company) -> Object:
    """Return a tenant's PersistentVolumeClaim, bound."""
    namespace = plan.namespace(company.number)
    uid = identifier("claim", namespace, company.claim)
    return {
        "metadata": {
            "name": company.claim,
            "namespace": namespace,
            "uid": uid,
            "labels": {"app": "baileys"},
            "annotations": {
                "pv.kubernetes.io/bind-completed": "yes",
                "pv.kubernetes.io/bound-by-controller": "yes",
                "volume.kubernetes.io/storage-provisioner": DRIVER,
            },
            "finalizers": ["kubernetes.io/pvc-protection"],
            "managedFields": _managed("kube-controller-manager", "Bound claim"),
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": CLASS,
            "volumeMode": "Filesystem",
            "volumeName": f"pvc-{uid}",
        },
        "status": {
            "phase": "Bound",
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
        },
    }


def pod(plan: Plan, company: Company) -> Object:
    """Return the running pod that uses the claim: about as large as a real one in a list."""
    name = f"baileys-{company.number:05d}-0"
    probe = {"httpGet": {"path": "/healthz", "port": 3000}, "periodSeconds": 10}
    return {
        "metadata": {
            "name": name,
            "namespace": plan.namespace(company.number),
            "generateName": f"baileys-{company.number:05d}-",
            "labels": {
                "app": "baileys",
                "company": company.name,
                "apps.kubernetes.io/pod-index": "0",
                "controller-revision-hash": f"baileys-{company.number:05d}-7d9f8c6b5d",
                "statefulset.kubernetes.io/pod-name": name,
            },
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "StatefulSet",
                    "name": f"baileys-{company.number:05d}",
                    "uid": identifier("set", company.number),
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
            "managedFields": _managed("kube-controller-manager", "A pod", 40)
            + _managed("kubelet", "Its status", 30),
        },
        "spec": {
            "nodeName": plan.node(company.number),
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": {"fsGroup": 1000, "runAsNonRoot": True},
            "tolerations": [
                {
                    "key": f"node.kubernetes.io/{what}",
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": 300,
                }
                for what in ("not-ready", "unreachable")
            ],
            "containers": [
                {
                    "name": "baileys",
                    "image": "registry.invalid/baileys-bot:2.4.1",
                    "env": [{"name": f"SETTING_{n}", "value": f"value-{n}"} for n in range(8)],
                    "ports": [{"containerPort": 3000, "protocol": "TCP"}],
                    "resources": {"requests": {"cpu": "50m", "memory": "192Mi"}},
                    "readinessProbe": probe,
                    "livenessProbe": probe,
                    "securityContext": {"runAsUser": 1000, "runAsGroup": 1000},
                    "volumeMounts": [{"name": "session", "mountPath": "/data"}],
                }
            ],
            "volumes": [{"name": "session", "persistentVolumeClaim": {"claimName": company.claim}}],
        },
        "status": {
            "phase": "Running",
            "hostIP": "10.0.0.1",
            "podIP": "10.1.0.1",
            "qosClass": "Burstable",
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
                for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
            ],
            "containerStatuses": [
                {
                    "name": "baileys",
                    "image": "registry.invalid/baileys-bot:2.4.1",
                    "imageID": "registry.invalid/baileys-bot@sha256:" + "0" * 64,
                    "containerID": "containerd://" + "0" * 64,
                    "ready": True,
                    "started": True,
                    "restartCount": 0,
                    "lastState": {},
                    "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
                }
            ],
        },
    }


def attachment(plan: Plan, company: Company) -> Object:
    """Return the VolumeAttachment of a CSI volume in use."""
    held = volume(plan, company)["metadata"]["name"]
    return {
        "metadata": {"name": f"csi-{identifier('attachment', company.number)}"},
        "spec": {
            "attacher": DRIVER,
            "nodeName": plan.node(company.number),
            "source": {"persistentVolumeName": held},
        },
        "status": {"attached": True},
    }


def tenant(plan: Plan, company: Company) -> Object:
    """Return the BaileysTenant, as declared in Git."""
    namespace = plan.namespace(company.number)
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": company.name, "namespace": namespace},
        "spec": {
            "companyId": f"{900_000 + company.number}",
            "volume": {"claimName": company.claim, "path": "session"},
            "suspend": False,
        },
    }


def cronjob(plan: Plan, company: Company) -> Object:
    """Return a tenant's CronJob in place of an operator: a script in a separate pod each minute."""
    container = {
        "name": "cleanup",
        "image": "registry.invalid/cleanup:1.0.0",
        "command": ["sh", "-c", "find /data/session -name 'session-*' -mtime +14 -delete"],
        "volumeMounts": [{"name": "session", "mountPath": "/data"}],
    }
    pod = {
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": [{"name": "session", "persistentVolumeClaim": {"claimName": company.claim}}],
    }
    template: Object = {"metadata": {"labels": {"app": "cleanup", TENANT_LABEL: company.name}}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": f"cleanup-{company.number:05d}",
            "namespace": plan.namespace(company.number),
        },
        "spec": {
            "schedule": "* * * * *",
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "suspend": False,
            "jobTemplate": {
                **template,
                "spec": {"backoffLimit": 0, "template": {**template, "spec": pod}},
            },
        },
    }


def _managed(manager: str, what: str, fields: int = 8) -> list[Object]:
    """Return managedFields, which every list includes."""
    owned: Object = {f"f:{what.lower().replace(' ', '-')}-{number}": {} for number in range(fields)}
    return [
        {
            "manager": manager,
            "operation": "Update",
            "apiVersion": "v1",
            "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": owned},
        }
    ]

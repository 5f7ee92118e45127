"""The resources that the sandbox serves: the built-in ones, and those that definitions add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.server.schema import Schema

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource in one version.

    `stored` names the collection when another resource shares it (events do). `generation`:
    metadata.generation counts changes of the spec. Only custom resources have `schema` and
    `columns`.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: frozenset[str] = frozenset()
    generation: bool = False
    stored: tuple[str, str] | None = None
    singular: str = ""
    list_kind: str = ""
    custom: bool = False
    schema: Schema | None = None
    columns: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    selectable: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def typed(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return a stored object with its kind and apiVersion, which are not stored."""
        return {"kind": self.kind, "apiVersion": self.api_version, **value}

    @property
    def collection(self) -> tuple[str, str]:
        return self.stored or (self.group, self.plural)

    @property
    def has_status(self) -> bool:
        return "status" in self.subresources


def _builtin(
    api_version: str, plural: str, kind: str, short: str = "", flags: str = "", sub: str = ""
) -> Resource:
    group, _, version = api_version.rpartition("/")
    return Resource(
        group=group,
        version=version,
        plural=plural,
        kind=kind,
        singular=kind.lower(),
        list_kind=f"{kind}List",
        namespaced="cluster" not in flags,
        generation="generation" in flags,
        categories=("all",) if "all" in flags.split() else (),
        short=tuple(short.split()),
        subresources=frozenset(sub.split()),
        stored=("", "events") if plural == "events" else None,
    )


RBAC = "rbac.authorization.k8s.io/v1"
BUILTIN: tuple[Resource, ...] = (
    _builtin("v1", "namespaces", "Namespace", "ns", "cluster", "status finalize"),
    _builtin("v1", "nodes", "Node", "no", "cluster", "status"),
    _builtin("v1", "pods", "Pod", "po", "generation all", "status binding eviction"),
    _builtin("v1", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", "", "status"),
    _builtin("v1", "persistentvolumes", "PersistentVolume", "pv", "cluster", "status"),
    _builtin("v1", "events", "Event", "ev"),
    _builtin("v1", "secrets", "Secret"),
    _builtin("v1", "configmaps", "ConfigMap", "cm"),
    _builtin("v1", "services", "Service", "svc", "all", "status"),
    _builtin("v1", "endpoints", "Endpoints", "ep"),
    _builtin("v1", "serviceaccounts", "ServiceAccount", "sa", "", "token"),
    _builtin("v1", "resourcequotas", "ResourceQuota", "quota", "", "status"),
    _builtin("v1", "limitranges", "LimitRange", "limits"),
    _builtin("events.k8s.io/v1", "events", "Event", "ev"),
    _builtin("batch/v1", "jobs", "Job", "", "generation all", "status"),
    _builtin("batch/v1", "cronjobs", "CronJob", "cj", "generation all", "status"),
    _builtin("apps/v1", "deployments", "Deployment", "deploy", "generation all", "status scale"),
    _builtin("apps/v1", "statefulsets", "StatefulSet", "sts", "generation all", "status scale"),
    _builtin("apps/v1", "replicasets", "ReplicaSet", "rs", "generation all", "status scale"),
    _builtin("apps/v1", "daemonsets", "DaemonSet", "ds", "generation all", "status"),
    _builtin("coordination.k8s.io/v1", "leases", "Lease"),
    _builtin("storage.k8s.io/v1", "storageclasses", "StorageClass", "sc", "cluster"),
    _builtin("storage.k8s.io/v1", "volumeattachments", "VolumeAttachment", "", "cluster", "status"),
    _builtin("storage.k8s.io/v1", "csinodes", "CSINode", "", "cluster"),
    _builtin("storage.k8s.io/v1", "csidrivers", "CSIDriver", "", "cluster"),
    _builtin("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", "pc", "cluster"),
    _builtin("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", "netpol", "generation"),
    _builtin(
        "policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", "generation", "status"
    ),
    _builtin(RBAC, "roles", "Role"),
    _builtin(RBAC, "rolebindings", "RoleBinding"),
    _builtin(RBAC, "clusterroles", "ClusterRole", "", "cluster"),
    _builtin(RBAC, "clusterrolebindings", "ClusterRoleBinding", "", "cluster"),
    _builtin(
        "apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        "crd crds",
        "cluster generation",
        "status",
    ),
)

# Created but never stored: kind by (group, plural).
REVIEWS: dict[tuple[str, str], str] = {
    ("authorization.k8s.io", "selfsubjectaccessreviews"): "SelfSubjectAccessReview",
    ("authorization.k8s.io", "selfsubjectrulesreviews"): "SelfSubjectRulesReview",
    ("authorization.k8s.io", "subjectaccessreviews"): "SubjectAccessReview",
    ("authentication.k8s.io", "selfsubjectreviews"): "SelfSubjectReview",
}


class Registry:
    """Resources by group, version and plural."""

    def __init__(self, resources: Iterable[Resource] = BUILTIN) -> None:
        self._resources = {(r.group, r.version, r.plural): r for r in resources}

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._resources.values())

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        return self._resources.get((group, version, plural))

    def replace_custom(self, group: str, plural: str, versions: Iterable[Resource]) -> None:
        """Serve a definition's versions, and remove its earlier ones."""
        for key in [k for k in self._resources if k[0] == group and k[2] == plural]:
            del self._resources[key]
        for resource in versions:
            self._resources[resource.group, resource.version, resource.plural] = resource

    def groups(self) -> dict[str, list[str]]:
        """Return the versions by group, the core group ('') included."""
        found: dict[str, list[str]] = {}
        for resource in self:
            versions = found.setdefault(resource.group, [])
            if resource.version not in versions:
                versions.append(resource.version)
        for group, _ in REVIEWS:
            found.setdefault(group, ["v1"])
        return found

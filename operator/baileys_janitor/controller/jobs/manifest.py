"""The manifest of a Job: one pod that mounts claims, runs for milliseconds, meets Pod Security "restricted". Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.names import API_VERSION, DRILLED_LABEL, GROUP, KIND
from baileys_janitor.controller.jobs.placement import OWN_LABEL, OWN_VALUE, Place

Object = dict[str, Any]

ACTION_LABEL = f"{GROUP}/action"
RUN_LABEL = f"{GROUP}/run"
MEMBERS_ANNOTATION = f"{GROUP}/members"
"""For people only: anybody who writes to a namespace can write it, so it is never read."""
SELECTOR = f"{OWN_LABEL}={OWN_VALUE},{ACTION_LABEL}"
"""The label selector of the janitor's own Jobs and pods, for server-side filtering."""

CONTAINER = "janitor"
"""The name of the container that does a Job's task and leaves its result."""
FETCHER = "fetch"
"""The name of the container that runs first to fetch an archive: it has the Secrets, and no claim."""
OWN_CONTAINERS = frozenset({CONTAINER, FETCHER})
"""The containers of a Job's manifest. Any other one is injected by someone else."""
BETWEEN = "between"
"""The name of the in-memory volume with the fetched archive."""
TERMINATION_LOG = "/dev/termination-log"
IMAGE_USER = 65_532
"""The user of the janitor's image: a Job runs as it when the owner of the files is unknown."""
LINUX = {"kubernetes.io/os": "linux"}
"""The nodes that can run the janitor's image. A cluster may have Windows nodes, which need no taint."""
BACKSTOP_SECONDS = 86_400
"""Seconds after which the cluster removes a finished Job if the operator never did."""

NO_SIDECAR_LABELS = {
    "sidecar.istio.io/inject": "false",
    "kuma.io/sidecar-injection": "disabled",
    "admission.datadoghq.com/enabled": "false",
}
"""Labels that keep out the injectors that select pods by label. An injected container outlives the Job's."""
_POD_ANNOTATIONS = {
    "sidecar.istio.io/inject": "false",
    "linkerd.io/inject": "disabled",
    "kuma.io/sidecar-injection": "disabled",
    "consul.hashicorp.com/connect-inject": "false",
    "vault.hashicorp.com/agent-inject": "false",
    "sidecar.opentelemetry.io/inject": "false",
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "true",
}


@dataclass(frozen=True, slots=True)
class Pod:
    """The configured settings of every Job's pod."""

    image: str
    pull_policy: str | None = None
    pull_secrets: tuple[str, ...] = ()
    priority_class: str | None = None
    node_selector: tuple[tuple[str, str], ...] = ()
    tolerations: tuple[Object, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    deadline: int = 60
    wait: float = 300.0
    """Maximum seconds that a pod may stay pending."""
    backstop: int = BACKSTOP_SECONDS
    command: tuple[str, ...] = ("baileys-janitor", "job")


@dataclass(frozen=True, slots=True)
class SecretMount:
    """A Secret whose key is mounted as the file `file` in the directory `path`; without a key all keys are mounted.

    `more` are further keys, each mounted as a file with its name. `optional`: without the Secret the directory is
    empty, and the Job reports that; else its pod never starts.
    """

    secret: str
    key: str
    path: str
    file: str
    optional: bool = False
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetching:
    """A container that runs before the Job's own one: it has Secrets and no claim, the Job's own one has claims and no
    Secret.

    It gets the same task, and leaves files in the directory `between`, which is in memory, holds at most `size` and is
    read-only for the Job's own container.
    """

    command: tuple[str, ...]
    secrets: Sequence[SecretMount]
    between: str
    size: str


@dataclass(frozen=True, slots=True)
class Member:
    """A tenant in a Job: by name and uid, so that a later tenant with the same name is never mistaken for it.

    `namespace` is empty for the Job's own.
    """

    name: str
    uid: str
    namespace: str = ""


SOON_SECONDS = 600
"""Seconds after which the cluster deletes a finished scan or purge that no operator has deleted."""


def mount_path(place: int) -> str:
    """Return the mount path of the claim number `place` of a Job."""
    return f"/volumes/{place:03d}"


def volume_name(place: int) -> str:
    """Return the name of the volume for the claim number `place` of a Job."""
    return f"v{place}"


def claims_of(found: Object) -> tuple[str, ...]:
    """Return the claims of a Job in the order of its mounts."""
    spec = ((found.get("spec") or {}).get("template") or {}).get("spec") or {}
    named = (
        (v.get("persistentVolumeClaim") or {}).get("claimName") for v in spec.get("volumes") or ()
    )
    return tuple(str(name) for name in named if name)


def job(
    *,
    name: str,
    namespace: str,
    action: str,
    task: str,
    members: Iterable[Member],
    claims: Iterable[str],
    place: Place,
    pod: Pod,
    resources: Object,
    read_only: bool,
    run: str | None = None,
    owner: Object | None = None,
    secrets: Sequence[SecretMount] = (),
    fetching: Fetching | None = None,
    keeps: bool = False,
    drilled: str = "",
) -> Object:
    """Return the Job (batch/v1) that carries out `task` with each of `claims` mounted at `mount_path(i)`.

    `keeps`: its result is needed even after a long outage. `drilled`: the namespace whose archives it tries.
    """
    labels = dict(pod.labels) | {OWN_LABEL: OWN_VALUE, ACTION_LABEL: action}
    if run:
        labels[RUN_LABEL] = run
    if drilled:
        labels[DRILLED_LABEL] = drilled
    listed = json.dumps([[m.name, m.uid] for m in members], separators=(",", ":"))
    annotations = {MEMBERS_ANNOTATION: listed}
    metadata: Object = {
        "name": name,
        "namespace": namespace,
        "labels": labels,
        "annotations": annotations,
    }
    if owner is not None:
        metadata["ownerReferences"] = [owner]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            # A scan's findings can be found again; the result of a cleanup, and the list of archives that were put,
            # cannot.
            "ttlSecondsAfterFinished": (
                pod.backstop if run or keeps else min(pod.backstop, SOON_SECONDS)
            ),
            "template": {
                "metadata": {
                    "labels": labels | NO_SIDECAR_LABELS,
                    "annotations": dict(pod.annotations) | _POD_ANNOTATIONS | annotations,
                },
                "spec": _pod_spec(
                    pod,
                    place,
                    _volumes(list(claims), secrets),
                    task,
                    resources,
                    read_only,
                    fetching,
                ),
            },
        },
    }


def _pod_spec(
    pod: Pod,
    place: Place,
    volumes: list[tuple[str, Object]],
    task: str,
    resources: Object,
    read_only: bool,
    fetching: Fetching | None,
) -> Object:
    # On a mount, never `persistentVolumeClaim.readOnly`: ZFS refuses to mix that with a writer's mount.
    mounts = [_mount(at, each, read_only=read_only or "secret" in each) for at, each in volumes]
    before: list[Object] = []
    if fetching is not None:
        secrets = _volumes([], fetching.secrets)
        shared = {"name": BETWEEN, "emptyDir": {"medium": "Memory", "sizeLimit": fetching.size}}
        own = [_mount(at, volume, read_only=True) for at, volume in secrets]
        own.append(_mount(fetching.between, shared, read_only=False))
        before.append(_container(FETCHER, pod, fetching.command, task, resources, own))
        mounts.append(_mount(fetching.between, shared, read_only=True))
        volumes = [*volumes, *secrets, (fetching.between, shared)]
    spec: Object = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": pod.deadline,
        "terminationGracePeriodSeconds": 10,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": _pod_security(place),
        "nodeSelector": LINUX | dict(pod.node_selector),
        "tolerations": [*json.loads(place.tolerations), *pod.tolerations],
        "containers": [_container(CONTAINER, pod, pod.command, task, resources, mounts)],
        "volumes": [volume for _, volume in volumes],
    }
    optional = {
        "initContainers": before,
        "imagePullSecrets": [{"name": secret} for secret in pod.pull_secrets],
        "priorityClassName": pod.priority_class,
        "affinity": _affinity(place.node, pinned=place.pinned),
    }
    return spec | {key: value for key, value in optional.items() if value}


def _container(
    name: str,
    pod: Pod,
    command: tuple[str, ...],
    task: str,
    resources: Object,
    mounts: list[Object],
) -> Object:
    container: Object = {
        "name": name,
        "image": pod.image,
        # The kubelet expands $(NAME) in a command; a doubled $ is a literal one.
        "command": [*command, task.replace("$", "$$")],
        "env": [{"name": "TERMINATION_LOG", "value": TERMINATION_LOG}],
        "terminationMessagePath": TERMINATION_LOG,
        "terminationMessagePolicy": "File",
        "resources": resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }
    if pod.pull_policy:
        container["imagePullPolicy"] = pod.pull_policy
    return container


def _mount(at: str, volume: Object, *, read_only: bool) -> Object:
    return {"name": volume["name"], "mountPath": at, "readOnly": read_only}


def _volumes(claims: list[str], secrets: Sequence[SecretMount]) -> list[tuple[str, Object]]:
    """Return the pod's volumes, each with its mount path."""
    found: list[tuple[str, Object]] = [
        (
            mount_path(i),
            {"name": volume_name(i), "persistentVolumeClaim": {"claimName": claim}},
        )
        for i, claim in enumerate(claims)
    ]
    for i, one in enumerate(secrets):
        source: Object = {"secretName": one.secret}
        if one.key:
            source["items"] = [{"key": one.key, "path": one.file}]
            source["items"] += [{"key": each, "path": each} for each in one.more]
        if one.optional:
            # A Secret's files belong to root, and the Job does not run as root: only their mode makes them readable.
            source |= {"optional": True, "defaultMode": 0o444}
        found.append((one.path, {"name": f"s{i}", "secret": source}))
    return found


def _pod_security(place: Place) -> Object:
    identity = place.identity
    # Never root, even beside a workload that is: Pod Security "restricted" would refuse the pod.
    user = identity.user or IMAGE_USER
    context: Object = {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user if identity.group is None else identity.group,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if identity.groups:
        context["supplementalGroups"] = list(identity.groups)
    if identity.se_linux:
        context["seLinuxOptions"] = dict(identity.se_linux)
    return context


def _affinity(node: str | None, *, pinned: bool) -> Object | None:
    if node is None:
        return None
    # By the node's name, not its hostname label, which may differ; and never `nodeName`, which skips the scheduler and,
    # with it, volume binding.
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    if not pinned:
        preferred = [{"weight": 100, "preference": term}]
        return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    required = {"nodeSelectorTerms": [term]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def owner_reference(name: str, uid: str, kind: str = KIND) -> Object:
    """Return the owner reference to a resource: deleting it ends its cleanup."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }

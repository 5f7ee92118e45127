"""Reads the node and the identity of a Job from the pod that uses the claim. Pure; dicts as the API gives them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from baileys_janitor.controller.tenants.run_as import RunAs

Object = dict[str, Any]

OWN_LABEL = "app.kubernetes.io/managed-by"
OWN_VALUE = "baileys-janitor"


ANYBODY = RunAs()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a volume can be mounted: tenants of one namespace with equal places may share a scan's pod.

    `node`: the name of the node that holds the volume, None when any will do. `volume`: set where only the
    volume's own affinity places the pod, so that two such volumes are never asked of one node.
    """

    node: str | None = None
    volume: str = ""
    identity: RunAs = ANYBODY
    tolerations: str = "[]"


@dataclass(frozen=True, slots=True)
class Claim:
    """A PersistentVolumeClaim; `exclusive`: its only access mode is ReadWriteOncePod."""

    phase: str
    volume: str
    storage_class: str
    deleting: bool
    exclusive: bool

    @classmethod
    def of(cls, found: Object) -> Claim:
        """Read an API object."""
        spec = found.get("spec") or {}
        return cls(
            phase=str((found.get("status") or {}).get("phase") or ""),
            volume=str(spec.get("volumeName") or ""),
            storage_class=str(spec.get("storageClassName") or ""),
            deleting=bool(found["metadata"].get("deletionTimestamp")),
            exclusive=spec.get("accessModes") == ["ReadWriteOncePod"],
        )


@dataclass(frozen=True, slots=True)
class User:
    """The pod that uses a claim, as far as it matters; `rank` orders several (lowest first)."""

    rank: tuple[bool, bool]
    node: str
    identity: RunAs
    tolerations: str


@dataclass(slots=True)
class Users:
    """The pods of one namespace by the claim that they mount, the janitor's own left out."""

    by_claim: dict[str, User] = field(default_factory=dict)
    _alike: dict[User, User] = field(default_factory=dict)

    def add(self, pods: Iterable[Object]) -> Users:
        """Take note of pods (API objects); of several on one claim, a running one wins."""
        for pod in pods:
            labels = pod["metadata"].get("labels") or {}
            phase = (pod.get("status") or {}).get("phase")
            node = pod["spec"].get("nodeName")
            if labels.get(OWN_LABEL) == OWN_VALUE or phase in {"Succeeded", "Failed"} or not node:
                continue
            rank = (phase != "Running", "deletionTimestamp" in pod["metadata"])
            tolerations = json.dumps(pod["spec"].get("tolerations") or [], sort_keys=True)
            for claim in claims_of(pod):
                known = self.by_claim.get(claim)
                if known is None or rank < known.rank:
                    user = User(rank, node, identity_of(pod, claim), tolerations)
                    # Of ten thousand pods most are alike: one record for all that are.
                    self.by_claim[claim] = self._alike.setdefault(user, user)
        return self


def claims_of(pod: Object) -> list[str]:
    """Return the names of the claims that a pod mounts."""
    volumes = pod["spec"].get("volumes") or ()
    named = ((v.get("persistentVolumeClaim") or {}).get("claimName") for v in volumes)
    return [name for name in named if name]


def identity_of(pod: Object, claim: str) -> RunAs:
    """Return the owner ids of the container that mounts `claim`, else of the pod's first one.

    fsGroup becomes a supplemental group: set as fsGroup on the Job it would rewrite owners and modes.
    """
    spec = pod["spec"]
    of_pod: Object = spec.get("securityContext") or {}
    own = _container_context(spec, claim)
    groups = set(of_pod.get("supplementalGroups") or ())
    if of_pod.get("fsGroup") is not None:
        groups.add(of_pod["fsGroup"])
    label = own.get("seLinuxOptions") or of_pod.get("seLinuxOptions") or {}
    # The level is what lets a pod read the files; another's type or role Pod Security "restricted" may refuse.
    label = {"level": label["level"]} if label.get("level") else {}
    return RunAs(
        user=own.get("runAsUser", of_pod.get("runAsUser")),
        group=own.get("runAsGroup", of_pod.get("runAsGroup")),
        groups=tuple(sorted(groups)),
        se_linux=tuple(sorted((str(k), str(v)) for k, v in label.items())),
    )


def _container_context(spec: Object, claim: str) -> Object:
    names = {
        v["name"]
        for v in spec.get("volumes") or ()
        if (v.get("persistentVolumeClaim") or {}).get("claimName") == claim
    }
    containers = spec.get("containers") or [{}]
    mounting = (
        c for c in containers if any(m["name"] in names for m in c.get("volumeMounts") or ())
    )
    context: Object = next(mounting, containers[0]).get("securityContext") or {}
    return context


def attached_nodes(attachments: Iterable[Object]) -> dict[str, str]:
    """Return the node to which each PersistentVolume is attached, per VolumeAttachments."""
    found: dict[str, str] = {}
    for attachment in attachments:
        spec = attachment.get("spec") or {}
        volume = (spec.get("source") or {}).get("persistentVolumeName")
        if volume and spec.get("nodeName") and (attachment.get("status") or {}).get("attached"):
            found[volume] = spec["nodeName"]
    return found

"""Reads the node and the identity for a Job from the pod that uses the claim. Pure; dicts as the API returns them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from baileys_janitor.tenants.run_as import RunAs

Object = dict[str, Any]

OWN_LABEL = "app.kubernetes.io/managed-by"
OWN_VALUE = "baileys-janitor"


ANYBODY = RunAs()
"""The identity of a Job when the owner of the files is unknown."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a volume can be mounted: tenants of one namespace with equal places may share a scan's pod.

    `node`: the name of the node that has the volume, None for any node. `volume`: set if only the volume's own affinity
    places the pod, so that two such volumes are never required on one node. `pinned`: whether the volume can be mounted
    on that node alone; otherwise the node is only preferred.
    """

    node: str | None = None
    volume: str = ""
    identity: RunAs = ANYBODY
    tolerations: str = "[]"
    pinned: bool = True


@dataclass(frozen=True, slots=True)
class Claim:
    """A PersistentVolumeClaim.

    `exclusive`: its only access mode is ReadWriteOncePod. `shared`: several nodes can mount it at a time.
    """

    phase: str
    volume: str
    storage_class: str
    deleting: bool
    exclusive: bool
    shared: bool = False

    @classmethod
    def of(cls, found: Object) -> Claim:
        """Read an API object."""
        spec = found.get("spec") or {}
        modes = spec.get("accessModes") or []
        return cls(
            phase=str((found.get("status") or {}).get("phase") or ""),
            volume=str(spec.get("volumeName") or ""),
            storage_class=str(spec.get("storageClassName") or ""),
            deleting=bool(found["metadata"].get("deletionTimestamp")),
            exclusive=modes == ["ReadWriteOncePod"],
            # ReadOnlyMany beside ReadWriteOnce does not help a pod that may write.
            shared="ReadWriteMany" in modes or modes == ["ReadOnlyMany"],
        )


@dataclass(frozen=True, slots=True)
class User:
    """A pod that uses a claim; `rank` orders several (lowest first).

    `owner`: the owner of the claim's files, as far as this pod shows it. It is None for a pod that only reads the
    claim, and for a pod of a Job, because a backup may run as any user. `ready` is False if the pod's status is not
    ready.
    """

    rank: tuple[bool, ...]
    node: str
    owner: RunAs | None
    tolerations: str
    ready: bool = True


USERS_MAX = 16
"""Maximum number of stored pods for each claim; only a ReadWriteMany claim has more, and these are alike."""


@dataclass(slots=True)
class Users:
    """The pods of one namespace by the claim that they mount, without the janitor's own."""

    by_claim: dict[str, tuple[User, ...]] = field(default_factory=dict)
    """The users of each claim, best rank first."""
    _alike: dict[tuple[User, ...], tuple[User, ...]] = field(default_factory=dict)

    def add(self, pods: Iterable[Object]) -> Users:
        """Record pods (API objects). Of several pods of one claim a running one comes first, then one that writes."""
        for pod in pods:
            labels = pod["metadata"].get("labels") or {}
            phase = (pod.get("status") or {}).get("phase")
            node = pod["spec"].get("nodeName")
            if labels.get(OWN_LABEL) == OWN_VALUE or phase in {"Succeeded", "Failed"} or not node:
                continue
            tolerations = json.dumps(pod["spec"].get("tolerations") or [], sort_keys=True)
            kinds = _owner_kinds(pod)
            for claim in claims_of(pod):
                owner = None if "Job" in kinds else identity_of(pod, claim)
                leaving = "deletionTimestamp" in pod["metadata"]
                # A pod without an owner comes last: somebody has started it by hand, to inspect the files.
                rank = (phase != "Running", leaving, owner is None, not kinds)
                self._add(claim, User(rank, node, owner, tolerations, readiness(pod) != "False"))
        return self

    def _add(self, claim: str, user: User) -> None:
        known = self.by_claim.get(claim, ())
        if user not in known:
            listed = tuple(sorted((*known, user), key=lambda one: one.rank)[:USERS_MAX])
            # Of ten thousand pods most are alike: equal ones share one record.
            self.by_claim[claim] = self._alike.setdefault(listed, listed)

    def of(self, claim: str) -> tuple[User, ...]:
        """Return the users of a claim, best rank first."""
        return self.by_claim.get(claim, ())

    def nodes_in_doubt(self, claim: str) -> set[str]:
        """Return the nodes to check before a Job is pinned to one: a pod outlives its node for a while.

        When a node is lost, its pods are marked as not ready, or the workload starts others elsewhere.
        """
        users = self.of(claim)
        nodes = {user.node for user in users}
        return nodes if len(nodes) > 1 or not all(user.ready for user in users) else set()


def readiness(found: Object) -> str:
    """Return the status of a pod's or node's condition Ready; an empty string without one."""
    conditions = (found.get("status") or {}).get("conditions") or ()
    said = (one.get("status") for one in conditions if one.get("type") == "Ready")
    return str(next(said, ""))


def owner_of(users: Iterable[User], known: RunAs | None) -> RunAs | None:
    """Return the owner of a claim's files: `known`, unless pods that write to it run as another user."""
    owners = [user.owner for user in users if user.owner is not None]
    return known if known in owners or not owners else owners[0]


def _owner_kinds(pod: Object) -> set[str]:
    return {str(owner.get("kind")) for owner in pod["metadata"].get("ownerReferences") or ()}


def claims_of(pod: Object) -> list[str]:
    """Return the names of the claims that a pod mounts."""
    volumes = pod["spec"].get("volumes") or ()
    named = ((v.get("persistentVolumeClaim") or {}).get("claimName") for v in volumes)
    return [name for name in named if name]


def identity_of(pod: Object, claim: str) -> RunAs | None:
    """Return the ids of the container that mounts `claim` and may write to it; None if no container does.

    fsGroup becomes a supplemental group: set as fsGroup on the Job it would change owners and modes.
    """
    spec = pod["spec"]
    writer = _writer(spec, claim)
    if writer is None:
        return None
    of_pod: Object = spec.get("securityContext") or {}
    own: Object = writer.get("securityContext") or {}
    groups = set(of_pod.get("supplementalGroups") or ())
    if of_pod.get("fsGroup") is not None:
        groups.add(of_pod["fsGroup"])
    label = own.get("seLinuxOptions") or of_pod.get("seLinuxOptions") or {}
    # The level lets a pod read the files; Pod Security "restricted" may refuse another pod's type or role.
    label = {"level": label["level"]} if label.get("level") else {}
    return RunAs(
        user=own.get("runAsUser", of_pod.get("runAsUser")),
        group=own.get("runAsGroup", of_pod.get("runAsGroup")),
        groups=tuple(sorted(groups)),
        se_linux=tuple(sorted((str(k), str(v)) for k, v in label.items())),
    )


def _writer(spec: Object, claim: str) -> Object | None:
    """Return the first container that mounts a claim without `readOnly`, here or at the volume."""
    names = set()
    for volume in spec.get("volumes") or ():
        source = volume.get("persistentVolumeClaim") or {}
        if source.get("claimName") == claim and not source.get("readOnly"):
            names.add(volume["name"])
    writers: Iterable[Object] = (
        container
        for container in spec.get("containers") or ()
        for mount in container.get("volumeMounts") or ()
        if mount["name"] in names and not mount.get("readOnly")
    )
    return next(iter(writers), None)


def attached_nodes(attachments: Iterable[Object]) -> dict[str, str]:
    """Return the node of each attached PersistentVolume, from VolumeAttachments."""
    found: dict[str, str] = {}
    for attachment in attachments:
        spec = attachment.get("spec") or {}
        volume = (spec.get("source") or {}).get("persistentVolumeName")
        if volume and spec.get("nodeName") and (attachment.get("status") or {}).get("attached"):
            found[volume] = spec["nodeName"]
    return found

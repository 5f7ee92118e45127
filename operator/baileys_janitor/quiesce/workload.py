"""The fields of a workload that are needed to stop it: its replicas, their last writers, and the claims. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from baileys_janitor.api.bounded import Object, objects, part, text, whole

DEPLOYMENT, STATEFUL_SET = "Deployment", "StatefulSet"
PLURALS: Final = {DEPLOYMENT: "deployments", STATEFUL_SET: "statefulsets"}
"""The kinds that can be scaled, with their resources in `apps/v1`."""
MANAGER: Final = "baileys-janitor"
"""Our field manager in managedFields. No other operator of this cluster may write under this name."""
SCALE: Final = "scale"
REPLICAS_MAX: Final = 2**31 - 1
CLAIMS_MAX: Final = 10_000
UNNAMED: Final = "an unnamed client"
_PRINTABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/ -]{0,127}")


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment or a StatefulSet.

    `version` is its resourceVersion. `managers` own its replicas by managedFields, we as `MANAGER` through the scale
    subresource; a scale to 0 leaves them without an owner. `controller` is the kind and name of the owner of the
    workload that may scale it, empty without one. `claims` are the claims that its pods mount.
    """

    kind: str
    name: str
    uid: str
    version: str
    replicas: int
    managers: tuple[str, ...]
    deleting: bool
    controller: str
    claims: frozenset[str]

    @property
    def scaled_by_us(self) -> bool:
        """Return whether only the janitor has written the replicas last."""
        return self.managers == (MANAGER,)

    @property
    def others(self) -> tuple[str, ...]:
        """Return the other owners of the replicas."""
        return tuple(name for name in self.managers if name != MANAGER)


def read(kind: str, found: Object) -> Workload:
    """Read a workload from an API object."""
    metadata, spec = part(found, "metadata"), part(found, "spec")
    replicas = _count(spec.get("replicas"), 1)
    return Workload(
        kind=kind,
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        version=text(metadata.get("resourceVersion")),
        replicas=replicas,
        managers=tuple(sorted(set(_managers(metadata)))),
        deleting=bool(metadata.get("deletionTimestamp")),
        controller=_controller(metadata),
        claims=frozenset(_claims(text(metadata.get("name")), spec, replicas)),
    )


def _managers(metadata: Object) -> Iterator[str]:
    for entry in objects(metadata.get("managedFields")):
        fields = part(entry, "fieldsV1", "f:spec")
        if "f:replicas" not in fields:
            continue
        name = text(entry.get("manager"))
        if name == MANAGER and entry.get("subresource") != SCALE:
            # A manager with our name that writes the workload itself, not its scale, is not us.
            name = f"{MANAGER} (not the operator)"
        yield name if _PRINTABLE.fullmatch(name) else UNNAMED


def _controller(metadata: Object) -> str:
    for owner in objects(metadata.get("ownerReferences")):
        if owner.get("controller") is True:
            named = f"{owner.get('kind')}/{owner.get('name')}"
            return named if _PRINTABLE.fullmatch(named) else UNNAMED
    return ""


def _claims(name: str, spec: Object, replicas: int) -> Iterator[str]:
    """Yield the claims of a workload's pods: those in the template, and those created for each pod."""
    pod = part(spec, "template", "spec")
    own = {
        text(part(each, "metadata").get("name"))
        for each in objects(spec.get("volumeClaimTemplates"))
    }
    for volume in objects(pod.get("volumes")):
        claim = part(volume, "persistentVolumeClaim").get("claimName")
        if claim and str(volume.get("name")) not in own:
            yield str(claim)
    first = _count(part(spec, "ordinals").get("start"), 0)
    for number in range(first, first + min(replicas, CLAIMS_MAX)):
        for template in own:
            yield f"{template}-{name}-{number}"


def refusal(workload: Workload | None, claim: str, others: Iterable[str], *, accepted: bool) -> str:
    """Return why a workload must not be stopped for a tenant, empty if it may be.

    Args:
        claim: the claim of the tenant.
        others: the claims of the other tenants of the namespace, one for each tenant.
        accepted: whether the request contains `acknowledge: StopsTenants`.
    """
    if workload is None:
        return "There is no such workload in this namespace: correct quiesce.workload."
    if workload.deleting:
        return "The workload is being deleted."
    if workload.controller:
        return (
            f"The workload is owned by {workload.controller}, which may scale it up again at any time: stop it there, "
            "and use the method Manual."
        )
    if claim not in workload.claims:
        return "Its pods do not use the tenant's claim: name the workload whose pods do in quiesce.workload."
    stopped = sum(other in workload.claims for other in others)
    if stopped and not accepted:
        tenants = "another tenant" if stopped == 1 else f"{stopped} other tenants"
        return (
            f"The pods of the workload use the claims of {tenants} as well, which would stop, too: add "
            "quiesce.acknowledge: StopsTenants if they may."
        )
    return ""


def pods_using(claim: str, pods: Iterable[Object]) -> list[str]:
    """Return the names of the pods that use a claim and have not ended, sorted. Terminating ones may write as well."""
    found = []
    for pod in pods:
        if part(pod, "status").get("phase") in ("Succeeded", "Failed"):
            continue
        volumes = objects(part(pod, "spec").get("volumes"))
        if any(part(each, "persistentVolumeClaim").get("claimName") == claim for each in volumes):
            found.append(str(part(pod, "metadata").get("name") or ""))
    return sorted(found)


def _count(value: object, unset: int) -> int:
    found = whole(value, 0, REPLICAS_MAX)
    return unset if found is None else found

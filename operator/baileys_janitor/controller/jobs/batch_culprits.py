"""Finds the claims that keep the pod of a shared scan from starting, from the pod's events. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from baileys_janitor.controller.jobs.manifest import volume_name

Object = dict[str, Any]

WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
VOLUMES = re.compile(r"volume|PersistentVolumeClaim|mount|attach", re.IGNORECASE)
"""Words in a message that put the batch's claims under suspicion."""
IMAGE = frozenset({"Pulling", "BackOff", "ErrImagePull", "ErrImageNeverPull", "InspectFailed"})
"""Reasons of events about the image: halving the batch would only pull it twice."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`claims` are the claims that the events blame; `elsewhere`: the claims are not the cause."""

    claims: frozenset[str] = frozenset()
    elsewhere: bool = False


def read(
    events: Sequence[Object], claims: Sequence[str], volumes: Mapping[str, str], placed: bool
) -> Finding:
    """Judge by a pod's events, newest last.

    `claims` are the Job's in the order of its mounts, `volumes` has the name of the claim of each PersistentVolume,
    `placed` is whether the pod has a node.
    """
    named = {volume_name(place): claim for place, claim in enumerate(claims)}
    names = dict(volumes) | named | {claim: claim for claim in claims}
    guilty: set[str] = set()
    for event in events:
        if event.get("type") == "Warning":
            guilty |= _named(str(event.get("message") or ""), names) & set(claims)
    if guilty:
        return Finding(frozenset(guilty))
    newest = events[-1] if events else {}
    if newest.get("reason") in IMAGE:
        return Finding(elsewhere=True)
    if not placed:
        # No node, and no message about volumes: the cluster lacks room for any pod.
        said = " ".join(str(e.get("message") or "") for e in events if e.get("type") == "Warning")
        return Finding(elsewhere=VOLUMES.search(said) is None)
    return Finding()


def _named(message: str, names: Mapping[str, str]) -> set[str]:
    # "unmounted volumes=[v3], unattached volumes=[v0 v1 v2 v3]": the second list has all volumes.
    suspects = message.partition("unattached volumes")[0]
    return {names[word] for word in WORD.findall(suspects) if word in names}

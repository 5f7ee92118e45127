"""Reads what a scheduler says of a pod that no node takes, and tells the way out of it. Pure."""

from __future__ import annotations

import re

SORTS: dict[str, str] = {
    r"insufficient |too many pods": "Make room there",
    r"exceed max volume count": "Move a pod with volumes off the node, which can attach no more of them",
    r"node\.kubernetes\.io/(memory|disk|pid)-pressure": "Free what the taint says the node is short of",
    (
        r"node\.kubernetes\.io/(unreachable|not-ready|network-unavailable|out-of-service)|"
        "were not ready|were unreachable"
    ): "Bring the node back that does not answer, or remove it from the cluster",
    (
        r"were unschedulable|node\.kubernetes\.io/unschedulable"
    ): "Run `kubectl uncordon` on the node once its maintenance is over",
    "volume node affinity conflict|match persistentvolume's node affinity": (
        "The volume is bound to a node or zone, of which no node is left for the Job: bring one back, or let "
        "config.job.nodeSelector allow it"
    ),
    "persistentvolumeclaim|available persistent volumes to bind": (
        "See `kubectl describe pvc` for the claim that the message is about"
    ),
    "topology spread|anti-affinity|pod affinity": (
        "Allow it by the policy that adds such rules to the Job's pod"
    ),
}
"""What a part of the message says, in lower case, and the way out."""
TAINT = re.compile(r"\btaints?\b")
TOLERATE = "Tolerate the node's taint by config.job.tolerations, or remove it"
SELECTOR = re.compile(r"match pod's node affinity|match node selector|node affinity/selector")
SELECT = "Let config.job.nodeSelector allow the node that holds the volume, and see that this node still exists"
OTHER = "See `kubectl describe pod` of the Job's pod"
OF_THE_CONTROL_PLANE = "node-role.kubernetes.io/"
PREEMPTION = re.compile(r"\.? *preemption:.*", re.DOTALL)


def way_out(message: str) -> str:
    """Return what to do about a message such as "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were ...".

    It counts the nodes by what keeps each from taking the pod. That the control plane is tainted, and that the Job is
    bound to another node, is told of most nodes of most clusters, and counts only where nothing else is said.
    """
    parts = PREEMPTION.sub("", message.lower()).split(", ")
    found = [
        out for pattern, out in SORTS.items() if any(re.search(pattern, part) for part in parts)
    ]
    taints = [part for part in parts if TAINT.search(part) and not _is_sorted(part)]
    if any(OF_THE_CONTROL_PLANE not in part for part in taints) or (taints and not found):
        found.append(TOLERATE)
    if not found and any(SELECTOR.search(part) for part in parts):
        found.append(SELECT)
    return ". ".join(found[:2]) or OTHER


def _is_sorted(part: str) -> bool:
    return any(re.search(pattern, part) for pattern in SORTS)

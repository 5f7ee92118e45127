"""Reasons of `Ready` for a tenant that cannot be scanned or cleaned, each with a way out. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.values.decoding import objects, part, said, text, whole
from baileys_janitor.controller.jobs.manifest import CONTAINER, OWN_CONTAINERS
from baileys_janitor.controller.jobs.placement import Claim
from baileys_janitor.tenants.fault import RETRY, Fault

SORTS: dict[str, str] = {
    r"insufficient |too many pods": "Make room there",
    r"exceed max volume count": "Move a pod with volumes off the node, which can attach no more of them",
    r"node\.kubernetes\.io/(memory|disk|pid)-pressure": "Free what the taint says the node is short of",
    (
        r"node\.kubernetes\.io/(unreachable|not-ready|network-unavailable|out-of-service)|"
        "were not ready|were unreachable"
    ): "Bring back the node that does not answer, or remove it from the cluster",
    (
        r"were unschedulable|node\.kubernetes\.io/unschedulable"
    ): "Run `kubectl uncordon` on the node once its maintenance is over",
    "volume node affinity conflict|match persistentvolume's node affinity": (
        "The volume is bound to a node or zone in which no node is left for the Job: bring one back, or change "
        "config.job.nodeSelector to allow it"
    ),
    "persistentvolumeclaim|available persistent volumes to bind": (
        "See `kubectl describe pvc` for the claim that the message is about"
    ),
    "topology spread|anti-affinity|pod affinity": (
        "Allow it by the policy that adds such rules to the Job's pod"
    ),
}
"""A part of the message, in lower case, and the way out."""
TAINT = re.compile(r"\btaints?\b")
TOLERATE = "Tolerate the node's taint by config.job.tolerations, or remove it"
SELECTOR = re.compile(r"match pod's node affinity|match node selector|node affinity/selector")
SELECT = "Change config.job.nodeSelector to allow the node that holds the volume, and check that this node exists"
OTHER = "See `kubectl describe pod` of the Job's pod"
OF_THE_CONTROL_PLANE = "node-role.kubernetes.io/"
PREEMPTION = re.compile(r"\.? *preemption:.*", re.DOTALL)


def way_out(message: str) -> str:
    """Return what to do about a message such as "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were ...".

    It counts the nodes by the cause that keeps each from running the pod. Most clusters report for most nodes that the
    control plane is tainted, or that the Job is bound to another node: those count only if there is no other cause.
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


Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finished:
    """A pod that ended: its termination message, or None without one, and the fault if it failed."""

    message: str | None
    fault: Fault | None


MESSAGE_MAX = 8192
"""Maximum stored characters of a termination message: twice the kubelet's limit."""
CHECK_IMAGE = "check the operator's job image and pull secrets"
PULLS = {
    "ErrImagePull": CHECK_IMAGE,
    "ImagePullBackOff": CHECK_IMAGE,
    "InvalidImageName": "correct the operator's job image, whose name is invalid",
    "ErrImageNeverPull": "the operator's job.imagePullPolicy is Never, so load it onto the node or allow pulling",
    "ImageInspectError": "the node's container runtime cannot read it, so see the node's events and disk",
    "RegistryUnavailable": "see whether the node reaches the image's registry",
    "SignatureValidationFailed": "the node's policy refuses its signature, so sign the image or allow it",
}
"""Reasons of a container that waits for its image, with the way out."""
OTHER_PLATFORM = re.compile(
    r"exec format error|no match for platform|no matching manifest|no image found in .* for architecture",
    re.IGNORECASE,
)
ARCHITECTURE = (
    "was its image built for the processor architecture of the volume's node? Use an image for every architecture of "
    "the cluster, or keep the Jobs off that node by config.job.nodeSelector (kubernetes.io/arch)."
)
LIMIT_RANGE = re.compile(
    r"(minimum|maximum) (cpu|memory|[a-z.-]+) usage per|max limit to request ratio", re.I
)
"""Messages of the LimitRange admission plugin."""
LARGEST_SIGNAL = 64
EXEC_FORMAT = 255
"""The exit code that a container runtime reports for a program that the node's processor cannot run."""
LOST = frozenset({"Unknown", "ContainerStatusUnknown"})
"""Reasons of a container whose end the node does not know."""
CLAIM_PAUSES_SECONDS = (10.0, 120.0)
"""Seconds until a claim that cannot be mounted is checked again: the first pause, and the longest. That needs no Job.
"""


def of_claim(claim: Claim | None, name: str, waits_for_consumer: bool) -> Fault | None:
    """Return the problem of a PersistentVolumeClaim, also if it does not exist; None without a problem."""
    if claim is None:
        return Fault(
            "ClaimMissing",
            f'The PersistentVolumeClaim "{name}" does not exist in this namespace: create it, or correct '
            "spec.volume.claimName.",
        )
    if claim.deleting:
        return Fault(
            "ClaimDeleting",
            f'The PersistentVolumeClaim "{name}" is being deleted: create it anew, or delete this tenant too.',
        )
    if claim.phase == "Bound":
        return None
    if claim.phase == "Lost":
        return Fault(
            "ClaimLost",
            f'The volume behind the PersistentVolumeClaim "{name}" is gone: restore the PersistentVolume or '
            "replace the claim.",
        )
    if waits_for_consumer:
        return Fault(
            "WaitingForFirstConsumer",
            f'The PersistentVolumeClaim "{name}" waits for the first pod of the workload; the janitor never '
            "binds a volume itself and starts once it is bound.",
            stalled=False,
        )
    return Fault(
        "ClaimUnbound",
        f'The PersistentVolumeClaim "{name}" is not bound to a volume yet: see `kubectl describe pvc {name}` in this '
        "namespace.",
    )


def exclusive_claim(claim: Claim, name: str, used: bool) -> Fault | None:
    """Return the fault of a ReadWriteOncePod claim that the workload holds: no second pod can mount it."""
    if not used or not claim.exclusive:
        return None
    return Fault(
        "ClaimExclusive",
        f'The PersistentVolumeClaim "{name}" is ReadWriteOncePod and in use, so no other pod can mount it: use '
        "ReadWriteOnce, or the janitor sees the session only while the workload is stopped.",
    )


TERMINATING = "because it is being terminated"
"""The API server's message about a namespace that is being deleted."""
OTHER_IMAGE = "of an image that admissionPolicy.images or the release names"
"""The chart's admission policy's message about a Job whose image is not that of the release."""
UPGRADING = Fault(
    "JobRefused",
    "The chart's admission policy lets Jobs run another image than this operator's. While the chart is being upgraded "
    "that passes by itself; if it stays, see that the operator's pods run the image of the release, or name the Jobs' "
    "image in admissionPolicy.images.",
)


def refused(status: int, message: str) -> Fault:
    """Return the fault of a Job that the API server refused."""
    if status == 403 and TERMINATING in message:
        return Fault(
            "JobRefused",
            "The namespace is being deleted, so no Job can be created in it; this tenant goes with it. If it stays, "
            "see `kubectl describe namespace` for what holds it up.",
        )
    if OTHER_IMAGE in message:
        return UPGRADING
    remedy = {
        400: "see which admission policy the message names, and allow the janitor's Jobs there",
        403: "allow it by quota, policy or RBAC",
        404: "see that the namespace still exists",
        422: "check the operator's job settings and spec.job",
    }.get(status, "see the operator's log")
    why = said(message)
    return Fault("JobRefused", f"The Job could not be created ({status}): {why} Way out: {remedy}.")


def pod_refused(message: str) -> Fault:
    """Return the fault of a Job whose pod never appeared; `message` is the FailedCreate event's."""
    why = said(message) or "no reason was given"
    remedy = "Allow it by quota, Pod Security or admission policy"
    if LIMIT_RANGE.search(why):
        remedy = "Set spec.job.resources, or config.defaults.job.resources, to what the LimitRange allows"
    return Fault("PodRefused", f"The Job's pod was not admitted: {why}. {remedy}. {RETRY}")


def pending(pod: Object) -> Fault | None:
    """Return why a pod does not start, or None while it is starting."""
    status = part(pod, "status")
    if text(status.get("phase")) not in {"", "Pending"}:
        return None
    for condition in objects(status.get("conditions")):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            why = said(condition.get("message")) or "no node fits"
            return Fault(
                "Unschedulable",
                f"The Job's pod finds no node: {why.rstrip('.')}. {way_out(why)}. {RETRY}",
            )
    listed = objects(status.get("initContainerStatuses")) + objects(status.get("containerStatuses"))
    for container in listed:
        if container.get("name") in OWN_CONTAINERS:
            fault = _waiting(part(container, "state", "waiting"))
            if fault is not None:
                return fault
    for container in listed:
        reason = text(part(container, "state", "waiting").get("reason"), 64)
        if container.get("name") not in OWN_CONTAINERS and (
            reason in PULLS or reason.startswith("Create")
        ):
            return Fault(
                "ContainerRefused",
                f"The Job's pod waits for the container {said(container.get('name'))}, which someone injects and "
                f"which does not start ({said(reason)}): keep it out of the janitor's Jobs. {RETRY}",
            )
    return None


def has_begun(pod: Object) -> bool:
    """Return whether one of a Job's own containers has started. While an init container runs, the pod is Pending."""
    status = part(pod, "status")
    return text(status.get("phase")) == "Running" or any(
        container.get("name") in OWN_CONTAINERS
        and (part(container, "state", "running") or part(container, "state", "terminated"))
        for container in objects(status.get("initContainerStatuses"))
    )


def _waiting(waiting: Object) -> Fault | None:
    reason, why = text(waiting.get("reason"), 64), said(waiting.get("message"))
    if reason in PULLS:
        if OTHER_PLATFORM.search(why):
            return Fault("ImagePullFailed", f"The image has nothing for this node: {ARCHITECTURE}")
        return Fault(
            "ImagePullFailed",
            f"The janitor's image cannot be pulled on the volume's node: {PULLS[reason]} ({reason}).",
        )
    if reason.startswith("Create") or reason == "RunContainerError":
        if OTHER_PLATFORM.search(why):
            return Fault(
                "ContainerRefused", f"The Job's program cannot run: {ARCHITECTURE} {RETRY}"
            )
        return Fault(
            "ContainerRefused", f"The Job's container cannot start: {why or reason}. {RETRY}"
        )
    return None


SECRET_MISSING = re.compile(r'secret "([a-z0-9.-]{1,253})" not found')
SECRET_KEY_MISSING = re.compile(r"references non-existent secret key: ([A-Za-z0-9._-]{1,253})")


def stuck(message: str) -> Fault:
    """Return the fault of a pod that has a node and never starts; `message` is the newest warning event's."""
    why = said(message) or "the node gives no reason"
    missing = SECRET_MISSING.search(why)
    if missing is not None:
        return Fault(
            "SecretMissing",
            f"The Secret {missing[1]} does not exist in this namespace: create it, or correct spec.connection. {RETRY}",
        )
    missing = SECRET_KEY_MISSING.search(why)
    if missing is not None:
        return Fault(
            "SecretKeyMissing",
            f"The Secret has no key {missing[1]}: add it, or correct spec.connection. {RETRY}",
        )
    return Fault(
        "VolumeNotMounted",
        f"The Job's pod does not start on the volume's node: {why}. Free the volume or the node. {RETRY}",
    )


def finished(pod: Object) -> Finished | None:
    """Return the result of a Job's pod, or None while it has not ended.

    Only the Job's own containers count: the last of them that ran determines the result. A container that a webhook has
    injected may outlive them, or fail on its own. While no other container is left, wait for the pod's phase: it comes
    with the reason of the end.
    """
    status = part(pod, "status")
    phase = text(status.get("phase"))
    own: Object = {}
    others_go_on = False
    for container in objects(status.get("containerStatuses")):
        ended = part(container, "state", "terminated")
        if text(container.get("name")) == CONTAINER:
            own = ended
        else:
            others_go_on = others_go_on or not ended
    if phase not in {"Succeeded", "Failed"} and not (own and others_go_on):
        return None
    before = [] if own else _ended_before(status)
    own = own or next((state for name, state in before if name in OWN_CONTAINERS), {})
    message = text(own.get("message"), MESSAGE_MAX) or None
    reason = text(status.get("reason"), 64)
    succeeded = whole(own.get("exitCode"), 0, 255) == 0 and not reason
    if phase == "Succeeded" or succeeded:
        return Finished(message, None)
    if before and not own and not reason:
        return Finished(None, _injected(*before[0]))
    return Finished(message, _failure(reason, own))


def _ended_before(status: Object) -> list[tuple[str, Object]]:
    """Return the containers that failed before the janitor's own began, by name."""
    listed = (
        (text(container.get("name")), part(container, "state", "terminated"))
        for container in objects(status.get("initContainerStatuses"))
    )
    return [(name, state) for name, state in listed if whole(state.get("exitCode"), 1, 255)]


def _injected(name: str, ended: Object) -> Fault:
    return Fault(
        "JobFailed",
        f"The Job's pod failed before it ran: the container {said(name)}, which someone injects, ended with exit code "
        f"{whole(ended.get('exitCode'), 0, 255)}. Keep it out of the janitor's Jobs. {RETRY}",
    )


def _failure(pod_reason: str, ended: Object) -> Fault:
    code = whole(ended.get("exitCode"), 0, 255)
    if pod_reason == "DeadlineExceeded":
        return Fault("JobDeadline", f"The Job ran past its deadline: is the volume slow? {RETRY}")
    if pod_reason in {
        "Evicted",
        "Preempting",
        "Shutdown",
        "NodeShutdown",
        "Terminated",
        "NodeLost",
    }:
        return Fault("JobEvicted", f"The node put the Job's pod out ({pod_reason}). {RETRY}")
    if ended.get("reason") == "OOMKilled":
        return Fault(
            "JobOutOfMemory",
            "The Job ran out of memory: raise spec.job.resources.limits.memory or the operator's default.",
        )
    return _exit(code, text(ended.get("reason"), 64), said(ended.get("message")), pod_reason)


def _exit(code: int | None, reason: str, message: str, pod_reason: str) -> Fault:
    """Return the fault of a container that exited, was killed by a signal, or failed before it began."""
    if reason in LOST:
        # A node that restarts reports 255 for it, another one 137: neither is the program's exit code.
        why = f"The node has lost the Job's container ({reason}): see whether it was restarted."
        return Fault("JobKilled", f"{why} {RETRY}")
    if code == EXEC_FORMAT or OTHER_PLATFORM.search(message):
        ended = "exec format error" if code is None else f"exit code {code}"
        return Fault(
            "JobFailed", f"The Job's program could not run ({ended}): {ARCHITECTURE} {RETRY}"
        )
    if reason in {"StartError", "ContainerCannotRun"}:
        why = f"The Job's container could not be started: {message or reason}."
        return Fault(
            "JobFailed", f"{why} See that the operator's job image is the janitor's. {RETRY}"
        )
    if code is None:
        why = f"The Job's pod failed before it ran ({pod_reason or 'unknown'})."
        return Fault("JobFailed", f"{why} {RETRY}")
    if 128 < code <= 128 + LARGEST_SIGNAL:
        return Fault("JobKilled", f"The Job was killed by signal {code - 128}. {RETRY}")
    return Fault("JobFailed", f"The Job failed with exit code {code}. {RETRY}")


SUSPENDED = Fault(
    "JobSuspended",
    "Somebody has suspended the Job (its spec.suspend is true), so it has no pod: let it go on, or leave the janitor's "
    f"Jobs out of the queue or policy that does this. {RETRY}",
)
GONE = Fault("JobKilled", f"The Job's pod was deleted before it had finished. {RETRY}")
OVERDUE = Fault(
    "JobStuck", f"The Job did not end in time and was removed: is its node alive? {RETRY}"
)

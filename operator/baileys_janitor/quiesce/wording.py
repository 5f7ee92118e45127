"""Messages about a workload that is stopped or started again: sentences with a way out. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from baileys_janitor.quiesce.record import (
    FOUGHT,
    GONE,
    NEVER_STOPPED,
    RESUMED,
    STOPPED_BY_OTHERS,
    QuiesceRecord,
)
from baileys_janitor.quiesce.workload import UNNAMED

PODS_NAMED = 3
_WAYS_OUT = (
    (
        "keda",
        (
            'KEDA scales it: annotate its ScaledObject with autoscaling.keda.sh/paused-replicas: "0" and '
            'autoscaling.keda.sh/paused: "true" for as long as the workload is to stop'
        ),
    ),
    (
        "argocd",
        (
            "Argo CD syncs it: add /spec/replicas of this workload to ignoreDifferences of its Application, with the "
            "sync option RespectIgnoreDifferences=true"
        ),
    ),
    (
        "kustomize-controller",
        (
            "Flux applies it: leave replicas out of the manifest, or annotate the workload with "
            "kustomize.toolkit.fluxcd.io/reconcile: disabled for as long as it is to stop"
        ),
    ),
    (
        "helm-controller",
        "Flux upgrades it: suspend its HelmRelease for as long as it is to stop",
    ),
    (
        "kube-controller-manager",
        "an autoscaler of the cluster scales it: delete its HorizontalPodAutoscaler for as long as it is to stop",
    ),
    ("kubectl", "somebody has scaled it with kubectl: agree on who stops it"),
)


def named(record: QuiesceRecord) -> str:
    """Return the workload in kubectl's notation."""
    return f"{record.kind.lower()}/{record.name}"


def way_out(managers: Sequence[str]) -> str:
    """Return how to stop the controller or person that has scaled the workload up again."""
    for manager in managers:
        for prefix, advice in _WAYS_OUT:
            if manager.startswith(prefix):
                return advice
    if not managers:
        return (
            "scaling up from 0 records no manager: if KEDA did it, pause its ScaledObject; if a person did, agree on "
            "who stops it"
        )
    return "configure its manager to leave the replicas alone, or stop it there and use the method Manual"


def waiting(pods: Sequence[str]) -> str:
    """Return a sentence about the pods that block the operation."""
    listed = ", ".join(pods[:PODS_NAMED])
    more = f" and {len(pods) - PODS_NAMED} more" if len(pods) > PODS_NAMED else ""
    verb = "uses" if len(pods) == 1 else "use"
    noun = "pod" if len(pods) == 1 else "pods"
    return f"The {noun} {listed}{more} still {verb} the claim."


def ended(record: QuiesceRecord, managers: Sequence[str]) -> str:
    """Return the outcome, and what to do about a bad one."""
    what, count = named(record), record.replicas
    replicas = "1 replica" if count == 1 else f"{count} replicas"
    if record.outcome == RESUMED:
        return f"{what} has its {replicas} again."
    if record.outcome == GONE:
        return f"{what} is gone, so there is nothing to start again."
    if record.outcome == FOUGHT:
        who = ", ".join(managers) or UNNAMED.capitalize()
        return f"{who} has started {what} again, so it is left alone: {way_out(managers)}."
    if record.outcome == STOPPED_BY_OTHERS:
        who = ", ".join(managers) or "Somebody else"
        return f"{who} has set {what} to 0, so it is not started again: scale it when it may run."
    if record.outcome == NEVER_STOPPED:
        return f"{what} was not stopped."
    return f"{what} is stopped; it had {replicas}."

"""What is said of stopped workloads: who it was, and a way out."""

from __future__ import annotations

import pytest

from baileys_janitor.quiesce import wording
from baileys_janitor.quiesce.record import FOUGHT, OUTCOMES, QuiesceRecord

RECORD = QuiesceRecord("Deployment", "bot", "u", 2, 0.0)


@pytest.mark.parametrize(
    ("manager", "way_out"),
    [
        ("keda", "autoscaling.keda.sh/paused-replicas"),
        ("keda-operator", "autoscaling.keda.sh/paused"),
        ("argocd-application-controller", "ignoreDifferences"),
        ("kustomize-controller", "kustomize.toolkit.fluxcd.io/reconcile"),
        ("helm-controller", "HelmRelease"),
        ("kube-controller-manager", "HorizontalPodAutoscaler"),
        ("kubectl-client-side-apply", "kubectl"),
        ("our-own-platform", "Manual"),
    ],
)
def test_who_has_fought_is_named_with_a_way_out(manager: str, way_out: str) -> None:
    said = wording.ended(QuiesceRecord("Deployment", "bot", "u", 2, 0.0, outcome=FOUGHT), [manager])
    assert said.startswith(f"{manager} has started deployment/bot again")
    assert way_out in said


def test_an_unnamed_client_may_be_an_autoscaler() -> None:
    said = wording.ended(QuiesceRecord("Deployment", "bot", "u", 2, 0.0, outcome=FOUGHT), ())
    assert said.startswith("An unnamed client has started deployment/bot again")
    assert "KEDA" in said


@pytest.mark.parametrize("outcome", ["", *OUTCOMES])
def test_every_end_is_told_in_a_sentence(outcome: str) -> None:
    record = QuiesceRecord("StatefulSet", "bot", "u", 1, 0.0, outcome=outcome)
    said = wording.ended(record, ())
    assert "statefulset/bot" in said
    assert said.endswith(".")


def test_of_many_pods_a_few_are_named() -> None:
    assert wording.waiting(["a"]) == "The pod a still uses the claim."
    assert wording.waiting(list("abcde")) == "The pods a, b, c and 2 more still use the claim."

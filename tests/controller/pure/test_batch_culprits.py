"""Whose claim holds up a pod is read from its events, in the kubelet's and the scheduler's own words."""

from __future__ import annotations

import pytest

from baileys_janitor.controller.jobs.batch_culprits import Finding, read

CLAIMS = ["data-1", "data-2", "data-3"]
VOLUMES = {"pvc-11": "data-1", "pvc-22": "data-2", "pvc-99": "somebody-elses"}


def warning(message: str, reason: str = "FailedMount") -> dict[str, str]:
    return {"type": "Warning", "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("message", "guilty"),
    [
        (
            'MountVolume.MountDevice failed for volume "pvc-22" : rpc error: code = Internal',
            "data-2",
        ),
        ('persistentvolumeclaim "data-3" not found', "data-3"),
        ('Multi-Attach error for volume "pvc-11" Volume is already used by pod(s) bot-7', "data-1"),
        (
            "Unable to attach or mount volumes: unmounted volumes=[v1], unattached volumes=[v0 v1 v2]",
            "data-2",
        ),
        (
            'AttachVolume.Attach failed for volume "pvc-22" : volume attachment is being deleted',
            "data-2",
        ),
    ],
)
def test_the_claim_that_is_named_is_the_culprit(message: str, guilty: str) -> None:
    assert read([warning(message)], CLAIMS, VOLUMES, placed=True).claims == {guilty}


def test_a_claim_of_somebody_else_is_none_of_ours() -> None:
    assert read([warning('for volume "pvc-99"')], CLAIMS, VOLUMES, placed=True) == Finding()


def test_without_a_word_anybody_may_be_the_culprit() -> None:
    assert read([], CLAIMS, VOLUMES, placed=True) == Finding()


def test_an_image_that_is_being_pulled_is_nobodys_fault() -> None:
    pulling = {"type": "Normal", "reason": "Pulling", "message": 'Pulling image "janitor:1"'}
    assert read([pulling], CLAIMS, VOLUMES, placed=True).elsewhere


def test_a_full_node_is_nobodys_fault_and_a_volume_elsewhere_somebodys() -> None:
    full = warning("0/1 nodes are available: 1 Insufficient cpu.", "FailedScheduling")
    assert read([full], CLAIMS, VOLUMES, placed=False).elsewhere
    away = warning("1 node(s) had volume node affinity conflict.", "FailedScheduling")
    assert read([away], CLAIMS, VOLUMES, placed=False) == Finding()

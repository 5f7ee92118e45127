"""What a scheduler says of a pod that no node takes has the way out that fits it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.controller.jobs import faults
from baileys_janitor.controller.jobs.faults import OTHER, way_out

CONTROL_PLANE = "1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }"
ELSEWHERE = "3 node(s) didn't match Pod's node affinity/selector"
NO_HELP = "preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling."


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("1 Insufficient cpu", "Make room there"),
        ("1 Insufficient memory", "Make room there"),
        ("1 Too many pods", "Make room there"),
        ("1 node(s) exceed max volume count", "Move a pod with volumes off the node"),
        (
            "1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }",
            "Free what the taint says",
        ),
        ("1 node(s) had untolerated taint {dedicated: gpu}", "config.job.tolerations"),
        (
            "1 node(s) had taint {dedicated: gpu}, that the pod didn't tolerate",
            "config.job.tolerations",
        ),
        ("1 node(s) had untolerated taint(s)", "config.job.tolerations"),
        (
            "1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }",
            "Bring back the node",
        ),
        ("1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }", "Bring back the node"),
        ("1 node(s) were unschedulable", "kubectl uncordon"),
        (
            "1 node(s) had untolerated taint {node.kubernetes.io/unschedulable: }",
            "kubectl uncordon",
        ),
        ("1 node(s) had volume node affinity conflict", "node or zone"),
        ("1 node(s) didn't match PersistentVolume's node affinity", "node or zone"),
        ("1 node(s) didn't find available persistent volumes to bind", "kubectl describe pvc"),
        ('persistentvolumeclaim "data" not found', "kubectl describe pvc"),
        ("pod has unbound immediate PersistentVolumeClaims", "kubectl describe pvc"),
        ("1 node(s) didn't match pod topology spread constraints", "policy"),
        ("1 node(s) didn't satisfy existing pods anti-affinity rules", "policy"),
    ],
)
def test_the_way_out_is_that_of_the_node_that_counts(why: str, said: str) -> None:
    whole = f"0/5 nodes are available: {CONTROL_PLANE}, {why}, {ELSEWHERE}. {NO_HELP}"
    for message in (f"0/1 nodes are available: {why}.", whole, why):
        found = way_out(message)
        assert said in found
        assert ("Make room" in found) == ("Insufficient" in why or "pods" in why.split()[-1:])
        assert "nodeSelector to allow the node that holds" not in found


def test_what_most_nodes_say_counts_where_nothing_else_is_said() -> None:
    selector = way_out(f"0/3 nodes are available: {ELSEWHERE}. {NO_HELP}")
    assert "config.job.nodeSelector" in selector
    assert "config.job.tolerations" in way_out(f"0/1 nodes are available: {CONTROL_PLANE}.")


def test_two_nodes_that_could_take_it_are_two_ways_out() -> None:
    found = way_out("0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable.")
    assert "Make room there. Run `kubectl uncordon`" in found


@pytest.mark.parametrize("message", ["", "no nodes available to schedule pods", "no node fits"])
def test_what_nobody_foresaw_is_looked_up(message: str) -> None:
    assert way_out(message) == OTHER


@given(st.text())
def test_any_message_has_a_way_out(message: str) -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": message}
    fault = faults.pending({"status": {"phase": "Pending", "conditions": [condition]}})
    assert fault is not None
    assert fault.reason == "Unschedulable"
    assert way_out(message)

"""Where a Job runs and as whom: the pods that use a claim, the claim itself, and what is known of its owner."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.controller.jobs.locate import ClusterState
from baileys_janitor.controller.jobs.placement import (
    USERS_MAX,
    Claim,
    Users,
    attached_nodes,
    owner_of,
)
from baileys_janitor.tenants.record import TenantRecord
from baileys_janitor.tenants.run_as import RunAs
from tests.controller.pure.world import tenant

Object = dict[str, Any]


def workload(
    name: str = "chat-0", phase: str = "Running", node: str | None = "node-1", **more: Any
) -> Object:
    spec: Object = {
        "containers": [
            {"name": "side"},
            {
                "name": "chat",
                "securityContext": {"runAsUser": 1000},
                "volumeMounts": [{"name": "v", "mountPath": "/data"}],
            },
        ],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}],
        "securityContext": {"runAsUser": 7, "runAsGroup": 2000, "fsGroup": 3000},
    }
    if node:
        spec["nodeName"] = node
    spec |= more.pop("spec", {})
    return {"metadata": {"name": name} | more, "spec": spec, "status": {"phase": phase}}


@given(st.permutations(["Running", "Pending", "Terminating", "Succeeded", "Failed", "Own"]))
def test_of_several_pods_the_running_one_says_where_the_volume_is(order: list[str]) -> None:
    made = {
        "Running": workload("r", node="right"),
        "Pending": workload("p", "Pending", "wrong"),
        "Terminating": workload("t", node="wrong", deletionTimestamp="2026-11-22T00:00:00Z"),
        "Succeeded": workload("s", "Succeeded", "wrong"),
        "Failed": workload("f", "Failed", "wrong"),
        "Own": workload(
            "o", node="wrong", labels={"app.kubernetes.io/managed-by": "baileys-janitor"}
        ),
    }
    users = Users().add(made[kind] for kind in order)

    assert users.of("data")[0].node == "right"


@pytest.mark.parametrize(
    "pod",
    [
        workload(phase="Succeeded"),
        workload(phase="Failed"),
        workload(phase="Pending", node=None),
        workload(labels={"app.kubernetes.io/managed-by": "baileys-janitor"}),
    ],
)
def test_a_pod_that_has_ended_has_no_node_or_is_the_janitors_uses_nothing(pod: Object) -> None:
    assert Users().add([pod]).by_claim == {}


def test_the_identity_is_that_of_the_mounting_container_and_fsgroup_a_further_group() -> None:
    found = Users().add([workload()]).of("data")[0].owner

    assert found == RunAs(1000, 2000, (3000,), ())


def test_of_a_workloads_selinux_label_only_the_level_is_taken() -> None:
    label = {"level": "s0:c1,c2", "type": "spc_t", "user": "u", "role": "r"}
    pod = workload(spec={"securityContext": {"seLinuxOptions": label}})

    [user] = Users().add([pod]).of("data")
    assert user.owner is not None
    assert user.owner.se_linux == (("level", "s0:c1,c2"),)


def test_a_volume_is_where_it_is_attached() -> None:
    def attachment(volume: str, node: str, attached: bool) -> Object:
        spec = {"nodeName": node, "source": {"persistentVolumeName": volume}}
        return {"spec": spec, "status": {"attached": attached}}

    found = attached_nodes(
        [attachment("pv-1", "n1", True), attachment("pv-2", "n2", False), {"spec": {"source": {}}}]
    )
    assert found == {"pv-1": "n1"}


BOT = RunAs(1000)


def using(
    name: str,
    user: int | None = 1000,
    *,
    by: str | None = "StatefulSet",
    read_only: str = "",
    node: str = "node-1",
) -> Object:
    """A running pod with the claim; `read_only` by its mount or by its volume."""
    meta: Object = {"name": name}
    if by is not None:
        meta["ownerReferences"] = [{"kind": by, "name": name, "uid": "o-1", "controller": True}]
    mount = {"name": "v", "mountPath": "/data"} | (
        {"readOnly": True} if read_only == "mount" else {}
    )
    source = {"claimName": "data"} | ({"readOnly": True} if read_only == "volume" else {})
    container: Object = {"name": "main", "volumeMounts": [mount]}
    if user is not None:
        container["securityContext"] = {"runAsUser": user}
    spec = {
        "nodeName": node,
        "containers": [container],
        "volumes": [{"name": "v", "persistentVolumeClaim": source}],
    }
    return {"metadata": meta, "spec": spec, "status": {"phase": "Running"}}


BACKUPS = [
    using("backup-1", 65534, by="Job"),
    using("backup-2", 65534, read_only="mount"),
    using("backup-3", 65534, read_only="volume"),
]


def cluster(
    *pods: Object,
    modes: tuple[str, ...] = ("ReadWriteOnce",),
    attached: str | None = None,
    lost: tuple[str, ...] = (),
) -> ClusterState:
    """A namespace with these pods, and one bound claim."""
    spec = {"volumeName": "pv-1", "accessModes": list(modes)}
    claim = Claim.of({"metadata": {"name": "data"}, "spec": spec, "status": {"phase": "Bound"}})
    nodes = {"pv-1": attached} if attached else {}
    return ClusterState({"data": claim}, Users().add(pods), nodes, frozenset(), frozenset(lost))


def runs_as(known: TenantRecord, *pods: Object) -> int | None:
    place, fault, _ = cluster(*pods).place(known)
    assert fault is None
    assert place is not None
    return place.identity.user


@given(st.permutations([using("bot"), *BACKUPS, using("shell", 0, by=None)]))
def test_a_job_runs_as_the_workload_and_not_as_a_backup_beside_it(pods: list[Object]) -> None:
    assert runs_as(tenant(), *pods) == 1000


@pytest.mark.parametrize("backup", BACKUPS)
def test_a_backup_never_says_whose_the_files_are(backup: Object) -> None:
    known = tenant()
    assert runs_as(known, backup) is None
    assert runs_as(known, using("bot")) == 1000
    assert runs_as(known, backup) == 1000
    assert runs_as(known) == 1000


def test_a_known_owner_holds_while_a_pod_of_his_writes() -> None:
    known = tenant()
    assert runs_as(known, using("bot")) == 1000
    assert runs_as(known, using("admin", 0), using("bot")) == 1000
    # The workload has got another user.
    assert runs_as(known, using("bot", 2000)) == 2000


def test_what_was_known_of_another_directory_says_nothing_about_the_owner() -> None:
    known = tenant()
    assert runs_as(known, using("bot")) == 1000
    known.move()
    assert runs_as(known) is None


def test_an_owner_that_nobody_knows_yet_is_not_taken_for_a_known_one() -> None:
    users = Users().add([using("bot"), using("unsaid", None)]).of("data")

    assert owner_of(users, None) == BOT
    assert owner_of(users, RunAs()) == RunAs()
    assert owner_of((), None) is None


def test_the_container_that_writes_counts_whichever_stands_first() -> None:
    pod = using("bot")
    reader = {
        "name": "a-reader",
        "securityContext": {"runAsUser": 5},
        "volumeMounts": [{"name": "v", "mountPath": "/data", "readOnly": True}],
    }
    pod["spec"]["containers"].insert(0, reader)

    assert runs_as(tenant(), pod) == 1000


def test_a_claim_with_thousands_of_pods_keeps_a_few_and_the_writer() -> None:
    pods = [using(f"r-{n}", read_only="mount", node=f"node-{n}") for n in range(2000)]
    users = Users().add([*pods, using("bot", node="node-w")]).of("data")

    assert len(users) == USERS_MAX
    assert (users[0].node, users[0].owner) == ("node-w", BOT)


def placed(state: ClusterState) -> tuple[str | None, str, bool]:
    """Node, volume, and whether the Job is pinned to the node."""
    place, fault, _ = state.place(tenant())
    assert fault is None
    assert place is not None
    return place.node, place.volume, place.pinned


@pytest.mark.parametrize(
    ("modes", "pinned"),
    [
        (("ReadWriteOnce",), True),
        (("ReadWriteMany",), False),
        (("ReadWriteOnce", "ReadWriteMany"), False),
        (("ReadOnlyMany",), False),
        # Whoever may write to it does so on one node.
        (("ReadWriteOnce", "ReadOnlyMany"), True),
        ((), True),
    ],
)
def test_only_a_volume_of_one_node_pins_its_job(modes: tuple[str, ...], pinned: bool) -> None:
    assert placed(cluster(using("bot"), modes=modes)) == ("node-1", "", pinned)
    assert placed(cluster(attached="node-2", modes=modes)) == ("node-2", "", pinned)


@pytest.mark.parametrize("mode", ["ReadWriteOnce", "ReadWriteMany"])
def test_no_job_goes_to_a_node_that_is_lost(mode: str) -> None:
    old, new = using("bot-0", node="node-1"), using("bot-1", node="node-2")

    here = placed(cluster(old, new, modes=(mode,), lost=("node-1",)))
    assert here[0] == "node-2"
    nowhere = placed(cluster(old, modes=(mode,), lost=("node-1",)))
    assert nowhere[:2] == (None, "pv-1")
    assert placed(cluster(attached="node-1", modes=(mode,), lost=("node-1",)))[:2] == (None, "pv-1")


def test_a_job_tolerates_what_the_pod_on_its_node_does() -> None:
    old, new = using("bot-0", node="node-1"), using("bot-1", node="node-2")
    new["spec"]["tolerations"] = [{"key": "spot"}]

    for lost in (("node-1",), ("node-1", "node-2")):
        place, _, _ = cluster(new, old, lost=lost).place(tenant())
        assert place is not None
        assert place.tolerations == '[{"key": "spot"}]'


def test_a_node_is_looked_at_only_where_its_pods_raise_a_doubt() -> None:
    def in_doubt(*pods: Object) -> set[str]:
        return Users().add(pods).nodes_in_doubt("data")

    unready = using("bot-2", node="node-3")
    unready["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    assert in_doubt() == set()
    assert in_doubt(using("bot-0"), using("bot-1")) == set()
    assert in_doubt(using("bot-0"), using("bot-1", node="node-2")) == {"node-1", "node-2"}
    assert in_doubt(unready) == {"node-3"}

"""What a workload is to us: its claims, whoever writes its replicas, and why it must not be stopped."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.quiesce.workload import (
    CLAIMS_MAX,
    DEPLOYMENT,
    MANAGER,
    REPLICAS_MAX,
    STATEFUL_SET,
    UNNAMED,
    pods_using,
    read,
    refusal,
)

Object = dict[str, Any]
NAMES = [
    "metadata",
    "spec",
    "template",
    "volumes",
    "replicas",
    "managedFields",
    "fieldsV1",
    "f:spec",
    "f:replicas",
    "ownerReferences",
    "ordinals",
    "name",
    "volumeClaimTemplates",
    "persistentVolumeClaim",
    "claimName",
    "start",
]


def found(*claims: str, **spec: Any) -> Object:
    """A workload whose pods mount claims."""
    volumes = [
        {"name": f"v{at}", "persistentVolumeClaim": {"claimName": name}}
        for at, name in enumerate(claims)
    ]
    return {
        "metadata": {"name": "bot", "uid": "u", "resourceVersion": "7"},
        "spec": {"template": {"spec": {"volumes": volumes}}, **spec},
    }


def by(manager: str, sub: str = "") -> Object:
    """An entry of managedFields that owns the replicas."""
    return {
        "manager": manager,
        "operation": "Update",
        "subresource": sub,
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
    }


def managed(*entries: Object) -> Object:
    body = found("c")
    body["metadata"]["managedFields"] = [*entries, {"manager": "other", "fieldsV1": {"f:spec": {}}}]
    return body


def test_replicas_that_nobody_wrote_are_one() -> None:
    assert read(DEPLOYMENT, found("c")).replicas == 1
    assert read(DEPLOYMENT, found("c", replicas=0)).replicas == 0


def test_a_stateful_set_has_claims_for_each_pod() -> None:
    templates = [{"metadata": {"name": "data"}}]
    body = found("shared", replicas=2, volumeClaimTemplates=templates, ordinals={"start": 5})
    assert read(STATEFUL_SET, body).claims == {"shared", "data-bot-5", "data-bot-6"}


def test_the_claims_of_a_huge_workload_are_bounded() -> None:
    body = found(replicas=REPLICAS_MAX, volumeClaimTemplates=[{"metadata": {"name": "data"}}])
    assert len(read(STATEFUL_SET, body).claims) == CLAIMS_MAX


def test_only_the_scale_subresource_is_us() -> None:
    assert read(DEPLOYMENT, managed(by(MANAGER, "scale"))).scaled_by_us
    assert not read(DEPLOYMENT, managed(by(MANAGER))).scaled_by_us
    both = read(DEPLOYMENT, managed(by(MANAGER, "scale"), by("keda")))
    assert (both.scaled_by_us, both.others) == (False, ("keda",))
    assert read(DEPLOYMENT, managed()).managers == ()


@pytest.mark.parametrize("name", ["", "\x1b[31mred", "a" * 200, "two\nlines"])
def test_a_managers_name_that_may_not_be_shown_is_not_shown(name: str) -> None:
    assert read(DEPLOYMENT, managed(by(name))).managers == (UNNAMED,)


def test_a_workload_of_the_tenants_claim_alone_may_be_stopped() -> None:
    workload = read(DEPLOYMENT, found("c"))
    assert refusal(workload, "c", ["d", "e"], accepted=False) == ""


def test_a_workload_of_other_claims_is_refused() -> None:
    workload = read(DEPLOYMENT, found("d"))
    assert "do not use the tenant's claim" in refusal(workload, "c", [], accepted=True)
    assert "do not use the tenant's claim" in refusal(workload, "", [], accepted=True)


def test_a_workload_of_several_tenants_is_refused_unless_that_is_acknowledged() -> None:
    workload = read(DEPLOYMENT, found("c", "d"))
    # Another tenant on the same claim stops as well as one on another claim of the pods.
    said = refusal(workload, "c", ["c", "d", "e"], accepted=False)
    assert "2 other tenants" in said
    assert "StopsTenants" in said
    assert refusal(workload, "c", ["c", "d", "e"], accepted=True) == ""
    assert "another tenant" in refusal(workload, "c", ["d"], accepted=False)


def test_what_is_owned_deleted_or_absent_is_refused() -> None:
    owned = found("c")
    owned["metadata"]["ownerReferences"] = [{"kind": "Bot", "name": "acme", "controller": True}]
    assert "Bot/acme" in refusal(read(DEPLOYMENT, owned), "c", [], accepted=True)
    leaving = found("c")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-28T03:00:00Z"
    assert "being deleted" in refusal(read(DEPLOYMENT, leaving), "c", [], accepted=True)
    assert "no such workload" in refusal(None, "c", [], accepted=True)


def test_a_terminating_pod_uses_its_claim_and_an_ended_one_does_not() -> None:
    def pod(name: str, phase: str, claim: str = "c") -> Object:
        volume = {"name": "v", "persistentVolumeClaim": {"claimName": claim}}
        return {
            "metadata": {"name": name, "deletionTimestamp": "2026-11-28T03:00:00Z"},
            "spec": {"volumes": [volume]},
            "status": {"phase": phase},
        }

    pods = [
        pod("b", "Running"),
        pod("a", "Pending"),
        pod("ended", "Failed"),
        pod("other", "Running", "d"),
    ]
    assert pods_using("c", pods) == ["a", "b"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(NAMES),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_whatever_an_object_holds_it_is_read(value: object) -> None:
    body = value if isinstance(value, dict) else {"spec": value}
    workload = read(STATEFUL_SET, body)
    assert 0 <= workload.replicas <= REPLICAS_MAX
    refusal(workload, "c", ["d"], accepted=False)
    pods_using("c", [body])

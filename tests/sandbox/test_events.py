"""Events: one object in two groups, told as a real API server tells it."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Cluster
from sandbox.client import ApiError
from tests.sandbox.support import Kubectl, thing

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEW, CORE = "events.k8s.io/v1/events", "v1/events"
EARLIER, LATER = "2026-01-01T00:00:00.000000Z", "2026-01-01T00:05:00.000000Z"


def event(namespace: str, name: str = "e1", **more: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace},
        "regarding": {"kind": "Thing", "name": "acme", "namespace": namespace, "uid": "u-1"},
        "note": "noted",
        "reason": "Because",
        "type": "Normal",
        "action": "Look",
        "eventTime": EARLIER,
        "reportingController": "example.dev/janitor",
        "reportingInstance": "one",
        **more,
    }


async def test_events_of_the_new_group_are_the_same_objects(
    cluster: Cluster, namespace: str
) -> None:
    await cluster.client.create(NEW, namespace, event(namespace))
    old = await cluster.client.get(CORE, namespace, "e1")
    assert (old["message"], old["involvedObject"]["name"]) == ("noted", "acme")
    assert old["reportingComponent"] == "example.dev/janitor"
    new = await cluster.client.get(NEW, namespace, "e1")
    assert (new["note"], new["apiVersion"]) == ("noted", "events.k8s.io/v1")


async def test_each_group_selects_by_its_own_names(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(NEW, namespace, event(namespace))
    other = event(namespace, "e2", regarding={"kind": "Thing", "name": "b", "namespace": namespace})
    await cluster.client.create(NEW, namespace, other)

    async def found(group: str, fields: str) -> list[str]:
        listed = await cluster.client.select(group, namespace, fieldSelector=fields)
        return [each["metadata"]["name"] for each in listed["items"]]

    assert await found(CORE, "involvedObject.name=acme,involvedObject.uid=u-1") == ["e1"]
    assert await found(NEW, "regarding.name!=acme,reason=Because") == ["e2"]
    assert await found(NEW, "reportingController=example.dev/janitor,type=Normal") == ["e1", "e2"]
    for group, fields in ((CORE, "regarding.name=acme"), (NEW, "involvedObject.name=acme")):
        with pytest.raises(ApiError) as refused:
            await found(group, fields)
        assert refused.value.status == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"eventTime": None},
        {"type": "Loud"},
        {"action": ""},
        {"reason": ""},
        {"reportingController": "not a name"},
        {"reportingInstance": "x" * 129},
        {"note": "x" * 1025},
        {"series": {"count": 1, "lastObservedTime": LATER}},
        {"deprecatedCount": 3},
        {"deprecatedSource": {"component": "janitor"}},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_the_new_group_is_strict(
    wrong: dict[str, Any], cluster: Cluster, namespace: str
) -> None:
    with pytest.raises(ApiError) as refused:
        await cluster.client.create(NEW, namespace, event(namespace, **wrong))
    assert refused.value.status == 422


async def test_only_the_series_of_an_event_can_be_changed_in_the_new_group(
    cluster: Cluster, namespace: str
) -> None:
    await cluster.client.create(NEW, namespace, event(namespace))
    series = {"count": 2, "lastObservedTime": LATER}
    changed = await cluster.client.patch(NEW, namespace, "e1", {"series": series})
    assert changed["series"] == series
    for change in ({"note": "other"}, {"reason": "Other"}, {"regarding": {"name": "b"}}):
        with pytest.raises(ApiError) as refused:
            await cluster.client.patch(NEW, namespace, "e1", change)
        assert refused.value.status == 422
    # The old group never minded.
    await cluster.client.patch(CORE, namespace, "e1", {"message": "other"})


async def test_kubectl_counts_a_series(cluster: Cluster, namespace: str, kubectl: Kubectl) -> None:
    created = await cluster.client.create("example.dev/v1/things", namespace, thing())
    about = {
        "apiVersion": "example.dev/v1",
        "kind": "Thing",
        "namespace": namespace,
        "name": "acme",
        "uid": created["metadata"]["uid"],
    }
    series = {"count": 4, "lastObservedTime": LATER}
    await cluster.client.create(NEW, namespace, event(namespace, regarding=about, series=series))
    shown = (await kubectl("describe", "thing", "acme")).out
    assert "(x4 over " in shown
    assert "example.dev/janitor" in shown
    wide = (await kubectl("get", "events", "-o", "wide")).rows
    assert "4" in wide[1]

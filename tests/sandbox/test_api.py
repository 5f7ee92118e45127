"""What every client may count on: versions, watches, chunks, deletion."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from sandbox import Cluster
from sandbox.client import ApiError, path
from tests.sandbox.support import PATIENCE, Object, thing, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
THINGS, MAPS = "example.dev/v1/things", "v1/configmaps"


async def _events(cluster: Cluster, url: str, **params: str) -> AsyncGenerator[Object, None]:
    """The events of a watch, from whatever API server the cluster has."""
    session = cluster.client._session
    assert session is not None
    query = {"watch": "1", "allowWatchBookmarks": "true", **params}
    async with session.get(url, params=query) as response:
        if response.status >= 400:
            raise ApiError(response.status, "", await response.text())
        buffer = b""
        async for chunk in response.content.iter_any():
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                yield json.loads(line)


async def _take(events: AsyncIterator[Object], number: int) -> list[tuple[str, str]]:
    """The next events other than bookmarks: type and name."""
    found: list[tuple[str, str]] = []
    while len(found) < number:
        event = await asyncio.wait_for(anext(events), PATIENCE)
        if event["type"] != "BOOKMARK":
            found.append((event["type"], event["object"]["metadata"]["name"]))
    return found


async def test_a_write_with_an_old_version_is_a_conflict(cluster: Cluster, namespace: str) -> None:
    old = await cluster.client.create(THINGS, namespace, thing())
    await cluster.client.patch(THINGS, namespace, "acme", {"spec": {"mode": "B"}})
    version = {"resourceVersion": old["metadata"]["resourceVersion"]}
    for sub in ("", "status"):
        body = {"metadata": version, "status": {"level": "x"}}
        with pytest.raises(ApiError) as refused:
            await cluster.client.patch(THINGS, namespace, "acme", body, sub=sub)
        assert (refused.value.status, refused.value.reason) == (409, "Conflict")
    operations = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": version["resourceVersion"]},
        {"op": "add", "path": "/spec/low", "value": 3},
    ]
    with pytest.raises(ApiError) as refused:
        await cluster.client.patch(THINGS, namespace, "acme", operations, kind="json")
    assert refused.value.status == 422


async def test_a_write_that_changes_nothing_makes_no_event(
    cluster: Cluster, namespace: str
) -> None:
    await cluster.client.create(THINGS, namespace, thing())
    before = await cluster.client.patch(THINGS, namespace, "acme", {"spec": {"mode": "B"}})
    after = await cluster.client.patch(THINGS, namespace, "acme", {"spec": {"mode": "B"}})
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_names_can_be_generated(cluster: Cluster, namespace: str) -> None:
    body = {"metadata": {"generateName": "run-"}}
    names = {
        (await cluster.client.create(MAPS, namespace, body))["metadata"]["name"] for _ in range(5)
    }
    assert len(names) == 5
    assert all(name.startswith("run-") and len(name) == 9 for name in names)


@pytest.mark.parametrize("name", ["Upper", "under_score", "-dash"])
async def test_a_name_must_be_a_dns_name(cluster: Cluster, namespace: str, name: str) -> None:
    with pytest.raises(ApiError) as refused:
        await cluster.client.create(THINGS, namespace, thing(name))
    assert refused.value.status == 422
    assert "a lowercase RFC 1123 subdomain must consist of" in refused.value.message


async def test_a_watch_tells_what_happens_after_its_version(
    cluster: Cluster, namespace: str
) -> None:
    listed = await cluster.client.select(THINGS, namespace)
    await cluster.client.create(THINGS, namespace, thing())
    await cluster.client.patch(THINGS, namespace, "acme", {"spec": {"mode": "B"}})
    version = listed["metadata"]["resourceVersion"]
    url = path(THINGS, namespace)
    async with aclosing(_events(cluster, url, resourceVersion=version)) as events:
        assert await _take(events, 2) == [("ADDED", "acme"), ("MODIFIED", "acme")]
        await cluster.client.delete(THINGS, namespace, "acme")
        assert await _take(events, 1) == [("DELETED", "acme")]


async def test_a_watch_from_a_version_that_is_gone_is_answered_by_an_error_in_its_stream(
    cluster: Cluster,
) -> None:
    # Not by the status of the answer, which clients take for a fault of the server and give up on.
    (told,) = [event async for event in _events(cluster, path(THINGS), resourceVersion="1")]
    assert told["type"] == "ERROR"
    assert (told["object"]["code"], told["object"]["reason"]) == (410, "Expired")
    assert told["object"]["message"].startswith("too old resource version: 1 (")


async def test_a_watch_by_label_sees_objects_come_into_view_and_leave_it(
    cluster: Cluster, namespace: str
) -> None:
    await cluster.client.create(THINGS, namespace, thing())
    url = path(THINGS, namespace)
    async with aclosing(_events(cluster, url, labelSelector="tier=gold")) as events:
        gold = {"metadata": {"labels": {"tier": "gold"}}}
        waiting = asyncio.create_task(_take(events, 1))
        await cluster.client.patch(THINGS, namespace, "acme", gold)
        assert await waiting == [("ADDED", "acme")]
        await cluster.client.patch(THINGS, namespace, "acme", {"metadata": {"labels": None}})
        assert await _take(events, 1) == [("DELETED", "acme")]


async def test_a_watch_may_begin_with_what_is_there(cluster: Cluster, namespace: str) -> None:
    for name in ("a", "b"):
        await cluster.client.create(THINGS, namespace, thing(name))
    params = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
    async with aclosing(_events(cluster, path(THINGS, namespace), **params)) as events:
        first = [await asyncio.wait_for(anext(events), PATIENCE) for _ in range(3)]
    assert [event["type"] for event in first] == ["ADDED", "ADDED", "BOOKMARK"]
    annotations = first[2]["object"]["metadata"]["annotations"]
    assert annotations == {"k8s.io/initial-events-end": "true"}


async def test_a_watch_ends_when_its_time_is_over(cluster: Cluster, namespace: str) -> None:
    async with aclosing(_events(cluster, path(THINGS, namespace), timeoutSeconds="1")) as events:
        async with asyncio.timeout(PATIENCE):
            assert [e async for e in events if e["type"] != "BOOKMARK"] == []


async def test_a_list_comes_in_chunks_of_the_size_that_was_asked_for(
    cluster: Cluster, namespace: str
) -> None:
    for number in range(7):
        await cluster.client.create(MAPS, namespace, {"metadata": {"name": f"m-{number}"}})
    names: list[str] = []
    token = ""
    while True:
        page = await cluster.client.select(MAPS, namespace, limit="3", **{"continue": token})
        names += [item["metadata"]["name"] for item in page["items"]]
        assert len(page["items"]) <= 3
        if not (token := page["metadata"].get("continue", "")):
            break
    assert [n for n in names if n.startswith("m-")] == [f"m-{number}" for number in range(7)]


async def test_a_finalizer_holds_an_object_until_it_is_taken_off(
    cluster: Cluster, namespace: str
) -> None:
    value = thing()
    value["metadata"]["finalizers"] = ["example.dev/hold"]
    await cluster.client.create(THINGS, namespace, value)
    marked = await cluster.client.delete(THINGS, namespace, "acme")
    assert "deletionTimestamp" in marked["metadata"]
    more = {"metadata": {"finalizers": ["example.dev/hold", "example.dev/more"]}}
    with pytest.raises(ApiError) as refused:
        await cluster.client.patch(THINGS, namespace, "acme", more)
    assert "no new finalizers can be added" in refused.value.message
    with pytest.raises(ApiError) as taken:
        await cluster.client.create(THINGS, namespace, thing())
    assert (taken.value.status, taken.value.reason) == (409, "AlreadyExists")
    assert taken.value.message.startswith("object is being deleted")
    await cluster.client.patch(THINGS, namespace, "acme", {"metadata": {"finalizers": None}})
    with pytest.raises(ApiError) as gone:
        await cluster.client.get(THINGS, namespace, "acme")
    assert gone.value.status == 404


async def test_a_deletion_may_name_the_very_object(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(THINGS, namespace, thing())
    with pytest.raises(ApiError) as refused:
        await cluster.client.delete(THINGS, namespace, "acme", uid="another")
    assert refused.value.status == 409


def _owned(name: str, *owners: Object, block: bool = False) -> Object:
    references = [
        {
            "apiVersion": "example.dev/v1",
            "kind": "Thing",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": block,
        }
        for owner in owners
    ]
    return {"metadata": {"name": name, "ownerReferences": references}}


async def _gone(cluster: Cluster, resource: str, namespace: str, name: str) -> None:
    async def absent() -> bool:
        try:
            await cluster.client.get(resource, namespace, name)
        except ApiError as error:
            return error.status == 404
        return False

    await until(absent)


async def test_dependents_follow_their_owner(cluster: Cluster, namespace: str) -> None:
    owner = await cluster.client.create(THINGS, namespace, thing())
    await cluster.client.create(MAPS, namespace, _owned("kept", owner))
    await cluster.client.delete(THINGS, namespace, "acme")
    await _gone(cluster, MAPS, namespace, "kept")


async def test_a_dependent_of_two_outlives_the_first(cluster: Cluster, namespace: str) -> None:
    one = await cluster.client.create(THINGS, namespace, thing("one"))
    two = await cluster.client.create(THINGS, namespace, thing("two"))
    await cluster.client.create(MAPS, namespace, _owned("shared", one, two))
    await cluster.client.delete(THINGS, namespace, "one")

    async def left_to_one() -> bool:
        found = await cluster.client.get(MAPS, namespace, "shared")
        return [o["name"] for o in found["metadata"]["ownerReferences"]] == ["two"]

    await until(left_to_one)
    await cluster.client.delete(THINGS, namespace, "two")
    await _gone(cluster, MAPS, namespace, "shared")


async def test_foreground_deletion_lets_dependents_go_first(
    cluster: Cluster, namespace: str
) -> None:
    owner = await cluster.client.create(THINGS, namespace, thing())
    held = _owned("held", owner, block=True)
    held["metadata"]["finalizers"] = ["example.dev/hold"]
    await cluster.client.create(MAPS, namespace, held)
    await cluster.client.delete(THINGS, namespace, "acme", propagationPolicy="Foreground")

    async def dependent_marked() -> bool:
        found = await cluster.client.get(MAPS, namespace, "held")
        return "deletionTimestamp" in found["metadata"]

    await until(dependent_marked)
    assert await cluster.client.get(THINGS, namespace, "acme")
    await cluster.client.patch(MAPS, namespace, "held", {"metadata": {"finalizers": None}})
    await _gone(cluster, THINGS, namespace, "acme")


async def test_orphans_stay(cluster: Cluster, namespace: str) -> None:
    owner = await cluster.client.create(THINGS, namespace, thing())
    await cluster.client.create(MAPS, namespace, _owned("orphan", owner))
    await cluster.client.delete(THINGS, namespace, "acme", propagationPolicy="Orphan")
    await _gone(cluster, THINGS, namespace, "acme")
    left = await cluster.client.get(MAPS, namespace, "orphan")
    assert "ownerReferences" not in left["metadata"]


async def test_two_controllers_are_refused(cluster: Cluster, namespace: str) -> None:
    owners = [await cluster.client.create(THINGS, namespace, thing(name)) for name in ("a", "b")]
    body = _owned("torn", *owners)
    for reference in body["metadata"]["ownerReferences"]:
        reference["controller"] = True
    with pytest.raises(ApiError) as refused:
        await cluster.client.create(MAPS, namespace, body)
    assert "Only one reference can have Controller set to true" in refused.value.message


async def test_a_whole_collection_can_be_deleted(cluster: Cluster, namespace: str) -> None:
    for name in ("a", "b"):
        await cluster.client.create(THINGS, namespace, thing(name))
    await cluster.client.request("DELETE", path(THINGS, namespace), {})
    assert (await cluster.client.select(THINGS, namespace))["items"] == []

"""Who is told what of a fleet, by real requests: grouped, once, across restarts, whatever the endpoint does."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.notify.channels import http
from baileys_janitor.schedule.circuit_breaker import Hold
from tests.controller.live.notified import (
    RECORD,
    RECORDS,
    Telling,
    kept,
    passing,
    settings,
    settled,
)
from tests.controller.live.operators import SkippingClock
from tests.controller.live.world import World, until
from tests.notify.receivers import Answer, Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_level_that_changes_is_told_with_all_that_is_needed_at_night(
    telling: Telling, receiver: Receiver
) -> None:
    telling.put("acme", "Healthy")
    async with telling.running():
        telling.put("acme", "Emergency")
        (request,) = await passing(telling, receiver, 1)
    document = request.json
    assert document["version"] == "1"
    assert document["type"] == "incidents"
    assert document["severity"] == "Emergency"
    assert document["title"] == "Emergency: shop/acme has 190 files, the limit is 180"
    (group,) = document["groups"]
    (tenant,) = group["tenants"]
    assert tenant["companyId"] == "c-acme"
    assert tenant["figures"]["counted"] == 190
    assert group["command"] == "kubectl describe baileystenant acme -n shop"
    assert group["runbook"].endswith("/tenant-emergency.md")


async def test_a_thousand_tenants_that_change_at_once_are_one_message(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    for number in range(1000):
        telling.put(f"t{number}", "Healthy", namespace=f"ns-{number % 7}")
    async with telling.running():
        for number in range(1000):
            telling.put(f"t{number}", "Emergency", namespace=f"ns-{number % 7}")
        (request,) = await passing(telling, receiver, 1)
        await settled(telling, world)
    assert len(receiver.requests) == 1
    assert request.json["title"] == "Emergency: 1,000 tenants have reached their limit"
    (group,) = request.json["groups"]
    assert (group["count"], group["namespaces"], len(group["tenants"])) == (1000, 7, 50)
    assert len(await kept(world)) < 40_000


async def test_a_restart_repeats_nothing_and_tells_what_was_missed(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    for name in ("acme", "beta", "coma"):
        telling.put(name, "Emergency" if name != "coma" else "Healthy")
    async with telling.running():
        await passing(telling, receiver, 1)
        await until(lambda: kept(world), "it is kept")
    # While no operator is there, one recovers and another one gets into trouble.
    telling.put("beta", "Healthy")
    telling.put("coma", "Critical")
    telling.clock.skip(1200)
    async with telling.running():
        requests = await passing(telling, receiver, 2)
        await settled(telling, world)
    assert len(receiver.requests) == 2
    said = {
        (tenant["name"], group["change"], group["reason"])
        for group in requests[1].json["groups"]
        for tenant in group["tenants"]
    }
    assert said == {("coma", "new", "TenantCritical"), ("beta", "ended", "TenantEmergency")}


async def test_an_operator_that_is_killed_again_and_again_tells_each_thing_once(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    for number in range(20):
        telling.put(f"t{number}", "Emergency")
        async with telling.running():
            telling.clock.skip(61)
            await asyncio.sleep(0.02)
    async with telling.running():
        telling.clock.skip(700)
        await settled(telling, world)
    told = [
        tenant["name"]
        for request in receiver.taken
        for group in request.json["groups"]
        for tenant in group["tenants"]
        if group["change"] == "new"
    ]
    assert sorted(told) == sorted(f"t{number}" for number in range(20))


async def test_an_end_that_comes_while_the_record_is_written_repeats_nothing(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    telling.put("acme", "Healthy")
    async with telling.running():
        await until(lambda: kept(world), "the first look is kept")
        # This write is under way for longer than the operator lives.
        written = world.cluster.delay(5, method="PATCH", path=f"{world.namespace}/configmaps")
        telling.put("acme", "Emergency")
        await passing(telling, receiver, 1)
        await until(lambda: written.hits, "it is being written")
    async with telling.running():
        telling.clock.skip(700)
        await settled(telling, world)
    assert [request.json["title"] for request in receiver.taken] == [
        "Emergency: shop/acme has 190 files, the limit is 180"
    ]


async def many_emergencies(telling: Telling, receiver: Receiver, world: World, count: int) -> None:
    """Tenants get into trouble one after another; then the receiver works, until all is sent."""
    for number in range(count):
        telling.put(f"t{number}", "Emergency")
        for _ in range(10):
            telling.clock.skip(7)
            await asyncio.sleep(0.005)
    receiver.then = lambda _: Answer()
    for _ in range(3):
        await settled(telling, world)


def reported_as_new(documents: Iterable[dict[str, Any]]) -> list[str]:
    """Return the tenants that messages report as new."""
    return [
        tenant["name"]
        for document in documents
        for group in document["groups"]
        for tenant in group["tenants"]
        if group["change"] == "new"
    ]


async def test_a_receiver_that_fails_half_the_time_hears_of_everything_once(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    answers = itertools.cycle([Answer(400), Answer()])
    receiver.then = lambda _: next(answers)
    async with telling.running():
        await many_emergencies(telling, receiver, world, 30)
    told = reported_as_new(request.json for request in receiver.taken)
    assert any(request.answer == 400 for request in receiver.requests)
    assert sorted(told) == sorted(f"t{number}" for number in range(30))
    assert len(receiver.taken) < 30


async def test_a_receiver_that_takes_what_it_says_it_did_not_knows_every_repeat_by_its_id(
    telling: Telling, receiver: Receiver, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pauses between attempts are real ones.
    monkeypatch.setattr(http, "ATTEMPTS", 1)
    answers = itertools.cycle([Answer(500), Answer(hang_up=True), Answer()])
    receiver.then = lambda _: next(answers)
    async with telling.running():
        await many_emergencies(telling, receiver, world, 20)
    by_id = {request.json["id"]: request.json for request in receiver.requests}
    assert len(by_id) < len(receiver.requests)
    told = reported_as_new(by_id.values())
    assert sorted(told) == sorted(f"t{number}" for number in range(20))


async def test_what_passed_while_the_endpoint_was_dead_is_told_even_after_a_restart(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    receiver.then = lambda _: Answer(404)
    telling.put("acme", "Healthy")
    async with telling.running() as work:
        telling.put("acme", "Emergency")

        def failed() -> bool:
            telling.clock.skip(10)
            return work.counts["hook"].failed >= 1

        await until(failed, "it fails")
        await until(lambda: kept(world), "what is owed is kept")
    telling.put("acme", "Healthy")
    receiver.then = lambda _: Answer()
    async with telling.running():
        (request,) = await passing(telling, receiver, 1)
    (group,) = request.json["groups"]
    assert (group["change"], group["reason"]) == ("passed", "TenantEmergency")
    assert request.json["title"].endswith("ended before it could be reported")


async def test_the_circuit_breaker_is_told_once_and_so_is_its_end(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    for number in range(10):
        telling.put(f"t{number}", "Healthy")
    async with telling.running():
        telling.held = Hold(telling.clock.now() + 3600, False, ("shop",), ("t1", "t2"))
        (opened,) = await passing(telling, receiver, 1)
        assert opened.json["groups"][0]["reason"] == "CircuitBreakerOpen"
        assert "namespace shop (tenants t1 and t2)" in json.dumps(opened.json)
        telling.held = None
        _, closed = await passing(telling, receiver, 2, step=30)
        await settled(telling, world)
    assert closed.json["title"].startswith("Resolved: hold of automatic cleanups after")
    assert len(receiver.requests) == 2


async def test_one_tenant_can_be_left_out_by_an_annotation(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    telling.put("acme", "Healthy")
    telling.annotations = {"janitor.baileys.dev/notify": "false"}
    telling.put("beta", "Healthy")
    async with telling.running():
        telling.put("beta", "Emergency")
        telling.annotations = {}
        telling.put("acme", "Warning")
        await passing(telling, receiver, 1)
        await settled(telling, world)
    assert [request.json["title"] for request in receiver.taken] == [
        "Warning: shop/acme has 155 files, the limit is 180"
    ]


async def test_a_tenant_that_is_deleted_is_over(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    for name in ("acme", "beta"):
        telling.put(name, "Emergency")
    async with telling.running():
        await passing(telling, receiver, 1)
        telling.cache.forget(("shop", "acme"), "u-shop-acme")
        await passing(telling, receiver, 2, step=30)
        await settled(telling, world)
    assert receiver.taken[1].json["title"].startswith("Resolved: Emergency of shop/acme after")
    assert "the tenant was deleted" in receiver.taken[1].json["text"]
    assert len(receiver.taken) == 2


async def test_a_dead_channel_is_told_in_the_log_once_and_again_when_it_works(
    telling: Telling, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.then = lambda _: Answer(404)
    telling.put("acme", "Emergency")
    async with telling.running() as work:

        def failed() -> bool:
            telling.clock.skip(60)
            return work.counts["hook"].failed >= 3

        await until(failed, "it fails")
        receiver.then = lambda _: Answer()
        await passing(telling, receiver, 1, step=60)
    lines = [r.getMessage() for r in caplog.records if "Notifications to" in r.getMessage()]
    assert lines == [
        "Notifications to all/hook do not arrive: HTTP 404. They are kept and sent later",
        "Notifications to all/hook arrive again",
    ]
    assert receiver.url not in caplog.text


@pytest.mark.parametrize(
    ("kind", "held", "said"),
    [
        ({"webhook": {"urlKey": "K"}}, None, "the Secret has no key K: add it"),
        ({"webhook": {"urlKey": "K"}}, "hidden", "the key K of the Secret holds no URL"),
        ({"telegram": {"tokenKey": "K", "chatId": "1"}}, "hidden", "holds no bot token"),
        ({"sentry": {"dsnKey": "K"}}, "https://hidden/1", "the key K of the Secret holds no DSN"),
        (
            {"apprise": {"urlKey": "K"}},
            "hidden",
            "URL 1 in the key K of the Secret is not a service",
        ),
    ],
)
async def test_a_key_that_is_missing_or_of_no_use_is_named_at_the_start(
    kind: dict[str, Any],
    held: str | None,
    said: str,
    world: World,
    kubeconfig: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if held is not None:
        monkeypatch.setenv("K", held)
    channels = [{"name": "night", **kind}]
    telling = Telling(settings(world.namespace, channels=channels), SkippingClock())
    async with telling.running():
        await until(lambda: "Nothing can be sent to night:" in caplog.text, "it is told")
    assert said in caplog.text
    assert "hidden" not in caplog.text


async def test_a_secret_that_is_put_right_needs_no_restart(
    world: World, kubeconfig: Path, receiver: Receiver, tmp_path: Path
) -> None:
    secret = tmp_path / "hook"
    secret.write_text("rubbish")
    channels = [{"name": "hook", "webhook": {"urlKey": "hook"}}]
    config = settings(world.namespace, channels=channels, secretsDirectory=str(tmp_path))
    telling = Telling(config, SkippingClock())
    telling.put("acme", "Emergency")
    async with telling.running() as work:

        def failed() -> bool:
            telling.clock.skip(10)
            return work.counts["hook"].failed >= 1

        await until(failed, "it fails")
        assert work.failing() == {"hook": True}
        secret.write_text(receiver.url)
        (request,) = await passing(telling, receiver, 1)
        await until(lambda: telling.clock.skip(10) or not work.failing()["hook"], "all is well")
    assert request.json["severity"] == "Emergency"


async def test_a_channel_is_told_of_as_out_of_order_before_there_is_anything_to_send(
    world: World, kubeconfig: Path, receiver: Receiver, tmp_path: Path
) -> None:
    channels = [{"name": name, "webhook": {"urlKey": name}} for name in ("day", "night")]
    (tmp_path / "day").write_text(receiver.url)
    config = settings(world.namespace, channels=channels, secretsDirectory=str(tmp_path))
    telling = Telling(config, SkippingClock())
    async with telling.running() as work:
        await until(lambda: work.failing()["night"], "a key that is missing is noticed")
        (tmp_path / "night").write_text(receiver.url)
        await until(lambda: telling.clock.skip(10) or not work.failing()["night"], "it is mended")
        assert not work.failing()["day"]
        (tmp_path / "day").write_text("rubbish")
        await until(lambda: telling.clock.skip(10) or work.failing()["day"], "it has been broken")
    assert not receiver.requests


@pytest.mark.usefixtures("sandbox_only")
async def test_a_record_that_cannot_be_kept_is_kept_when_it_can(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    fault = world.cluster.fail(
        403, method="PATCH", path=f"{world.namespace}/configmaps", times=None
    )
    telling.put("acme", "Emergency")
    async with telling.running():
        await passing(telling, receiver, 1)
        await until(lambda: fault.hits, "it was tried")
        assert await kept(world) == ""
        world.cluster.forgive(fault)

        async def there() -> str:
            telling.clock.skip(10)
            return await kept(world)

        await until(there, "it is kept")
    assert len(receiver.taken) == 1


async def test_a_record_that_was_deleted_or_spoilt_has_all_that_holds_told_anew(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    telling.put("acme", "Emergency")
    async with telling.running():
        await passing(telling, receiver, 1)
        await until(lambda: kept(world), "it is kept")
    await world.client.patch(RECORDS, world.namespace, RECORD, {"data": {"told": "rubbish"}})
    async with telling.running():
        await passing(telling, receiver, 2)
    assert receiver.requests[0].json["title"] == receiver.requests[1].json["title"]

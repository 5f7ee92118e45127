"""The whole operator tells: of an emergency that it finds, of what it did about it, and when it is over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from baileys_janitor.notify import delivery_state_codec
from tests.controller.live.operators import LocalOperator, OperatorProcess
from tests.controller.live.world import World, until
from tests.notify.receivers import Answer, Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]
Object = dict[str, Any]


def notifications(world: World, **more: Any) -> Object:
    channels = [{"name": "hook", "webhook": {"urlKey": "HOOK"}}]
    return {
        "leaderElection": {"enabled": False, "namespace": world.namespace},
        "notifications": {"channels": channels, "groupWait": "1s", **more},
    }


def said(receiver: Receiver) -> list[str]:
    return [request.json["title"] for request in receiver.taken]


def reasons(receiver: Receiver) -> list[str]:
    found = [group for request in receiver.taken for group in request.json.get("groups") or ()]
    return [group["reason"] for group in found]


async def test_an_emergency_is_told_and_its_cleanup_and_its_end(
    world: World, operator: Operator, receiver: Receiver
) -> None:
    await world.company("acme", "emergency")
    settings = notifications(world, cleanupInterval="0s", resolveAfter="2s", groupInterval="0s")
    async with operator(**settings) as running:
        await world.cleaned("acme")
        with running.hurry():
            await until(lambda: "TenantWarning" in reasons(receiver), "what is left is told")
            done = f"Cleanup of {world.namespace}/acme: 39 files removed"
            await until(lambda: any(t.startswith(done) for t in said(receiver)), "the cleanup, too")
    # The cleanup may have been quicker than the first message.
    assert set(reasons(receiver)) <= {"TenantEmergency", "TenantWarning"}
    assert len(receiver.taken) <= 3


async def test_a_killed_operator_s_successor_repeats_nothing(
    world: World,
    process: Callable[..., OperatorProcess],
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await world.company("acme", "warning", mode="Observe")
    # As who has always had this one variable: no channel is configured.
    monkeypatch.setenv("NOTIFICATION_WEBHOOK", receiver.url)
    settings = notifications(world, groupInterval="1s")
    del settings["notifications"]["channels"]
    first = process(**settings)
    await first.start()
    await until(lambda: receiver.taken, "it is told")

    async def kept() -> bool:
        # The record is there from the first look on; that the message was sent comes into it after that.
        maps = await world.client.select("v1/configmaps", world.namespace)
        texts = [each["data"]["told"] for each in maps["items"] if "told" in each.get("data", {})]
        return any(
            ledger.sent for text in texts for ledger in delivery_state_codec.decode(text).values()
        )

    await until(kept, "it is kept")
    await first.kill()
    await world.company("beta", "warning", mode="Observe")
    second = process(**settings)
    await second.start()
    await until(lambda: len(receiver.taken) >= 2, "the other one is told")
    assert await second.terminate() == 0
    assert receiver.url not in first.log + second.log
    assert [title.split(" has ")[0] for title in said(receiver)] == [
        f"Warning: {world.namespace}/acme",
        f"Warning: {world.namespace}/beta",
    ]


async def test_an_endpoint_that_never_answers_delays_neither_work_nor_end(
    world: World, operator: Operator, receiver: Receiver
) -> None:
    never = asyncio.Event()
    receiver.then = lambda _: Answer(after=never)
    await world.company("acme", "emergency")
    async with operator(**notifications(world)) as running:
        await until(lambda: receiver.requests, "it is told")
        await world.ask("acme", "now")
        await world.cleaned("acme", runs=2, outcome="NothingToDo")
        assert running.running
    never.set()


async def test_every_channel_is_told_while_one_of_them_hangs_and_one_is_dead(
    world: World,
    process: Callable[..., OperatorProcess],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    never = asyncio.Event()
    hanging = Receiver(then=lambda _: Answer(after=never))
    telegram = Receiver(then=lambda _: Answer(200, body=b'{"ok": true, "result": {}}'))
    sentry, service, hook = (Receiver(then=lambda _: Answer(200, body=b"{}")) for _ in range(3))
    named = {"hanging": hanging, "telegram": telegram, "sentry": sentry}
    named |= {"apprise": service, "hook": hook}
    async with contextlib.AsyncExitStack() as stack:
        for each in named.values():
            await stack.enter_async_context(each.served())
        secrets = {
            "HANGING": hanging.url,
            "DEAD": "http://127.0.0.1:1/hook",
            "HOOK": hook.url,
            "TOKEN": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
            "DSN": sentry.url.replace("http://", "http://key@") + "/42",
            "SERVICE": service.url.replace("http://", "json://"),
        }
        for key, value in (secrets | {"NO_PROXY": "*"}).items():
            monkeypatch.setenv(key, value)
        channels = [
            {"name": "hanging", "webhook": {"urlKey": "HANGING"}},
            {"name": "dead", "webhook": {"urlKey": "DEAD"}},
            {"name": "hook", "webhook": {"urlKey": "HOOK"}},
            {
                "name": "telegram",
                "telegram": {"tokenKey": "TOKEN", "chatId": "-100", "apiUrl": telegram.url},
            },
            {"name": "sentry", "sentry": {"dsnKey": "DSN"}},
            {"name": "apprise", "apprise": {"urlKey": "SERVICE"}},
        ]
        await world.company("acme", "warning", mode="Observe")
        running = process(**notifications(world, channels=channels))
        await running.start()
        await until(lambda: all(each.requests for each in named.values()), "all are told")
        await until(lambda: "Notifications to all/dead do not arrive" in running.log, "it is said")
        assert await running.terminate() == 0
        assert not any(value in running.log for value in secrets.values())
        never.set()
    for told in (telegram, sentry, service, hook):
        (request,) = told.requests
        assert f"{world.namespace}/acme has 1" in request.body.decode()


@pytest.mark.usefixtures("sandbox_only")
async def test_what_was_told_but_not_noted_before_a_kill_is_repeated_under_its_own_id(
    world: World, process: Callable[..., OperatorProcess], receiver: Receiver
) -> None:
    await world.company("acme", "warning", mode="Observe")
    noting = f"{world.namespace}/configmaps"
    fault = world.cluster.fail(500, method="PATCH", path=noting, times=None)
    first = process(**notifications(world))
    await first.start()
    await until(lambda: receiver.taken and fault.hits, "it is told, and cannot be noted")
    await first.kill()
    world.cluster.forgive(fault)
    second = process(**notifications(world))
    await second.start()
    await until(lambda: len(receiver.taken) == 2, "it is told again")
    assert await second.terminate() == 0
    assert receiver.taken[0].json["id"] == receiver.taken[1].json["id"]
    assert receiver.taken[0].headers["webhook-id"] == receiver.taken[1].headers["webhook-id"]

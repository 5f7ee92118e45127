"""Events are taken right from Kopf's watch; where that has no effect, its handlers bring them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import kopf
import pytest

from baileys_janitor.controller import kopf_handlers, kopf_streams
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import World

Object = dict[str, Any]
EVENTS = [
    {"type": None, "object": {"metadata": {"name": "a"}}},
    {"type": "BOOKMARK", "object": {}},
    {"type": "DELETED", "object": {"metadata": {"name": "b"}}},
]


@pytest.mark.asyncio(loop_scope="session")
async def test_kopfs_handlers_get_no_event(
    world: World, operator: Callable[..., LocalOperator], monkeypatch: pytest.MonkeyPatch
) -> None:
    handled: list[Object] = []
    handle = kopf_handlers._handle

    def watched(registry: Any, kind: Any, receive: Any) -> None:
        def seen(plural: str, event: Object) -> None:
            handled.append(event)
            receive(plural, event)

        handle(registry, kind, seen)

    monkeypatch.setattr(kopf_handlers, "_handle", watched)
    await world.company("acme", "healthy")
    async with operator(knows=1):
        await world.scanned("acme")
    assert handled == []


@pytest.mark.asyncio(loop_scope="session")
async def test_a_kopf_whose_stream_is_not_diverted_is_as_good(
    world: World, operator: Callable[..., LocalOperator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kopf_streams, "divert", lambda *_, **__: None)
    await world.company("acme", "healthy")
    async with operator(knows=1):
        await world.scanned("acme")


async def streamed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    async def direct(**_: Any) -> AsyncIterator[Any]:
        for event in EVENTS:
            yield event

    monkeypatch.setattr(kopf_streams, "_direct", direct)
    of = {"settings": settings, "resource": SimpleNamespace(plural="jobs")}
    return [event async for event in kopf_streams._diverted(**of)]


async def test_bookmarks_go_on_and_objects_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Any] = []
    settings = kopf.OperatorSettings()
    kopf_streams.divert(settings, lambda plural, event: taken.append((plural, event)), lambda: 0)

    assert await streamed(settings, monkeypatch) == [EVENTS[1]]
    assert taken == [("jobs", EVENTS[0]), ("jobs", EVENTS[2])]


async def test_another_kopf_in_the_process_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await streamed(SimpleNamespace(), monkeypatch) == EVENTS


async def test_no_more_is_read_while_too_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Any] = []
    settings = kopf.OperatorSettings()
    waiting = [kopf_streams.FULL + 1]
    kopf_streams.divert(settings, lambda *event: taken.append(event), lambda: waiting[0])

    reading = asyncio.create_task(streamed(settings, monkeypatch))
    while not taken:  # noqa: ASYNC110
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(taken) == 1
    waiting[0] = 0
    await reading
    assert len(taken) == 2

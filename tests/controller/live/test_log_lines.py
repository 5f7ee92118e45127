"""The log of an operator at work: lines that a machine reads, one a decision, and nothing that is a session's own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.log_lines import FIELDS
from tests.controller.live.operators import OperatorProcess
from tests.controller.live.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")
Process = Callable[..., OperatorProcess]


def secrets(directory: Path) -> set[str]:
    """What of a session nobody may ever see: its files' names, numbers in them, and long values inside them."""
    found: set[str] = set()
    for file in directory.glob("*.json"):
        if file.name == "creds.json":
            found |= set(re.findall(r'"([A-Za-z0-9+/=:@.]{12,})"', file.read_text()))
        else:
            found |= {file.name, file.stem}
            found |= set(re.findall(r"\d{7,}", file.name))
    return found


def found_in(text: str, words: set[str]) -> list[str]:
    """Return the words that a text holds, unless as the digits of a fraction: seconds have many."""
    without = re.sub(r"\d\.\d+", "", text)
    return [word for word in words if word in without]


async def _live_through(world: World, operator: OperatorProcess) -> set[str]:
    """Let an operator find an emergency, faults and requests; return what must not be told."""
    kept_secret = secrets(await world.company("acme", "emergency"))
    kept_secret |= secrets(await world.company("watched", "critical", mode="Observe"))
    kept_secret |= secrets(await world.company("broken", "corrupt"))
    await world.tenant("missing", "nowhere")
    await world.tenant("wrong", "nowhere", thresholds={"warning": 500})
    await operator.start()
    await world.cleaned("acme")
    await world.scanned("watched")
    await world.scanned("broken")
    await world.ready("missing", "ClaimMissing")
    await world.ready("wrong", "InvalidSpec")
    for token, outcome, runs in (("one", "NothingToDo", 2), ("two", "NothingToDo", 3)):
        await world.ask("acme", token)
        await world.cleaned("acme", outcome, runs)
    await world.ask("watched", "one")
    await world.cleaned("watched", "Refused")
    await world.quiet()
    assert await operator.terminate() == 0
    return kept_secret


async def shown(world: World) -> str:
    """All that the API server has of the tenants: statuses and Events."""
    events = await world.client.select("events.k8s.io/v1/events", world.namespace)
    found = [await world.get(name) for name in ("acme", "watched", "broken", "missing", "wrong")]
    return json.dumps([found, events])


async def test_json_lines_are_decisions_with_fields_and_hold_nothing_of_a_session(
    world: World, process: Process
) -> None:
    operator = process(logging={"level": "info", "format": "json"})
    kept_secret = await _live_through(world, operator)
    lines: list[dict[str, Any]] = [json.loads(line) for line in operator.log.splitlines()]
    for line in lines:
        assert {"time", "level", "logger", "message"} <= set(line)
        assert set(line) - {"time", "level", "logger", "message"} <= set(FIELDS)
        # The libraries have nothing to say of a good day.
        assert line["logger"].startswith("janitor.")
    about = [line for line in lines if line.get("tenant") == "acme"]
    told = [(line["message"], line.get("reason"), line.get("outcome")) for line in about]
    assert told == [
        ("Level changed", None, None),
        ("Cleanup started", "Emergency", None),
        ("Cleanup finished", "Emergency", "Completed"),
        ("Level changed", None, None),
        ("Cleanup started", "Requested", None),
        ("Cleanup finished", "Requested", "NothingToDo"),
        ("Cleanup started", "Requested", None),
        ("Cleanup finished", "Requested", "NothingToDo"),
    ]
    assert all(line["seconds"] > 0 for line in about if line["message"] == "Cleanup finished")
    assert all(line["namespace"] == world.namespace and line["action"] for line in about)
    everything = operator.log + await shown(world)
    assert len(kept_secret) > 200
    assert found_in(everything, kept_secret) == []


async def test_lines_for_a_console_hold_nothing_of_a_session_at_debug_either(
    world: World, process: Process
) -> None:
    operator = process(logging={"level": "debug", "format": "text"})
    kept_secret = await _live_through(world, operator)
    assert "Job ended" in operator.log
    assert "Traceback" not in operator.log
    assert found_in(operator.log, kept_secret) == []
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR) +\S+: ")
    assert all(form.match(line) for line in operator.log.splitlines())

"""`notify test` says of every channel whether a message arrives there, and never where that is."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import Run
from tests.notify.receivers import Answer, Receiver


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """An endpoint in a thread of its own, since the command has an event loop of its own."""
    monkeypatch.setenv("NO_PROXY", "*")
    endpoint, ready, loop = Receiver(), threading.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        async with endpoint.served():
            ready.set()
            await stop.wait()

    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(60)
    yield endpoint
    loop.call_soon_threadsafe(stop.set)
    thread.join(60)
    loop.close()


def configuration(directory: Path, **notifications: Any) -> Path:
    path = directory / "operator.yaml"
    path.write_text(yaml.safe_dump({"notifications": notifications}))
    return path


def channels(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "webhook": {"urlKey": name}} for name in names]


def test_a_message_goes_to_every_channel_and_says_what_will_come_there(
    run: Run, receiver: Receiver, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("pager", "chat"):
        (secrets / name).write_text(f"{receiver.url}/{name}\n")
    config = configuration(
        tmp_path,
        channels=channels("pager", "chat"),
        routes=[{"name": "night", "channels": ["pager"], "level": "Emergency", "cleanups": True}],
        secretsDirectory=str(secrets),
    )
    done = run("notify", "test", "--config", config)
    assert (done.code, done.out, done.err) == (0, "pager: sent\nchat: sent\n", "")
    pager, chat = (request.json for request in receiver.taken)
    assert pager["title"] == "Test of the channel pager"
    assert "Route night: emergencies; with ends, cleanups" in pager["text"]
    assert "No route leads to this channel" in chat["text"]


def test_one_channel_can_be_chosen(
    run: Run, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("chat", receiver.url)
    config = configuration(tmp_path, channels=channels("pager", "chat"))
    assert run("notify", "test", "--config", config, "--channel", "chat").code == 0
    assert len(receiver.taken) == 1


def test_what_does_not_arrive_is_said_without_its_address(
    run: Run, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.then = lambda _: Answer(403)
    monkeypatch.setenv("pager", receiver.url + "/secret-path")
    config = configuration(tmp_path, channels=channels("pager", "chat"))
    done = run("notify", "test", "--config", config)
    assert done.code == 1
    assert done.err.splitlines() == [
        "pager: not sent: HTTP 403",
        "chat: not sent: the Secret has no key chat: add it, or correct the name in the configuration",
    ]


def test_a_service_that_redirects_has_not_been_sent_to(
    run: Run, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.then = lambda request: (
        Answer(307, {"Location": "/elsewhere"}) if request.path != "/elsewhere" else Answer(200)
    )
    monkeypatch.setenv("urls", receiver.url.replace("http://", "json://"))
    config = configuration(tmp_path, channels=[{"name": "any", "apprise": {"urlKey": "urls"}}])
    done = run("notify", "test", "--config", config)
    assert (done.code, done.out) == (1, "")
    assert "any: not sent: the service of URL 1 in the key urls redirects" in done.err
    assert len(receiver.requests) == 1


def test_the_old_variable_is_a_channel_too(
    run: Run, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFICATION_WEBHOOK", receiver.url)
    assert run("notify", "test").out == "default: sent\n"
    assert receiver.taken[0].json["type"] == "test"


def test_messages_can_be_read_before_anything_is_sent(run: Run, tmp_path: Path) -> None:
    config = configuration(tmp_path, channels=channels("pager"))
    done = run("notify", "test", "--print", "--config", config)
    assert done.code == 0
    assert done.out.startswith("Test of the channel pager\n")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "names no channel: add one to notifications.channels"),
        ({"channels": [{"name": "pager"}]}, "needs exactly one of webhook, telegram"),
        (
            {"channels": channels("pager"), "routes": [{"name": "all", "channels": ["chat"]}]},
            "has the route all, whose channel chat is not among its channels",
        ),
        ({"channels": channels("pager", "pager")}, "has two channels named pager: rename one"),
        ({"channels": channels("Pager")}, "lower-case letters and digits"),
        ({"channels": [{"name": "pager", "webhook": {"urlKey": "../x"}}]}, "a key of a Secret"),
        ({"summary": {"schedule": "at eight"}}, "schedule"),
        ({"timeZone": "Nowhere"}, "timeZone"),
    ],
)
def test_a_wrong_configuration_is_one_sentence_with_the_way_out(
    given: dict[str, Any], said: str, run: Run, tmp_path: Path
) -> None:
    done = run("notify", "test", "--config", configuration(tmp_path, **given))
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_the_schema_of_messages_can_be_printed(run: Run) -> None:
    done = run("notify", "schema")
    assert done.code == 0
    assert json.loads(done.out)["title"] == "What a webhook is sent"


def test_an_unknown_channel_is_told_with_those_that_are_known(run: Run, tmp_path: Path) -> None:
    config = configuration(tmp_path, channels=channels("pager"))
    done = run("notify", "test", "--config", config, "--channel", "chat")
    assert (done.code, done.err) == (
        2,
        "Error: There is no channel chat: the configuration names pager.\n",
    )

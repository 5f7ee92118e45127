"""Webhooks against a real receiver: signed, retried, and silent about where they go."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import socket
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from baileys_janitor.api.config.notification_config import WebhookChannel
from baileys_janitor.notify.channels.http import ATTEMPTS, Http, Undelivered
from baileys_janitor.notify.channels.webhook import Webhook
from baileys_janitor.notify.document import message
from baileys_janitor.notify.secrets import NoSecret, Secrets
from tests.notify.receivers import Answer, Pauses, Receiver, Request
from tests.notify.world import NOW

KEY = "whsec_" + base64.b64encode(b"a key of thirty-two octets .....").decode()
NO_URL = "the key url of the Secret holds no URL: it begins with https:// or http://, and is all there is"
DOCUMENT = message("test", "all/hook", "1", "A title – in UTF-8", NOW)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


def webhook(
    url: str, pauses: Pauses, environ: Mapping[str, str] | None = None, timeout: float = 10.0
) -> Webhook:
    environ = {"url": url, "key": KEY} if environ is None else environ
    config = WebhookChannel(url_key="url", signing_key="key")
    return Webhook(
        config, Secrets("/nonexistent", environ), lambda: NOW, Http(timeout, sleep=pauses)
    )


def verify(request: Request, secret: str) -> None:
    """What a receiver does, written from the specification (standardwebhooks.com)."""
    headers = {key.lower(): value for key, value in request.headers.items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"].split(" ") == [f"v1,{expected}"]


async def test_a_message_arrives_as_json_and_its_signature_holds(
    receiver: Receiver, pauses: Pauses
) -> None:
    channel = webhook(receiver.url + "/hook?team=1", pauses)
    await channel.send(DOCUMENT)
    await channel.close()
    (request,) = receiver.requests
    assert request.json == DOCUMENT
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["webhook-id"] == DOCUMENT["id"]
    assert request.headers["webhook-timestamp"] == str(int(NOW))
    verify(request, KEY)
    assert pauses == []


async def test_without_a_signing_key_nothing_is_signed(receiver: Receiver) -> None:
    channel = Webhook(WebhookChannel(url_key="url"), Secrets("/nonexistent", {"url": receiver.url}))
    await channel.send(DOCUMENT)
    await channel.close()
    assert "webhook-signature" not in receiver.requests[0].headers


async def test_a_signing_key_with_nothing_behind_its_prefix_is_refused(
    receiver: Receiver, pauses: Pauses
) -> None:
    channel = webhook(receiver.url, pauses, {"url": receiver.url, "key": "whsec_\n"})
    with pytest.raises(Undelivered, match="nothing behind it, by which anybody could sign") as told:
        channel.check()
    assert told.value.lasting
    with pytest.raises(Undelivered):
        await channel.send(DOCUMENT)
    assert receiver.requests == []


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_passing_failure_is_tried_again_with_the_same_id(
    status: int, receiver: Receiver, pauses: Pauses
) -> None:
    receiver.answers = [Answer(status), Answer(hang_up=True)]
    channel = webhook(receiver.url, pauses)
    await channel.send(DOCUMENT)
    await channel.close()
    assert len(receiver.requests) == 3
    assert {request.headers["webhook-id"] for request in receiver.requests} == {DOCUMENT["id"]}
    for request in receiver.requests:
        verify(request, KEY)
    # Pauses grow, each with up to a second of chance.
    assert 1 <= pauses[0] <= 2 <= pauses[1] <= 3


async def test_a_dead_endpoint_is_given_up_after_a_few_attempts(
    receiver: Receiver, pauses: Pauses
) -> None:
    receiver.then = lambda _: Answer(503)
    channel = webhook(receiver.url, pauses)
    with pytest.raises(Undelivered, match="HTTP 503"):
        await channel.send(DOCUMENT)
    await channel.close()
    assert len(receiver.requests) == ATTEMPTS
    assert pauses == sorted(pauses)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
async def test_what_would_fail_again_is_not_tried_again(
    status: int, receiver: Receiver, pauses: Pauses
) -> None:
    receiver.then = lambda _: Answer(status)
    channel = webhook(receiver.url, pauses)
    with pytest.raises(Undelivered, match=f"HTTP {status}"):
        await channel.send(DOCUMENT)
    await channel.close()
    assert len(receiver.requests) == 1


async def test_a_wait_that_the_endpoint_asks_for_is_kept(
    receiver: Receiver, pauses: Pauses
) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=25), usegmt=True)
    receiver.answers = [
        Answer(429, {"Retry-After": "7"}),
        Answer(503, {"Retry-After": later}),
        Answer(503, {"Retry-After": "soon"}),
    ]
    channel = webhook(receiver.url, pauses)
    await channel.send(DOCUMENT)
    await channel.close()
    assert pauses[0] == 7
    assert 20 < pauses[1] <= 25
    assert pauses[2] < 10


async def test_a_long_wait_is_left_to_whoever_sends(receiver: Receiver, pauses: Pauses) -> None:
    receiver.then = lambda _: Answer(429, {"Retry-After": "3600"})
    channel = webhook(receiver.url, pauses)
    with pytest.raises(Undelivered) as caught:
        await channel.send(DOCUMENT)
    await channel.close()
    assert caught.value.retry_after == 3600
    assert pauses == []


async def test_a_redirect_is_not_followed(receiver: Receiver, pauses: Pauses) -> None:
    receiver.then = lambda _: Answer(307, {"Location": receiver.url + "/elsewhere"})
    channel = webhook(receiver.url, pauses)
    with pytest.raises(Undelivered, match="configure the final URL"):
        await channel.send(DOCUMENT)
    await channel.close()
    assert len(receiver.requests) == 1


async def test_a_receiver_that_fails_half_the_time_has_every_message_exactly_once(
    receiver: Receiver, pauses: Pauses
) -> None:
    dice = random.Random(11)

    def half(_: Request) -> Answer:
        return dice.choice([Answer(), Answer(), Answer(503), Answer(hang_up=True)])

    receiver.then = half
    channel = webhook(receiver.url, pauses)
    sent = [message("test", "all/hook", str(number), "Title", NOW) for number in range(50)]
    for document in sent:
        while True:
            try:
                await channel.send(document)
                break
            except Undelivered:
                continue
    await channel.close()
    assert len(receiver.requests) > len(sent)
    assert [request.json for request in receiver.taken] == sent


async def test_a_slow_endpoint_is_not_waited_for_longer_than_the_timeout(
    receiver: Receiver, pauses: Pauses
) -> None:
    never = asyncio.Event()
    receiver.then = lambda _: Answer(after=never)
    channel = webhook(receiver.url, pauses, timeout=0.05)
    with pytest.raises(Undelivered, match=r"no answer within 0\.05 s"):
        await channel.send(DOCUMENT)
    await channel.close()
    never.set()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://host/hidden-path", NO_URL),
        ("hidden-path", NO_URL),
        ("http://", NO_URL),
        ("http://[hidden", NO_URL),
        ("http://hidden-host one and the other", NO_URL),
        ("http://hidden-host.invalid/hidden-path", "the name of its host is not known"),
        ("http://127.0.0.1:1/hidden-path", "nothing listens there (connection refused)"),
    ],
)
async def test_what_is_wrong_is_told_without_the_address(
    url: str, said: str, pauses: Pauses
) -> None:
    channel = webhook(url, pauses)
    with pytest.raises(Undelivered) as caught:
        await channel.send(DOCUMENT)
    await channel.close()
    assert str(caught.value) == said
    assert "hidden" not in "".join(traceback.format_exception(caught.value))


async def test_a_plain_server_behind_https_is_said_to_be_one(
    receiver: Receiver, pauses: Pauses
) -> None:
    channel = webhook(receiver.url.replace("http:", "https:"), pauses)
    with pytest.raises(Undelivered, match="TLS"):
        await channel.send(DOCUMENT)
    await channel.close()


async def test_a_missing_key_is_named_with_the_way_out(pauses: Pauses) -> None:
    channel = webhook("", pauses, environ={})
    with pytest.raises(NoSecret, match="the Secret has no key url: add it"):
        await channel.send(DOCUMENT)


def test_a_silent_name_server_holds_up_neither_the_others_nor_the_end(
    monkeypatch: pytest.MonkeyPatch, pauses: Pauses
) -> None:
    never, said = threading.Event(), []

    def silent(*_: object, **__: object) -> list[object]:
        never.wait()
        return []

    async def send() -> None:
        channel = webhook("http://hidden.example/hook", pauses, timeout=0.05)
        with pytest.raises(Undelivered) as caught:
            await channel.send(DOCUMENT)
        await channel.close()
        said.append(str(caught.value))

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    # What the loop's own threads do, its end waits for.
    ended = threading.Thread(target=asyncio.run, args=(send(),), daemon=True)
    ended.start()
    ended.join(30)
    assert not ended.is_alive()
    assert said == ["no answer within 0.05 s"]
    never.set()

"""Sentry against a server that reads envelopes as Sentry's ingest does."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from typing import Any

import pytest

from baileys_janitor.api.config.notification_config import SentryChannel
from baileys_janitor.notify.channels.http import Http, Undelivered
from baileys_janitor.notify.channels.sentry import Sentry
from baileys_janitor.notify.delivery_state import LASTING
from baileys_janitor.notify.document import message
from baileys_janitor.notify.secrets import Secrets
from tests.notify.messages import READER, incidents, resolved, storm
from tests.notify.messages import change as changed
from tests.notify.receivers import Answer, Pauses, Receiver, Request
from tests.notify.world import NOW

Object = dict[str, Any]
KEY = "a" * 32


class Ingest:
    """Reads what an ingest endpoint is sent, and drops an event whose id it has seen."""

    def __init__(self) -> None:
        self.events: list[Object] = []

    def __call__(self, request: Request) -> Answer:
        auth = dict(re.findall(r"(\w+)=([^,\s]+)", request.headers.get("X-Sentry-Auth", "")))
        if request.path != "/api/42/envelope/":
            return Answer(404)
        if auth.get("sentry_key") != KEY or auth.get("sentry_version") != "7":
            return Answer(403)
        body = request.body
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        head, _, rest = body.partition(b"\n")
        assert "event_id" in json.loads(head)
        item, _, rest = rest.partition(b"\n")
        about = json.loads(item)
        assert about["type"] == "event"
        event = json.loads(rest[: about["length"]] if "length" in about else rest.split(b"\n")[0])
        if all(event["event_id"] != known["event_id"] for known in self.events):
            self.events.append(event)
        return Answer(200, body=json.dumps({"id": event["event_id"]}).encode())


@pytest.fixture
def ingest(receiver: Receiver) -> Ingest:
    taken = Ingest()
    receiver.then = taken
    return taken


def sentry(receiver: Receiver, pauses: Pauses | None = None, dsn: str | None = None) -> Sentry:
    dsn = receiver.url.replace("://", f"://{KEY}@") + "/42" if dsn is None else dsn
    secrets = Secrets("/nonexistent", {"dsn": dsn})
    http = Http(sleep=pauses if pauses is not None else Pauses())
    return Sentry(SentryChannel(dsn_key="dsn", environment="staging"), secrets, READER, http)


async def send(channel: Sentry, document: Object) -> None:
    try:
        await channel.send(document)
    finally:
        await channel.close()


async def test_an_emergency_is_an_event_that_says_all(receiver: Receiver, ingest: Ingest) -> None:
    await send(sentry(receiver), incidents(changed()))
    (event,) = ingest.events
    assert event["level"] == "fatal"
    assert event["logentry"]["formatted"] == (
        "Emergency: shop/acme has 190 files, the limit is 180"
    )
    assert event["environment"] == "staging"
    assert event["release"].startswith("baileys-janitor@")
    assert event["tags"]["namespace"] == "shop"
    assert event["tags"]["tenant"] == "acme"
    assert event["tags"]["company_id"] == "c-acme"
    assert "kubectl describe baileystenant acme -n shop" in event["extra"]["text"]


async def test_the_same_trouble_lands_in_the_same_issue(receiver: Receiver, ingest: Ingest) -> None:
    for document in (
        incidents(changed()),
        incidents(changed(what=LASTING, told_at=NOW - 60)),
        resolved(),
        incidents(changed("beta")),
        incidents(changed(reason="DiskPressure")),
    ):
        await send(sentry(receiver), document)
    prints = [tuple(event["fingerprint"]) for event in ingest.events]
    assert prints[0] == prints[1] == prints[2]
    assert len(set(prints)) == 3
    assert [event["level"] for event in ingest.events][2] == "info"


async def test_each_group_is_an_event_and_a_storm_is_one(
    receiver: Receiver, ingest: Ingest
) -> None:
    await send(sentry(receiver), incidents(changed(), changed("beta", "TenantWarning")))
    await send(sentry(receiver), storm(1000))
    assert [event["level"] for event in ingest.events] == ["fatal", "warning", "fatal"]
    assert ingest.events[2]["logentry"]["formatted"].startswith("Emergency: 1,000 tenants")


async def test_a_summary_is_an_event_of_no_alarm(receiver: Receiver, ingest: Ingest) -> None:
    await send(sentry(receiver), message("summary", "all/sentry", "1", "Daily summary", NOW))
    assert [event["level"] for event in ingest.events] == ["info"]


async def test_an_event_that_is_sent_again_is_known_by_its_id(
    receiver: Receiver, ingest: Ingest
) -> None:
    document = incidents(changed())
    for _ in range(3):
        await send(sentry(receiver), document)
    assert len(receiver.requests) == 3
    assert len(ingest.events) == 1


async def test_an_event_tells_nothing_of_the_machine(receiver: Receiver, ingest: Ingest) -> None:
    await send(sentry(receiver), incidents(changed()))
    (event,) = ingest.events
    assert event["server_name"] == "baileys-janitor"
    assert "user" not in event
    assert "modules" not in event
    assert "request" not in event
    assert sys.executable not in json.dumps(event)


async def test_an_overloaded_sentry_is_waited_for(receiver: Receiver, ingest: Ingest) -> None:
    receiver.answers = [Answer(429, {"Retry-After": "11"}), Answer(503)]
    pauses = Pauses()
    await send(sentry(receiver, pauses), incidents(changed()))
    assert pauses[0] == 11
    assert len(ingest.events) == 1


@pytest.mark.parametrize("dsn", ["rubbish", "http://host/42", "https://key@host/none/"])
async def test_what_is_no_dsn_is_called_so_without_being_shown(
    dsn: str, receiver: Receiver
) -> None:
    with pytest.raises(Undelivered, match="the key dsn of the Secret holds no DSN") as caught:
        await send(sentry(receiver, dsn=dsn), incidents(changed()))
    assert dsn not in str(caught.value)


async def test_a_wrong_key_is_said_by_its_code_alone(receiver: Receiver, ingest: Ingest) -> None:
    dsn = receiver.url.replace("://", "://another-key@") + "/42"
    with pytest.raises(Undelivered) as caught:
        await send(sentry(receiver, dsn=dsn), incidents(changed()))
    assert str(caught.value) == "HTTP 403"


def test_nobody_pays_for_a_library_that_no_channel_needs() -> None:
    program = (
        "import sys, baileys_janitor.controller.app\n"
        "sys.exit(any(name in sys.modules for name in ('sentry_sdk', 'apprise')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

"""Whatever Apprise knows, shown by its own JSON and form plugins against real receivers."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

from baileys_janitor.api.config.notification_config import AppriseChannel
from baileys_janitor.notify.channels.apprise import Services
from baileys_janitor.notify.channels.http import Undelivered
from baileys_janitor.notify.secrets import Secrets
from tests.notify.messages import READER, incidents, resolved, storm
from tests.notify.messages import change as changed
from tests.notify.receivers import Answer, Receiver

Object = dict[str, Any]


def address(receiver: Receiver, path: str = "") -> str:
    """The receiver as an Apprise URL with a password in it."""
    return receiver.url.replace("http://", "json://janitor:secret-word@") + path


def services(*urls: str, timeout: float = 10.0) -> Services:
    secrets = Secrets("/nonexistent", {"urls": "\n".join(urls)})
    return Services(AppriseChannel(url_key="urls"), secrets, READER, timeout)


async def test_a_message_arrives_with_title_text_and_how_grave_it_is(receiver: Receiver) -> None:
    receiver.then = lambda _: Answer(200)
    channel = services(address(receiver))
    for document in (incidents(changed()), resolved(), incidents(changed(reason="TenantWarning"))):
        await channel.send(document)
    kinds = [request.json["type"] for request in receiver.taken]
    assert kinds == ["failure", "success", "warning"]
    first = receiver.taken[0].json
    assert first["title"] == "Emergency: shop/acme has 190 files, the limit is 180"
    assert "kubectl describe baileystenant acme -n shop" in first["message"]
    assert first["title"] not in first["message"]


async def test_every_url_has_the_message_once_even_if_one_of_them_fails_at_first() -> None:
    async with Receiver().served() as one, Receiver().served() as other:
        one.then = other.then = lambda _: Answer(200)
        other.answers = [Answer(500)]
        channel = services(address(one), address(other))
        document = storm(3)
        with pytest.raises(Undelivered, match="the service of URL 2 in the key urls refused it"):
            await channel.send(document)
        await channel.send(document)
        assert len(one.requests) == 1
        assert [request.answer for request in other.requests] == [500, 200]
        # Another message is another message.
        await channel.send(resolved())
        assert len(one.requests) == 2


async def test_a_url_that_apprise_does_not_know_is_told_by_its_number_and_the_others_are_served(
    receiver: Receiver,
) -> None:
    receiver.then = lambda _: Answer(200)
    channel = services("nonsense://secret-word", address(receiver))
    with pytest.raises(Undelivered) as caught:
        await channel.send(incidents(changed()))
    said = "URL 1 in the key urls of the Secret is not a service that Apprise supports: see its list of services"
    assert str(caught.value) == said
    assert len(receiver.taken) == 1


async def test_no_address_reaches_the_log(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.then = lambda _: Answer(500)
    channel = services("nonsense://secret-word", address(receiver, "/secret-path"))
    with pytest.raises(Undelivered):
        await channel.send(incidents(changed()))
    assert "secret" not in caplog.text
    assert "Emergency" not in caplog.text


async def test_a_service_that_never_answers_holds_up_nobody(receiver: Receiver) -> None:
    never = asyncio.Event()
    receiver.then = lambda _: Answer(200, after=never)
    channel = services(address(receiver), timeout=0.2)
    before = threading.active_count()
    with pytest.raises(Undelivered, match=r"no answer within 0\.2 s"):
        await channel.send(incidents(changed()))
    # It is not asked again while it has not answered: threads do not pile up.
    for _ in range(5):
        with pytest.raises(Undelivered, match="still under way"):
            await channel.send(incidents(changed()))
    assert len(receiver.requests) == 1
    assert threading.active_count() <= before + 1
    never.set()


async def test_two_routes_to_one_channel_wait_for_each_other(receiver: Receiver) -> None:
    receiver.then = lambda _: Answer(200)
    channel = services(address(receiver))
    await asyncio.gather(*(channel.send(storm(number)) for number in (2, 3, 4)))
    assert len(receiver.taken) == 3


async def test_a_message_that_is_too_long_for_a_service_is_cut(receiver: Receiver) -> None:
    receiver.then = lambda _: Answer(200)
    channel = services(receiver.url.replace("http://", "json://"))
    long = {**incidents(changed()), "lines": ["x" * 1000] * 60}
    await channel.send(long)
    assert len(receiver.taken) == 1
    assert len(receiver.taken[0].json["message"]) <= 32_768


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("asked", ["", "?redirect=yes"])
@pytest.mark.parametrize("scheme", ["json", "form", "xml"])
async def test_a_redirect_is_not_followed_and_told(
    receiver: Receiver, status: int, asked: str, scheme: str
) -> None:
    async with Receiver().served() as elsewhere:
        elsewhere.then = lambda _: Answer(200)
        receiver.then = lambda _: Answer(status, {"Location": f"{elsewhere.url}/taken?secret=1"})
        url = receiver.url.replace("http://", f"{scheme}://janitor:secret-word@") + f"/{asked}"
        with pytest.raises(Undelivered) as caught:
            await services(url).send(incidents(changed()))
        assert str(caught.value) == (
            "the service of URL 1 in the key urls redirects; configure the final URL"
        )
        assert len(receiver.requests) == 1
        assert elsewhere.requests == []


async def test_one_service_that_redirects_spoils_nothing_for_the_next(receiver: Receiver) -> None:
    async with Receiver().served() as other:
        receiver.then = lambda _: Answer(307, {"Location": "http://127.0.0.1:9/"})
        other.answers = [Answer(500)]
        other.then = lambda _: Answer(200)
        channel = services(address(receiver), address(other))
        document = incidents(changed())
        with pytest.raises(Undelivered, match=r"redirects.*URL 2 in the key urls refused it"):
            await channel.send(document)
        with pytest.raises(Undelivered, match=r"URL 1 in the key urls redirects; [^;]*URL$"):
            await channel.send(document)
        assert len(other.taken) == 1

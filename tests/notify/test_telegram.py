"""Telegram against a server that answers as the Bot API does, and refuses what it refuses."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.config.notification_config import TelegramChannel
from baileys_janitor.notify import render
from baileys_janitor.notify.channels.http import Http, Undelivered
from baileys_janitor.notify.channels.telegram import LONGEST, Telegram
from baileys_janitor.notify.document import message
from baileys_janitor.notify.secrets import NoSecret, Secrets
from tests.notify.messages import READER, incidents, resolved, status, storm
from tests.notify.messages import change as changed
from tests.notify.receivers import Answer, Pauses, Receiver, Request
from tests.notify.world import NOW

Object = dict[str, Any]

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
CHAT = "-1001234567890"


class Parsed(HTMLParser):
    """Telegram's HTML: a few tags, properly nested, and what is left of the text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.text = ""
        self.open: list[str] = []
        self.feed(markup)
        self.close()
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"b", "i", "u", "s", "code", "pre", "a"}, f"Unsupported start tag {tag}"
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def answer(status: int, **said: Any) -> Answer:
    ok = status == 200
    body = (
        {"ok": ok, "result": {"message_id": 1}}
        if ok
        else {"ok": False, "error_code": status, **said}
    )
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(body).encode())


def bot_api(request: Request) -> Answer:
    """What the Bot API answers to sendMessage."""
    if request.path != f"/bot{TOKEN}/sendMessage":
        return answer(401, description="Unauthorized")
    sent = request.json
    if sent["chat_id"] != CHAT:
        return answer(400, description="Bad Request: chat not found")
    try:
        parsed = Parsed(sent["text"])
    except AssertionError as problem:
        return answer(400, description=f"Bad Request: can't parse entities: {problem}")
    if not parsed.text.strip():
        return answer(400, description="Bad Request: message text is empty")
    if len(parsed.text.encode("utf-16-le")) // 2 > 4096:
        return answer(400, description="Bad Request: message is too long")
    return answer(200)


def telegram(
    url: str, pauses: Pauses | None = None, environ: Mapping[str, str] | None = None, **more: Any
) -> Telegram:
    config = TelegramChannel(token_key="bot", **({"chat_id": CHAT, "api_url": url} | more))
    secrets = Secrets("/nonexistent", {"bot": TOKEN} if environ is None else environ)
    return Telegram(config, secrets, READER, Http(sleep=pauses if pauses is not None else Pauses()))


async def send(channel: Telegram, document: Object) -> None:
    try:
        await channel.send(document)
    finally:
        await channel.close()


@pytest.mark.parametrize(
    "document",
    [
        incidents(changed()),
        incidents(changed("acme"), changed("beta", "TenantWarning")),
        storm(1000),
        resolved(),
        message("cleanups", "all/chat", "1", "3 cleanups: <nothing> & more", NOW, lines=["a < b"]),
    ],
    ids=["one", "two", "storm", "resolved", "escaped"],
)
async def test_every_message_is_taken(document: Object, receiver: Receiver) -> None:
    receiver.then = bot_api
    await send(telegram(receiver.url), document)
    (request,) = receiver.taken
    parsed = Parsed(request.json["text"])
    assert parsed.text.splitlines()[0] == document["title"]
    assert request.json["link_preview_options"] == {"is_disabled": True}


async def test_good_news_makes_no_noise(receiver: Receiver) -> None:
    receiver.then = bot_api
    for document in (incidents(changed()), resolved()):
        await send(telegram(receiver.url), document)
    assert [r.json["disable_notification"] for r in receiver.taken] == [False, True]


async def test_a_topic_of_a_forum_can_be_chosen(receiver: Receiver) -> None:
    receiver.then = bot_api
    await send(telegram(receiver.url, topic_id=7), incidents(changed()))
    assert receiver.taken[0].json["message_thread_id"] == 7


async def test_what_is_too_long_is_cut_at_a_line_and_says_so(receiver: Receiver) -> None:
    receiver.then = bot_api
    long = message("cleanups", "all/chat", "1", "Title", NOW, lines=["&" * 100 + "😀" * 40] * 60)
    await send(telegram(receiver.url), long)
    told = Parsed(receiver.taken[0].json["text"]).text
    assert render.utf16(told) <= LONGEST
    assert told.splitlines()[-1].endswith("more lines")


async def test_a_wait_that_telegram_asks_for_is_kept(receiver: Receiver) -> None:
    asked = answer(429, description="Too Many Requests", parameters={"retry_after": 9})
    receiver.answers = [asked, answer(502)]
    receiver.then = bot_api
    pauses = Pauses()
    await send(telegram(receiver.url, pauses), incidents(changed()))
    assert pauses[0] == 9
    assert len(receiver.requests) == 3


async def test_a_long_wait_is_left_to_whoever_sends(receiver: Receiver) -> None:
    receiver.then = lambda _: answer(429, parameters={"retry_after": 1800})
    with pytest.raises(Undelivered) as caught:
        await send(telegram(receiver.url), incidents(changed()))
    assert caught.value.retry_after == 1800


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"chat_id": "-1"}, "HTTP 400: Bad Request: chat not found"),
        ({"environ": {"bot": TOKEN[:-1] + "x"}}, "HTTP 401: Unauthorized"),
    ],
)
async def test_what_telegram_says_is_told_and_not_tried_again(
    more: Object, said: str, receiver: Receiver
) -> None:
    receiver.then = bot_api
    with pytest.raises(Undelivered, match=said):
        await send(telegram(receiver.url, **more), incidents(changed()))
    assert len(receiver.requests) == 1


UPGRADED = "Bad Request: group chat was upgraded to a supergroup chat"


async def test_a_group_that_became_a_supergroup_is_told_with_its_new_id(receiver: Receiver) -> None:
    moved = {"migrate_to_chat_id": -1009876543210}
    receiver.then = lambda _: answer(400, description=UPGRADED, parameters=moved)
    with pytest.raises(Undelivered) as caught:
        await send(telegram(receiver.url), incidents(changed()))
    assert 'set chatId to "-1009876543210"' in caught.value.why
    assert caught.value.lasting
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("moved", [None, True, 0, 2**60, "-100", [], {"x": 1}])
async def test_an_id_that_is_none_is_not_told(moved: object, receiver: Receiver) -> None:
    said = {"migrate_to_chat_id": moved}
    receiver.then = lambda _: answer(400, description=UPGRADED, parameters=said)
    with pytest.raises(Undelivered, match="HTTP 400: Bad Request: group chat was upgraded"):
        await send(telegram(receiver.url), incidents(changed()))


async def test_something_else_than_the_bot_api_is_noticed(receiver: Receiver) -> None:
    receiver.then = lambda _: Answer(200, body=b"<html>Welcome</html>")
    with pytest.raises(Undelivered, match="not the Bot API's"):
        await send(telegram(receiver.url), incidents(changed()))


@pytest.mark.parametrize(
    "behaviour",
    [
        Answer(hang_up=True),
        Answer(307, {"Location": f"/bot{TOKEN}/elsewhere"}),
        answer(400, description=f"Bad Request: /bot{TOKEN}/sendMessage is unknown"),
        Answer(500, body=b"rubbish"),
    ],
    ids=["hang-up", "redirect", "echo", "rubbish"],
)
async def test_the_token_is_never_told(
    behaviour: Answer, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.then = lambda _: behaviour
    with pytest.raises(Undelivered) as caught:
        await send(telegram(receiver.url), incidents(changed()))
    assert TOKEN not in str(caught.value) + repr(caught.value)
    assert TOKEN not in caplog.text


async def test_an_unreachable_server_is_told_without_the_token() -> None:
    with pytest.raises(Undelivered) as caught:
        await send(telegram("http://127.0.0.1:1"), incidents(changed()))
    assert str(caught.value) == "nothing listens there (connection refused)"


@pytest.mark.parametrize("token", ["", "rubbish", "12:34", f"https://{TOKEN}"])
async def test_what_is_no_token_is_called_so_without_being_shown(
    token: str, receiver: Receiver
) -> None:
    with pytest.raises((Undelivered, NoSecret)) as caught:
        await send(telegram(receiver.url, environ={"bot": token}), incidents(changed()))
    assert "bot" in str(caught.value)
    assert not token or token not in str(caught.value)
    assert receiver.requests == []


@given(
    st.text(max_size=300),
    st.lists(st.text(max_size=200), max_size=40),
    st.integers(64, 4096),
)
def test_whatever_is_told_its_markup_is_whole_and_short_enough(
    title: str, lines: list[str], most: int
) -> None:
    document = message("cleanups", "all/chat", "1", title[: most // 4], NOW, lines=lines)
    parsed = Parsed(render.html(document, READER, most))
    assert render.utf16(parsed.text) <= most


def test_a_status_cannot_smuggle_markup_or_lines_into_a_message() -> None:
    evil = status()
    evil["conditions"][0]["message"] = "<b>bold</b>\nTo do: delete creds.json \u202e"
    told = incidents(changed(), acme=evil)
    now = [line for line in told["text"].splitlines() if line.startswith("Now: ")]
    assert now == ["Now: <b>bold</b> To do: delete creds.json It grows by 21 files a day."]
    assert "&lt;b&gt;bold" in render.html(told, READER)

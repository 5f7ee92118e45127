"""A message by a Telegram bot. The token is part of the URL: no URL is ever logged or reported."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from baileys_janitor.api.config.notification_config import TelegramChannel
from baileys_janitor.notify import render
from baileys_janitor.notify.channels.http import Http, Object, Undelivered, as_json, judge
from baileys_janitor.notify.secrets import Secrets
from baileys_janitor.notify.words import Reader, clean

LONGEST = 4096
"""The most UTF-16 code units of a message, once its markup is parsed."""
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{20,120}")


class Telegram:
    """Sends texts to one chat."""

    def __init__(
        self,
        config: TelegramChannel,
        secrets: Secrets,
        reader: Reader,
        http: Http | None = None,
    ) -> None:
        self._config = config
        self._secrets = secrets
        self._reader = reader
        self._http = http or Http()

    def check(self) -> None:
        """Raise NoSecret or Undelivered when the current Secret does not allow sending."""
        self._token()

    def _token(self) -> str:
        token = self._secrets.get(self._config.token_key)
        if not _TOKEN.fullmatch(token):
            raise Undelivered(
                f"the key {self._config.token_key} of the Secret holds no bot token", lasting=True
            )
        return token

    async def send(self, document: Object) -> None:
        """Deliver a message; one that is too long is cut at a line, with a note."""
        token = self._token()
        url = f"{self._config.api_url.rstrip('/')}/bot{token}/sendMessage"
        message: dict[str, Any] = {
            "chat_id": self._config.chat_id,
            "text": render.html(document, self._reader, LONGEST),
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
            # No phone should ring for good news.
            "disable_notification": document["severity"] == "Info",
        }
        if self._config.topic_id is not None:
            message["message_thread_id"] = self._config.topic_id

        async def attempt() -> None:
            headers = {"Content-Type": "application/json"}
            status, answered, body = await self._http.post(url, as_json(message), headers)
            said = _parsed(body)
            moved = _moved_to(said)
            if moved is not None:
                raise Undelivered(
                    f'the group has become a supergroup with another id: set chatId to "{moved}"',
                    lasting=True,
                )
            judge(status, answered, _wait(said), _why(said, token))
            if said.get("ok") is not True:
                raise Undelivered("the answer is not the Bot API's", lasting=True)

        await self._http.persistently(attempt)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _moved_to(said: Mapping[str, Any]) -> int | None:
    """Return the new id of a chat, if the answer contains it. Telegram's ids have 52 bits at most."""
    parameters = said.get("parameters")
    moved = parameters.get("migrate_to_chat_id") if isinstance(parameters, dict) else None
    if said.get("ok") is True or not isinstance(moved, int) or isinstance(moved, bool):
        return None
    return moved if moved != 0 and abs(moved) < 2**52 else None


def _wait(said: Mapping[str, Any]) -> float | None:
    parameters = said.get("parameters")
    asked = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return float(asked) if isinstance(asked, (int, float)) and 0 <= asked < 1e6 else None


def _why(said: Mapping[str, Any], token: str) -> str:
    # "Bad Request: chat not found" helps; but the answer must not make us print the token.
    told = clean(str(said.get("description") or ""), 120)
    return told.replace(token, "***")

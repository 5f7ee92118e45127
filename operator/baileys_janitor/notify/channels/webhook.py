"""A JSON document by HTTP POST, signed as Standard Webhooks (standardwebhooks.com) describes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable

from baileys_janitor import __version__
from baileys_janitor.api.config.notification_config import WebhookChannel
from baileys_janitor.notify.channels.http import Http, Object, Undelivered, as_json, judge, url_of
from baileys_janitor.notify.secrets import Secrets

PREFIX = "whsec_"


class Webhook:
    """Posts documents to a URL. All attempts at a message have the same `webhook-id`."""

    def __init__(
        self,
        config: WebhookChannel,
        secrets: Secrets,
        now: Callable[[], float] = time.time,
        http: Http | None = None,
    ) -> None:
        self._config = config
        self._secrets = secrets
        self._now = now
        self._http = http or Http()

    def check(self) -> None:
        """Raise NoSecret or Undelivered when the current Secret does not allow sending."""
        self._held()

    def _held(self) -> tuple[str, str | None]:
        url = url_of(self._secrets, self._config.url_key)
        key = self._config.signing_key
        secret = self._secrets.get(key) if key is not None else None
        if secret is not None and not key_of(secret):
            raise Undelivered(
                f"the key {key} of the Secret holds {PREFIX} with nothing behind it, by which anybody could sign: "
                "put there what `openssl rand -base64 32` prints",
                lasting=True,
            )
        return url, secret

    async def send(self, document: Object) -> None:
        """Deliver a message; any 2xx answer counts as success."""
        url, secret = self._held()
        body = as_json(document)

        async def attempt() -> None:
            headers = {
                "Content-Type": "application/json",
                "User-Agent": f"baileys-janitor/{__version__}",
                **signed(document["id"], int(self._now()), body, secret),
            }
            status, answered, _ = await self._http.post(url, body, headers)
            judge(status, answered)

        await self._http.persistently(attempt)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def signed(id_: str, when: int, body: bytes, secret: str | None) -> dict[str, str]:
    """Return the headers of one attempt: id, time (Unix seconds), and the signature over both and the body."""
    headers = {"webhook-id": id_, "webhook-timestamp": str(when)}
    if secret is not None:
        text = f"{id_}.{when}.".encode() + body
        digest = hmac.new(key_of(secret), text, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def key_of(secret: str) -> bytes:
    """Return the key's bytes: base64 after `whsec_`, else the text itself."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            pass
    return secret.encode()

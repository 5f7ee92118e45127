"""Any service that Apprise knows. The library blocks, so it works in a thread that nobody waits for forever."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import Any

from baileys_janitor.api.notifications import AppriseChannel
from baileys_janitor.notify import text
from baileys_janitor.notify.channels.delivery import Object, Undelivered
from baileys_janitor.notify.secrets import Secrets
from baileys_janitor.notify.words import Reader

TIMEOUT = 60.0
"""Seconds for one message; a service that takes longer is not asked again before it has ended."""


class Services:
    """Hands texts to Apprise. It retries nothing: what failed stays owed and is sent again later."""

    def __init__(
        self,
        config: AppriseChannel,
        secrets: Secrets,
        reader: Reader,
        timeout: float = TIMEOUT,
    ) -> None:
        self._config = config
        self._secrets = secrets
        self._reader = reader
        self._timeout = timeout
        self._thread: threading.Thread | None = None

    async def send(self, document: Object) -> None:
        """Deliver a message to every URL of the key."""
        urls = self._secrets.get(self._config.url_key).split()
        if self._thread is not None and self._thread.is_alive():
            raise Undelivered("the message before is still under way")
        arguments = (urls, document["title"], self._body(document), document)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str] = loop.create_future()

        def work() -> None:
            try:
                said = _notify(*arguments)
            except Exception as error:  # noqa: BLE001 - a plugin's surprise; its text may tell an address
                said = f"the service's library failed ({type(error).__name__})"
            with contextlib.suppress(RuntimeError):  # the loop is closed by now
                loop.call_soon_threadsafe(_settle, done, said)

        # A daemon: a service that never answers must not keep the process from ending.
        self._thread = threading.Thread(target=work, name="apprise", daemon=True)
        self._thread.start()
        try:
            async with asyncio.timeout(self._timeout):
                said = await done
        except TimeoutError:
            raise Undelivered(f"no answer within {self._timeout:g} s") from None
        if said:
            raise Undelivered(said, lasting=said.startswith("the key"))

    def _body(self, document: Object) -> str:
        told = text.plain(document, self._reader)
        return told.partition("\n")[2].lstrip("\n") or told

    async def close(self) -> None:
        """Nothing is kept open."""


def _settle(done: asyncio.Future[str], said: str) -> None:
    if not done.done():
        done.set_result(said)


def _notify(urls: list[str], title: str, body: str, document: Object) -> str:
    """Return what went wrong; empty when all was sent."""
    # Only who configures Apprise pays for its library, which tells addresses in its log.
    for name in ("apprise", "urllib3", "requests"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    import apprise

    sender: Any = apprise.Apprise(asset=apprise.AppriseAsset(app_id="baileys-janitor"))
    for number, url in enumerate(urls, 1):
        if not sender.add(url):
            return f"URL {number} of the key is none that Apprise knows"
    kind = {"Emergency": "failure", "Critical": "failure", "Warning": "warning"}
    status = "success" if document["status"] == "resolved" else "info"
    notify_type = kind.get(document["severity"], status)
    sent = sender.notify(body=body, title=title, notify_type=notify_type, body_format="text")
    return "" if sent else "the service refused the message or could not be reached"

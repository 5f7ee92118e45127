"""Sends to any service that Apprise supports. The library blocks, so it runs in a thread, with a time limit."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
import re
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from baileys_janitor.api.config.notification_config import AppriseChannel
from baileys_janitor.notify import render
from baileys_janitor.notify.channels import tls
from baileys_janitor.notify.channels.http import Object, Undelivered
from baileys_janitor.notify.secrets import Secrets
from baileys_janitor.notify.words import Reader

TIMEOUT_SECONDS = 60.0
"""Seconds for one message; a slower service gets no new message before it has ended."""


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://?\S")


class Services:
    """Sends texts through Apprise, without retries: a failed message stays owed and is sent again later."""

    def __init__(
        self,
        config: AppriseChannel,
        secrets: Secrets,
        reader: Reader,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self._config = config
        self._secrets = secrets
        self._reader = reader
        self._timeout = timeout
        self._one_by_one = asyncio.Lock()
        self._idle = threading.Event()
        self._idle.set()
        self._taken: tuple[str, set[str]] = "", set()
        """The message being sent, and the URLs that have received it: a second attempt skips them."""

    def check(self) -> None:
        """Raise NoSecret or Undelivered when the current Secret does not allow sending."""
        # Only the library knows its services, and it is not loaded before there is something to send.
        for number, url in enumerate(self._secrets.get(self._config.url_key).split(), 1):
            if not _SCHEME.match(url):
                raise Undelivered(_unknown(number, self._config.url_key), lasting=True)

    async def send(self, document: Object) -> None:
        """Deliver a message to every URL of the key."""
        async with self._one_by_one:
            await self._send(document)

    async def _send(self, document: Object) -> None:
        urls = self._secrets.get(self._config.url_key).split()
        if not self._idle.is_set():
            raise Undelivered("the message before is still under way")
        if self._taken[0] != document["id"]:
            self._taken = document["id"], set()
        taken = self._taken[1]
        body = self._body(document)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str] = loop.create_future()

        def work() -> None:
            try:
                said = _notify(self._config.url_key, urls, taken, document, body)
            except Exception as error:  # noqa: BLE001 - a plugin's error may contain an address
                said = f"the service's library failed ({type(error).__name__})"
            self._idle.set()
            with contextlib.suppress(RuntimeError):  # the loop is already closed
                loop.call_soon_threadsafe(_settle, done, said)

        # A daemon thread: an unresponsive service must not keep the process from exiting.
        self._idle.clear()
        threading.Thread(target=work, name="apprise", daemon=True).start()
        try:
            async with asyncio.timeout(self._timeout):
                said = await done
        except TimeoutError:
            raise Undelivered(f"no answer within {self._timeout:g} s") from None
        if said:
            raise Undelivered(said)

    def _body(self, document: Object) -> str:
        told = render.plain(document, self._reader)
        return told.partition("\n")[2].lstrip("\n") or told

    async def close(self) -> None:
        """Do nothing: no connection is kept open."""


def _settle(done: asyncio.Future[str], said: str) -> None:
    if not done.done():
        done.set_result(said)


def _unknown(number: int, key: str) -> str:
    return (
        f"URL {number} in the key {key} of the Secret is not a service that Apprise supports:"
        " see its list of services"
    )


def _notify(key: str, urls: list[str], taken: set[str], document: Object, body: str) -> str:
    """Return the error; empty when all was sent. `taken`: the URLs that have received this message."""
    # Imported only if configured; the library writes addresses to its log.
    for name in ("apprise", "urllib3", "requests"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    import apprise

    _follow_no_redirect()
    tls.trust_in_requests(_meet)
    asset: Any = apprise.AppriseAsset(
        app_id="baileys-janitor", async_mode=False, http_redirects=False
    )
    wrong = []
    for number, url in enumerate(urls, 1):
        service: Any = apprise.Apprise.instantiate(url, asset=asset)
        if service is None:
            wrong.append(_unknown(number, key))
        elif url not in taken:
            if "overflow=" not in url:
                # A truncated message is better than a refused one.
                service.overflow_mode = apprise.OverflowMode.TRUNCATE
            # A URL may allow redirects; this program never does.
            service.redirects = False
            sender: Any = apprise.Apprise(asset=asset)
            sender.add(service)
            kind = _kind(document)
            _take_met(url)  # discard errors of an earlier message
            if sender.notify(body, document["title"], notify_type=kind, body_format="text"):
                taken.add(url)
            else:
                why = _take_met(url) or "refused it or could not be reached"
                wrong.append(f"the service of URL {number} in the key {key} {why}")
    return "; ".join(wrong)


@dataclass(frozen=True, slots=True)
class _Met:
    """An error of sending to a host with its port, and the thread in which it occurred."""

    host: str
    thread: int
    why: str


_met: collections.deque[_Met] = collections.deque(maxlen=100)
"""Recent errors. Some services send in threads of their own, others name no host in their URL."""


def _meet(url: str, why: str) -> None:
    _met.append(_Met(urlsplit(url).netloc, threading.get_ident(), why))


def _take_met(url: str) -> str:
    """Return and remove the latest error of this thread or of a URL's host; empty for none."""
    here = threading.get_ident()
    found = [m for m in tuple(_met) if m.thread == here or (m.host and m.host in url)]
    for each in found:
        with contextlib.suppress(ValueError):
            _met.remove(each)
    return found[-1].why if found else ""


def _follow_no_redirect() -> None:
    """Make `requests`, which Apprise's services use, fail instead of following a redirect.

    A redirect would pass the message to a host that is not configured. Apprise's own setting works only for the
    services that read it; this works for all of them. Nothing else in this process uses `requests`.
    """
    from requests.exceptions import TooManyRedirects
    from requests.sessions import SessionRedirectMixin

    def refuse(_: object, answer: Any) -> None:
        if answer.is_redirect:
            _meet(answer.request.url or "", "redirects; configure the final URL")
            raise TooManyRedirects("redirects are not followed", response=answer)

    SessionRedirectMixin.get_redirect_target = refuse  # type: ignore[method-assign,assignment]


_KINDS = {"Emergency": "failure", "Critical": "failure", "Warning": "warning"}


def _kind(document: Object) -> str:
    status = "success" if document["status"] == "resolved" else "info"
    return _KINDS.get(document["severity"], status)

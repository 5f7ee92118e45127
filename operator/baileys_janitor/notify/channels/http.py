"""Sends HTTP requests: retries, and describes errors without secrets.

Errors of HTTP clients contain addresses, and addresses are secrets here: messages consist of fixed words only.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
)
from tenacity.wait import wait_exponential_jitter

from baileys_janitor.notify.channels import tls
from baileys_janitor.notify.channels.dns import Resolver
from baileys_janitor.notify.secrets import Secrets

Object = dict[str, Any]

TIMEOUT_SECONDS = 10.0
"""Seconds for one attempt."""
ATTEMPTS = 4
ALL_ATTEMPTS_SECONDS = 90.0
"""Seconds for all attempts at one message; after that it stays owed and is composed again later."""
LONGEST_WAIT_SECONDS = 30.0
"""The longest Retry-After in seconds that is waited for here; a longer one is left to the caller."""
ANSWER_BYTES = 65_536
"""The most bytes of an answer that are read."""


class Undelivered(Exception):  # noqa: N818 - the word that users see
    """A message that did not arrive: one clause with the reason, without addresses or tokens.

    `lasting`: a retry would fail again. `retry_after`: seconds that the endpoint asks to wait.
    """

    def __init__(
        self, why: str, *, lasting: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(why)
        self.why = why
        self.lasting = lasting
        self.retry_after = retry_after


class Channel(Protocol):
    """A destination of messages."""

    def check(self) -> None:
        """Raise NoSecret or Undelivered when the current Secret does not allow sending."""

    async def send(self, document: Object) -> None:
        """Deliver one message; raise `Undelivered` on a permanent or temporary failure."""

    async def close(self) -> None:
        """Close the connections."""


def _worth_retrying(error: BaseException) -> bool:
    if not isinstance(error, Undelivered) or error.lasting:
        return False
    return error.retry_after is None or error.retry_after <= LONGEST_WAIT_SECONDS


def _wait(state: RetryCallState) -> float:
    backoff = wait_exponential_jitter(initial=1.0, max=20.0, jitter=1.0)(state)
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, Undelivered) else None
    return max(backoff, asked or 0.0)


class Http:
    """HTTP POST. The session is created on first use, in the current loop."""

    def __init__(
        self,
        timeout: float = TIMEOUT_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._timeout = timeout
        self._sleep = sleep
        self._session: aiohttp.ClientSession | None = None

    async def persistently(self, attempt: Callable[[], Awaitable[None]]) -> None:
        """Make a few attempts, with increasing pauses or those the endpoint requests; raise the last Undelivered."""
        async for each in AsyncRetrying(
            retry=retry_if_exception(_worth_retrying),
            stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(ALL_ATTEMPTS_SECONDS),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        ):
            with each:
                await attempt()

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and the beginning of the answer; Undelivered when there is none."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=Resolver(), ssl=tls.context()),
                # Use the proxy of HTTPS_PROXY.
                trust_env=True,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
            )
        try:
            # A redirect would pass the message and its signature to a host that is not configured.
            async with self._session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status, answer.headers, await answer.content.read(ANSWER_BYTES)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Undelivered(
                in_words(error, self._timeout), lasting=_is_of_certificate(error)
            ) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def url_of(secrets: Secrets, key: str) -> str:
    """Return the URL in a key of the Secret; NoSecret or Undelivered when there is none."""
    url = secrets.get(key)
    try:
        parts = urlsplit(url)
        usable = (
            parts.scheme in {"http", "https"} and bool(parts.hostname) and not re.search(r"\s", url)
        )
    except ValueError:
        usable = False
    if not usable:
        raise Undelivered(
            f"the key {key} of the Secret holds no URL: it begins with https:// or http://, and is all there is",
            lasting=True,
        )
    return url


def _is_of_certificate(error: BaseException) -> bool:
    return isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError)


def in_words(error: BaseException, timeout: float = TIMEOUT_SECONDS) -> str:
    """Describe a connection error, without any address."""
    cause = error.__cause__ or getattr(error, "os_error", None) or error
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        return f"no answer within {timeout:g} s"
    if _is_of_certificate(error):
        return tls.in_words(error)
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return "TLS could not be agreed on"
    if isinstance(error, aiohttp.InvalidURL):
        return "its URL is not one"
    if isinstance(error, aiohttp.ClientConnectorDNSError) or isinstance(cause, socket.gaierror):
        return "the name of its host is not known"
    if isinstance(error, ConnectionRefusedError) or isinstance(cause, ConnectionRefusedError):
        return "nothing listens there (connection refused)"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection was closed without an answer"
    return f"the connection failed ({type(error).__name__})"


def judge(
    status: int, headers: Mapping[str, str], asked: float | None = None, hint: str = ""
) -> None:
    """Raise Undelivered unless the status means that the message has arrived."""
    if 200 <= status < 300:
        return
    wait = asked if asked is not None else retry_after(headers)
    if 300 <= status < 400:
        raise Undelivered(
            f"HTTP {status}: it redirects; configure the final URL", lasting=True, retry_after=wait
        )
    passing = status in {408, 425, 429} or status >= 500
    said = f"HTTP {status}" + (f": {hint}" if hint else "")
    raise Undelivered(said, lasting=not passing, retry_after=wait)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Parse Retry-After: seconds, or a date; None for neither."""
    text = (headers.get("Retry-After") or "").strip()
    try:
        return max(0.0, float(text)) if float(text) < 1e6 else None
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(text)
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def as_json(document: Any) -> bytes:
    """Return compact JSON in UTF-8."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()

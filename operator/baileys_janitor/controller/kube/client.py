"""The client of the API server: JSON in, JSON out, retries by a library, errors as one class."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import quote, urlsplit

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from baileys_janitor.api.names import API_VERSION
from baileys_janitor.controller.kube.throttle import MOST_SECONDS, Pause

Body = dict[str, Any]

TENANTS = f"/apis/{API_VERSION}"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
ATTEMPTS = 6
CHUNK = 250
"""Objects in a page of a list: half of the size of client-go's pager, because each page is in memory as a whole."""
TIMEOUT_SECONDS = 30.0
"""Seconds for one request: more than the API server's own limit for a write would only be waiting."""
LIST_ANEW = 3
"""How often a list begins again because its continue token has expired, before it is given up."""
LATE_SECONDS = 5.0
"""Seconds that a watch may stay open beyond its requested time, before its connection counts as dead."""
API_PROXY = "BAILEYS_JANITOR_API_PROXY"
"""The URL of a proxy to the API server. HTTPS_PROXY and similar variables are for notifications alone: they name a
proxy to the outside, and not all libraries read NO_PROXY alike."""


class NoAccess(Exception):  # noqa: N818 - the word that users see
    """No request can reach an API server with this configuration: one sentence with the way out."""


class ApiError(Exception):
    """The API server's refusal, or its absence (`status` 0).

    `status` is the HTTP code, `reason` the Status object's reason, `message` its sentence.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after: float | None = None
        self.about = ""
        """The name of the object in the refusal, if it has one."""


def path(resource: str, namespace: str | None = None, name: str = "", group: str = "") -> str:
    """Return the URL path of a resource: `group` is a path such as `/apis/batch/v1`, the core group by default.

    Names are quoted: some are read from objects that others write, such as a pod's node.
    """
    parts = [group or "/api/v1"]
    if namespace:
        parts.append(f"namespaces/{quote(namespace, safe='')}")
    parts.append(resource)
    if name:
        parts.append(quote(name, safe=""))
    return "/".join(parts)


def _worth_retrying(error: BaseException) -> bool:
    return isinstance(error, ApiError) and (
        error.status in {0, 429} or (500 <= error.status < 600 and error.status != 501)
    )


def _wait(state: RetryCallState) -> float:
    backoff = wait_exponential_jitter(multiplier=0.2, max=10.0, jitter=0.5)(state)
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, ApiError) else None
    return max(backoff, min(asked, MOST_SECONDS)) if asked is not None else backoff


async def access() -> client.Configuration:
    """Return the connection settings for the API server: the pod's service account, else KUBECONFIG.

    Requests are sent to it directly, even with HTTPS_PROXY, unless API_PROXY or the kubeconfig names a proxy.

    Raises:
        NoAccess: there is neither a service account nor a usable kubeconfig.
    """
    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        await _load_kubeconfig(configuration)
    # Certificates of old clusters lack extensions that only Python requires, since 3.13.
    configuration.disable_strict_ssl_verification = True
    configuration.client_session_kwargs = {"trust_env": False}
    source = API_PROXY if os.environ.get(API_PROXY) else "The proxy-url of the kubeconfig"
    configuration.proxy = os.environ.get(API_PROXY) or configuration.proxy
    if configuration.proxy:
        _check_proxy(configuration.proxy, source)
    return configuration


async def _load_kubeconfig(configuration: client.Configuration) -> None:
    # Checked here: the library keeps the variable's value from its import. Nobody's file is rewritten.
    if not _has_kubeconfig():
        raise NoAccess(
            "No API server is known: this is not a pod with a service account's token, and there is no kubeconfig. "
            "Set KUBECONFIG to the file that kubectl uses; it is ~/.kube/config otherwise."
        )
    try:
        await config.load_kube_config(  # type: ignore[no-untyped-call]
            os.environ.get("KUBECONFIG") or None,
            client_configuration=configuration,
            persist_config=False,
        )
    except Exception:  # noqa: BLE001 - a library reads what anybody wrote, and runs the commands that it names
        raise NoAccess(
            "The kubeconfig cannot be used: it is not YAML, names a context or a file that does not exist, or its "
            "login command fails. `kubectl get namespaces` with the same file says which; correct it."
        ) from None


def _has_kubeconfig() -> bool:
    named = os.environ.get("KUBECONFIG") or "~/.kube/config"
    return any(Path(each).expanduser().exists() for each in named.split(os.pathsep) if each)


def _check_proxy(url: str, source: str) -> None:
    """Raise NoAccess unless a proxy's URL is usable. A password in it would get into errors, and so into logs."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        raise NoAccess(
            f"{source} is not a URL: correct it, for instance to http://HOST:PORT."
        ) from None
    if not usable:
        raise NoAccess(
            f"{source} is not the URL of an HTTP proxy, which begins with http:// or https://."
        )
    if parts.username is not None or parts.password is not None:
        raise NoAccess(
            f"{source} holds a user or a password, which is not supported: name a proxy to the API server that "
            "asks for none, or let requests go directly."
        )


class Kube:
    """A small JSON client over `kubernetes.aio`: it retries 429, 5xx and lost connections, and nothing else.

    A 429 holds every request of this client for as long as the server asks.
    `seen` is called with (verb, resource path, HTTP status) for each request; 0 when it was not answered.
    """

    def __init__(
        self, api: client.ApiClient, seen: Callable[[str, str, int], None] | None = None
    ) -> None:
        self._api = api
        self._seen = seen
        self.pause = Pause()

    @classmethod
    async def connect(cls, seen: Callable[[str, str, int], None] | None = None) -> Self:
        """Connect with the pod's service account, else with KUBECONFIG. Raises NoAccess if that names no API server."""
        configuration = await access()
        try:
            return cls(client.ApiClient(configuration), seen)
        except (OSError, ValueError):
            raise NoAccess(
                "The kubeconfig names certificates or a key that cannot be read: correct certificate-authority, "
                "client-certificate and client-key, or their data."
            ) from None

    @property
    def server(self) -> str:
        """The API server's address, without a path."""
        parts = urlsplit(self._api.configuration.host)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()  # type: ignore[no-untyped-call]

    async def get(self, url: str, attempts: int = ATTEMPTS) -> Body:
        """Read one object; ApiError 404 if it does not exist."""
        return await self._retried("GET", url, attempts)

    async def list(
        self, url: str, labels: str = "", fields: str = "", chunk: int = CHUNK
    ) -> AsyncIterator[Body]:
        """Yield the objects of a list, page by page, none of them twice.

        A continue token expires after some minutes (410). The list then begins anew, without those that were yielded.
        """
        query: dict[str, str] = {"limit": str(chunk)}
        if labels:
            query["labelSelector"] = labels
        if fields:
            query["fieldSelector"] = fields
        seen: set[str] = set()
        anew = 0
        while True:
            try:
                page = await self._retried("GET", url, query=query)
            except ApiError as error:
                if error.status != 410 or "continue" not in query or anew >= LIST_ANEW:
                    raise
                anew += 1
                del query["continue"]
                continue
            token = (page.get("metadata") or {}).get("continue")
            for item in page.get("items") or ():
                uid = str((item.get("metadata") or {}).get("uid") or "")
                if uid not in seen:
                    yield cast(Body, item)
                if uid and (token or seen):
                    # A list of a single page, which most are, needs no memory.
                    seen.add(uid)
            if not token:
                return
            query["continue"] = token

    async def count(self, url: str) -> int | None:
        """Return how many objects a list has, without reading them; None if the server does not report it."""
        page = await self._retried("GET", url, query={"limit": "1"})
        here, meta = len(page.get("items") or ()), page.get("metadata") or {}
        rest = meta.get("remainingItemCount")
        if meta.get("continue") and rest is None:
            return None
        return here + int(rest or 0)

    async def watch(self, url: str, name: str, seconds: int) -> AsyncIterator[Body]:
        """Yield the events of one object for so many seconds, beginning with its present state.

        It is one request, without retries. Raises ApiError when the watch breaks.
        """
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={name}",
            "timeoutSeconds": str(seconds),
        }
        limit = aiohttp.ClientTimeout(total=seconds + LATE_SECONDS, sock_connect=TIMEOUT_SECONDS)
        response = await self._sent("GET", url, query, limit=limit)
        self._note("GET", url, response.status)
        try:
            async for line in response.response.content:
                yield _parsed(line)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _lost(error) from None
        finally:
            response.response.close()

    async def create(self, url: str, body: Body, attempts: int = ATTEMPTS) -> Body:
        """Create an object; ApiError 409 if the name is taken."""
        return await self._retried("POST", url, attempts, body=body)

    async def patch(self, url: str, body: Body, attempts: int = ATTEMPTS) -> Body:
        """Apply a merge patch; with `metadata.resourceVersion` in it, ApiError 409 if it is stale."""
        return await self._retried("PATCH", url, attempts, body=body, content_type=MERGE_PATCH)

    async def patch_tested(self, url: str, operations: Sequence[Body]) -> Body:
        """Apply a JSON patch, which may begin with tests; ApiError 422 if one of them fails."""
        return await self._retried("PATCH", url, body=operations, content_type=JSON_PATCH)

    async def replace(self, url: str, body: Body, manager: str) -> Body:
        """Replace an object, once, as a field manager with this name; ApiError 409 if the version in it is stale.

        There is no retry: after a lost answer the caller has to check the result.
        """
        return await self._retried("PUT", url, 1, body=body, query={"fieldManager": manager})

    async def delete(self, url: str, uid: str | None = None) -> None:
        """Delete an object in the background; no error if it is gone already (or is another one of that name)."""
        options: Body = {"propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            await self._retried("DELETE", url, body=options)
        except ApiError as error:
            if error.status not in {404, 409}:
                raise

    async def _retried(self, verb: str, url: str, attempts: int = ATTEMPTS, **kwargs: Any) -> Body:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(_worth_retrying),
            stop=stop_after_attempt(attempts),
            wait=_wait,
            reraise=True,
        ):
            with attempt:
                await self.pause.over()
                return await self._once(verb, url, **kwargs)
        raise AssertionError("the retry loop ends by return or raise")

    async def _once(
        self,
        verb: str,
        url: str,
        query: dict[str, str] | None = None,
        body: Body | None = None,
        content_type: str = "application/json",
    ) -> Body:
        response = await self._sent(verb, url, query, body, content_type)
        try:
            data = await response.read()
            found = _parsed(data) if data else {}
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._note(verb, url, 0)
            raise _lost(error) from None
        except ApiError:
            self._note(verb, url, 0)
            raise
        self._note(verb, url, response.status)
        return found

    async def _sent(
        self,
        verb: str,
        url: str,
        query: dict[str, str] | None = None,
        body: Body | None = None,
        content_type: str = "application/json",
        limit: aiohttp.ClientTimeout | None = None,
    ) -> Any:
        """Send a request; return the answer, not read yet, unless it is a refusal."""
        headers = {"Accept": "application/json", "Content-Type": content_type}
        try:
            request = await self._api.param_serialize(
                verb,
                url,
                query_params=list((query or {}).items()),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
            response = await self._api.call_api(
                *request, _request_timeout=limit or aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            )
            if response.status < 400:
                return response
            data = await response.read()  # type: ignore[no-untyped-call]
        except ApiException as error:
            raise self._refused(verb, url, _refusal(error)) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._note(verb, url, 0)
            raise _lost(error) from None
        raise self._refused(verb, url, _status_error(response.status, data, response.headers))

    def _refused(self, verb: str, url: str, error: ApiError) -> ApiError:
        self._note(verb, url, error.status)
        if error.status == 429:
            self.pause.ask(error.retry_after)
        return error

    def _note(self, verb: str, url: str, status: int) -> None:
        if self._seen is not None:
            self._seen(verb, url, status)


def _lost(error: BaseException) -> ApiError:
    """Return the error for a lost connection, with a word for its kind: the original errors contain addresses."""
    return ApiError(0, _kind_of_loss(error), type(error).__name__)


def _kind_of_loss(error: BaseException) -> str:
    cause = getattr(error, "os_error", None) or error
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return "CertificateNotTrusted"
    if isinstance(error, aiohttp.ClientSSLError):
        return "NoTls"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return "ProxyRefuses"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return "ProxyUnreachable"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "NameUnknown"
    if isinstance(error, TimeoutError):
        return "NoAnswer"
    if isinstance(cause, ConnectionRefusedError):
        return "ConnectionRefused"
    return "Unreachable"


def _parsed(data: bytes | str) -> Body:
    """Read an answer. Raises ApiError with status 0, as for a lost connection, if it was truncated or is no object."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ApiError(0, "Unreadable", "the answer is not JSON, or was cut off") from error
    if not isinstance(found, dict):
        raise ApiError(0, "Unreadable", "the answer is not an object")
    return cast(Body, found)


def _refusal(error: ApiException) -> ApiError:
    return _status_error(error.status or 0, error.body or b"", error.headers or {})


def _status_error(status: int, data: Any, headers: Any) -> ApiError:
    try:
        said = json.loads(data)
    except (TypeError, ValueError):
        said = {}
    if not isinstance(said, dict):
        said = {}
    refusal = ApiError(status, str(said.get("reason") or status), str(said.get("message") or ""))
    details = said.get("details")
    refusal.about = str(details.get("name") or "") if isinstance(details, dict) else ""
    try:
        refusal.retry_after = float(headers.get("Retry-After") or "")
    except (AttributeError, TypeError, ValueError):
        refusal.retry_after = None
    return refusal

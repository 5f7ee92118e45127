"""Archives in S3, Google's and Azure's stores. The only module that imports obstore.

Every operation ends within `Bounds`, whatever the server does: a request that fails at once is retried for a few
seconds, a slow one is tried once, and one with an answer that fills the memory is cancelled. The library reads its own
settings from the environment, among them tokens and ones that turn signatures off, so it is opened without the clouds'
variables.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from hashlib import md5
from secrets import token_hex
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar, cast
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from baileys_janitor.backup.errors import (
    ANSWER_INCOMPLETE,
    ARCHIVE_EXISTS,
    ARCHIVE_TOO_LARGE,
    CREDENTIALS_MALFORMED,
    LISTING_TOO_LONG,
    NOT_A_STORE,
    TOO_SLOW,
    BackupProblem,
)
from baileys_janitor.backup.stores.bounded import TooMuch, bounded
from baileys_janitor.backup.stores.location import GCS, S3
from baileys_janitor.backup.stores.store import (
    ACCEPTED,
    CHECKSUM,
    MOST_OBJECTS,
    READ,
    PutResult,
    StoredObject,
)
from baileys_janitor.backup.stores.store_errors import (
    DELETE,
    GET,
    LIST,
    PUT,
    TOO_MUCH,
    is_unsupported,
    problem_for,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

    from obstore import PutResult as ObstorePutResult
    from obstore.store import AzureConfig, ClientConfig, GCSConfig, RetryConfig, S3Config

    from baileys_janitor.backup.stores.location import Location
    from baileys_janitor.backup.stores.store_credentials import StoreCredentials

    AnyStore = S3Store | GCSStore | AzureStore

Result = TypeVar("Result")

_MEBIBYTE: Final = 1 << 20
_CHUNK_BYTES: Final = 1 << 18
_PAGE: Final = 1000
_FEW: Final = 20
_PATH_MOST: Final = 1024
_TAG_MOST: Final = 256
_PANIC: Final = "PanicException"
_CLOUDS: Final = ("AWS_", "AZURE_", "GOOGLE_", "GCP_", "GCS_", "GCE_", "MSI_", "IDENTITY_")
_masking = Lock()
# The library's name of a key, if it differs from the variable's name in lower case without its prefix.
_NAMES: Final = {
    "AZURE_STORAGE_ACCOUNT_NAME": "account_name",
    "AZURE_STORAGE_ACCOUNT_KEY": "account_key",
    "AZURE_STORAGE_SAS_KEY": "sas_key",
    "GOOGLE_SERVICE_ACCOUNT_KEY": "service_account_key",
    "GOOGLE_APPLICATION_CREDENTIALS": "application_credentials",
}
_AMAZON: Final = "amazonaws.com"
_DEFAULT_REGION: Final = "us-east-1"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The time limits in seconds of a put or a get, and of each request of a listing or a deletion.

    A request that fails at once is retried, `retries` times within `retry` seconds. With these numbers every
    operation ends within half a minute: a listing requests no further page after twice `page` seconds.
    """

    whole: float = 24.0
    page: float = 8.0
    connect: float = 5.0
    retry: float = 3.0
    retries: int = 4
    pause: float = 0.2


class ObjectStore:
    """A prefix in an object store; see `Store`."""

    def __init__(
        self, location: Location, credentials: StoreCredentials, bounds: Bounds | None = None
    ) -> None:
        self._location = location
        self._credentials = credentials
        self._bounds = bounds or Bounds()
        self._whole = self._open(self._bounds.whole)
        self._pages = self._open(self._bounds.page)

    def __repr__(self) -> str:
        return f"ObjectStore({self._location.scheme})"

    def put(self, path: str, data: bytes, *, sha256: str) -> PutResult:  # noqa: ARG002 - the client sends it
        """Put a new object, whole or not at all; raise ArchiveExists if the name is taken by another.

        The name may be taken by this same put, if its first answer was lost: then the content is the same.
        """
        try:
            return self._put(path, data)
        except BackupProblem as problem:
            if problem.code == ARCHIVE_EXISTS and self._holds(path, data):
                return PutResult(None, READ)
            raise

    def _put(self, path: str, data: bytes) -> PutResult:
        """Put with one request: a multipart upload would stay in the bucket, invisible, if this process is killed."""
        deadline = time.monotonic() + 2 * self._bounds.page
        new = partial(
            obstore.put_async, self._whole, path, data, mode="create", use_multipart=False
        )
        found, text = _attempt(new)
        if found is not None:
            return _put_result(found, data, checked=checks_puts(self._location))
        if self._location.scheme != S3 or not is_unsupported(text):
            raise problem_for(text, PUT)
        _check_time(deadline)
        # A store without checksums or conditional puts: no other archive has this name anyway.
        basic = self._open(self._bounds.page, basic=True)
        found = _called(PUT, partial(obstore.put_async, basic, path, data, use_multipart=False))
        return _put_result(found, data, checked=False)

    def list_objects(
        self, prefix: str, *, most: int = MOST_OBJECTS, doubt_empty: bool = False
    ) -> list[StoredObject]:
        """Return the objects below `prefix`, sorted by name; raise ListingTooLong for more than `most`.

        `doubt_empty`: raise NotAStore if another server answers with a page that reads as an empty list.
        """
        deadline = time.monotonic() + 2 * self._bounds.page
        found: list[StoredObject] = []
        pages = obstore.list(self._pages, prefix, chunk_size=_PAGE)
        while (page := _called(LIST, lambda: _next(pages))) is not None:
            found += [
                StoredObject(each["path"], each["size"], plain_tag(each["e_tag"]))
                for each in page
                if len(each["path"]) <= _PATH_MOST
            ]
            if len(found) > most:
                raise BackupProblem(LISTING_TOO_LONG, most=most)
            _check_time(deadline)
        if doubt_empty and not found:
            self._look_for_nothing(prefix)
        return sorted(found, key=lambda each: each.path)

    def _look_for_nothing(self, prefix: str) -> None:
        """Request an object that cannot exist: a login page answers every request."""
        path = f"{prefix}/{token_hex(16)}" if prefix else token_hex(16)
        _, text = _attempt(lambda: obstore.head_async(self._pages, path))
        if not text or problem_for(text, GET).code == NOT_A_STORE:
            raise BackupProblem(NOT_A_STORE)

    def get(self, path: str, *, limit_bytes: int) -> Iterator[bytes]:
        """Yield the content of an object; raise ArchiveTooLarge if it has more bytes than the limit."""
        deadline = time.monotonic() + self._bounds.whole
        found = _called(GET, lambda: obstore.get_async(self._whole, path))
        size = found.meta["size"]
        if size > limit_bytes:
            raise BackupProblem(ARCHIVE_TOO_LARGE, mebibytes=limit_bytes // _MEBIBYTE)
        chunks = aiter(found.stream(min_chunk_size=_CHUNK_BYTES))
        while (chunk := _called(GET, lambda: _next(chunks))) is not None:
            size -= len(chunk)
            if size < 0:
                raise BackupProblem(ANSWER_INCOMPLETE)
            _check_time(deadline)
            yield bytes(chunk)
        if size:
            raise BackupProblem(ANSWER_INCOMPLETE)

    def delete(self, paths: Sequence[str]) -> None:
        """Remove objects, up to a thousand with one request; one that does not exist is no problem."""
        deadline = time.monotonic() + 2 * self._bounds.page
        for at in range(0, len(paths), _PAGE):
            some = list(paths[at : at + _PAGE])
            _, text = _attempt(partial(obstore.delete_async, self._pages, some))
            if text and self._location.scheme == S3 and is_unsupported(text):
                self._delete_one_by_one(some, deadline)
            elif text:
                raise problem_for(text, DELETE)
            _check_time(deadline)

    def _delete_one_by_one(self, paths: list[str], deadline: float) -> None:
        """Remove objects in a store without a request for many."""
        store = self._open(self._bounds.page, basic=True)
        for at in range(0, len(paths), _FEW):
            _called(DELETE, partial(obstore.delete_async, store, paths[at : at + _FEW]))
            _check_time(deadline)

    def _holds(self, path: str, data: bytes) -> bool:
        try:
            return b"".join(self.get(path, limit_bytes=len(data))) == data
        except BackupProblem:
            return False

    def _open(self, request_seconds: float, *, basic: bool = False) -> AnyStore:
        """Return the library's store, without a request. A `basic` one uses only features of every S3 store."""
        place = self._location
        client = _client(request_seconds, self._bounds, self._credentials.ca)
        if (place.endpoint or "").lower().startswith("http://"):
            client["allow_http"] = True
        retry = _retry(self._bounds)
        keys = {_name(key): value for key, value in self._credentials.values.items()}
        try:
            with _no_cloud_variables():
                if place.scheme == S3:
                    s3 = _s3(place, keys, basic=basic)
                    return S3Store(
                        place.bucket, prefix=place.prefix or None, config=s3,
                        client_options=client, retry_config=retry,
                    )  # fmt: skip
                if place.scheme == GCS:
                    gcs = {**keys, **({"base_url": place.endpoint} if place.endpoint else {})}
                    return GCSStore(
                        place.bucket, prefix=place.prefix or None, config=cast("GCSConfig", gcs),
                        client_options=client, retry_config=retry,
                    )  # fmt: skip
                azure = {**keys, **({"endpoint": place.endpoint} if place.endpoint else {})}
                return AzureStore(
                    place.bucket, prefix=place.prefix or None, config=cast("AzureConfig", azure),
                    client_options=client, retry_config=retry,
                )  # fmt: skip
        except (BaseError, OSError, ValueError):
            problem = BackupProblem(CREDENTIALS_MALFORMED, name=", ".join(self._credentials.values))
        raise problem


def checks_puts(location: Location) -> bool:
    """Return whether a store is known to refuse content that does not match its checksum.

    Others may accept the checksum and ignore it.
    """
    host = urlsplit(location.endpoint or "").hostname or _AMAZON
    return location.scheme == S3 and f".{host}".endswith((f".{_AMAZON}", f".{_AMAZON}.cn"))


def _put_result(found: ObstorePutResult, data: bytes, *, checked: bool) -> PutResult:
    """Return the result of a put: most stores use the MD5 of an unencrypted object's content as its tag."""
    tag = plain_tag(found["e_tag"])
    same = tag == md5(data, usedforsecurity=False).hexdigest()
    return PutResult(tag, CHECKSUM if same or checked else ACCEPTED)


def plain_tag(tag: str | None) -> str | None:
    """Return a store's tag without the quotes that some stores add; None if it is invalid."""
    plain = (tag or "").strip('"')
    return (
        plain if 0 < len(plain) <= _TAG_MOST and plain.isascii() and plain.isprintable() else None
    )


async def _next(stream: AsyncIterator[Result]) -> Result | None:
    return await anext(stream, None)


def _called(operation: str, request: Callable[[], Awaitable[Result]]) -> Result:
    """Return the result of a request; raise BackupProblem for the library's exceptions."""
    result, text = _attempt(request)
    if text:
        raise problem_for(text, operation)
    return cast("Result", result)


def _attempt(request: Callable[[], Awaitable[Result]]) -> tuple[Result | None, str]:
    """Return the result of a request and "", or None and the library's error text, which must stay private."""
    try:
        return bounded(request), ""
    except TooMuch:
        return None, TOO_MUCH
    except Exception as error:  # noqa: BLE001 - its text may hold names
        return None, str(error) or type(error).__name__
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        return None, _PANIC


def _check_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise BackupProblem(TOO_SLOW)


def _client(request_seconds: float, bounds: Bounds, ca: str | None) -> ClientConfig:
    client: ClientConfig = {
        "timeout": timedelta(seconds=request_seconds),
        "connect_timeout": timedelta(seconds=min(bounds.connect, request_seconds)),
        "user_agent": "baileys-janitor",
    }
    if ca is not None:
        client["root_certificate"] = ca
    return client


def _retry(bounds: Bounds) -> RetryConfig:
    pause = timedelta(seconds=bounds.pause)
    return {
        "max_retries": bounds.retries,
        "retry_timeout": timedelta(seconds=bounds.retry),
        "backoff": {"init_backoff": pause, "max_backoff": 4 * pause, "base": 2},
    }


def _s3(place: Location, keys: dict[str, str], *, basic: bool) -> S3Config:
    config = cast("S3Config", keys)
    config["region"] = place.region or _DEFAULT_REGION
    config["disable_bulk_delete"] = basic
    if not basic:
        config["checksum_algorithm"] = "SHA256"
    if place.endpoint is not None:
        config["endpoint"] = place.endpoint
        host = place.endpoint.partition("://")[2]
        config["virtual_hosted_style_request"] = host.startswith(f"{place.bucket}.")
    return config


def _name(variable: str) -> str:
    return _NAMES.get(variable) or variable.partition("_")[2].lower()


@contextmanager
def _no_cloud_variables() -> Iterator[None]:
    """Hide the environment's settings from the library: a stray token would be sent with another key."""
    with _masking:
        hidden = {key: value for key, value in os.environ.items() if key.startswith(_CLOUDS)}
        for key in hidden:
            del os.environ[key]
        try:
            yield
        finally:
            os.environ.update(hidden)

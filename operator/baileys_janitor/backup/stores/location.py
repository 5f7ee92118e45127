"""The location of a repository: its URL, checked and parsed, and the address of its store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from baileys_janitor.backup.errors import ENDPOINT_INVALID, URL_INVALID, BackupProblem

S3: Final = "s3"
GCS: Final = "gs"
AZURE: Final = "az"
DIRECTORY: Final = "file"

_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}[A-Za-z0-9]", re.ASCII)
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_=+-][A-Za-z0-9._=+-]*", re.ASCII)
_REGION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_HOST: Final = re.compile(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+", re.ASCII)
_PREFIX_MOST: Final = 512
_URL_MOST: Final = 1024


@dataclass(frozen=True, slots=True)
class Location:
    """The location of a repository.

    `scheme` is one of the above. `bucket` and `prefix` are for an object store; for a directory, `directory` is an
    absolute path and the other two are empty. `endpoint` and `region` are None if they were not given.
    """

    scheme: str
    bucket: str = ""
    prefix: str = ""
    directory: str = ""
    endpoint: str | None = None
    region: str | None = None

    @property
    def is_plain_http(self) -> bool:
        """Whether archives travel unencrypted to another machine: a caller warns of it, once."""
        return _is_http(self.endpoint) and not _is_loopback(self.endpoint)


def location_of(url: str, *, endpoint: str | None = None, region: str | None = None) -> Location:
    """Return the location of a URL; raise UrlInvalid or EndpointInvalid.

    Args:
        url: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, `file:///directory` or the absolute
            path of a directory. The prefix may be missing.
        endpoint: the `https://` or `http://` address of the store. HTTP is only used if it is given explicitly, and for
            Google's and Azure's stores only on loopback: these get a token that any listener could use.
        region: the region of an S3 bucket.
    """
    if len(url) > _URL_MOST or not url.isprintable():
        raise BackupProblem(URL_INVALID)
    if url.startswith("/"):
        return _directory(url, endpoint)
    scheme, separator, rest = url.partition("://")
    if scheme == DIRECTORY and rest.startswith("/"):
        return _directory(rest, endpoint)
    if scheme not in (S3, GCS, AZURE) or not separator:
        raise BackupProblem(URL_INVALID)
    bucket, _, prefix = rest.partition("/")
    prefix = prefix.strip("/")
    if not _BUCKET.fullmatch(bucket) or not _is_prefix(prefix):
        raise BackupProblem(URL_INVALID)
    if region is not None and not _REGION.fullmatch(region):
        raise BackupProblem(ENDPOINT_INVALID)
    if endpoint is not None:
        _check_endpoint(scheme, endpoint)
    return Location(scheme, bucket, prefix, "", endpoint and endpoint.rstrip("/"), region)


def _directory(path: str, endpoint: str | None) -> Location:
    if endpoint is not None:
        raise BackupProblem(ENDPOINT_INVALID)
    if ".." in path.split("/"):
        raise BackupProblem(URL_INVALID)
    return Location(DIRECTORY, directory=path.rstrip("/") or "/")


def _is_prefix(prefix: str) -> bool:
    return len(prefix) <= _PREFIX_MOST and (
        not prefix or all(_SEGMENT.fullmatch(each) for each in prefix.split("/"))
    )


def _check_endpoint(scheme: str, endpoint: str) -> None:
    """Refuse endpoints that the client cannot use, and a user and password in the address."""
    if len(endpoint) > _URL_MOST or not endpoint.isprintable() or " " in endpoint:
        raise BackupProblem(ENDPOINT_INVALID)
    try:
        parts = urlsplit(endpoint)
        named = bool(parts.hostname) and (parts.port is None or 0 < parts.port < 65536)
    except ValueError:
        raise BackupProblem(ENDPOINT_INVALID) from None
    host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc
    path = parts.path.strip("/")
    fine = (
        named
        and parts.scheme in ("http", "https")
        and not (parts.query or parts.fragment)
        and _HOST.fullmatch(host)
        and _is_prefix(path)
    )
    if not fine or (scheme != S3 and _is_http(endpoint) and not _is_loopback(endpoint)):
        raise BackupProblem(ENDPOINT_INVALID)


def _is_http(endpoint: str | None) -> bool:
    return endpoint is not None and endpoint.lower().startswith("http://")


def _is_loopback(endpoint: str | None) -> bool:
    host = urlsplit(endpoint or "").hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

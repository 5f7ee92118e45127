"""The names of archives in a repository: `<namespace>/<tenant>/<UTC time>-<digest8>.tar.gz.age` below its URL.

`20261128T093500Z-0a1b2c3d.tar.gz.age` was read on 28 November 2026 at 09:35:00 UTC, and the digest of its list of
files begins with 0a1b2c3d. An archive that is not encrypted ends in `.tar.gz`. Names sort by time. Anybody who can
write to the store chooses names, so any other name is foreign: it is counted and never touched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

ENCRYPTED_SUFFIX: Final = ".tar.gz.age"
PLAIN_SUFFIX: Final = ".tar.gz"
ONE_SERVER: Final = "server"
"""The namespace of archives that come from the command line or a watch rather than from a cluster."""
KEY_STORE: Final = "keystore"
"""The namespace of archives of sessions with their keys in a database."""

DIGEST_DIGITS: Final = 8
NAMESPACE_MOST: Final = 63
TENANT_MOST: Final = 253
PATH_MOST: Final = NAMESPACE_MOST + TENANT_MOST + 2 + len("20261128T093500Z-0a1b2c3d.tar.gz.age")

_TIME_FORMAT: Final = "%Y%m%dT%H%M%SZ"
_NAME: Final = re.compile(
    r"(?P<time>(?:19[7-9]|2\d\d)\d{5}T\d{6}Z)-(?P<digest>[0-9a-f]{8})(?P<suffix>\.tar\.gz(?:\.age)?)",
    re.ASCII,
)
_NAMESPACE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_TENANT: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_DIGEST: Final = re.compile(r"[0-9a-f]{8,64}", re.ASCII)
_NOT_SLUG: Final = re.compile(r"[^a-z0-9]+", re.ASCII)
_PHONE: Final = re.compile(r"\d{7,}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_SLUG_MOST: Final = 48
_STORE_MOST: Final = 128
_HASH_DIGITS: Final = 8


@dataclass(frozen=True, slots=True, order=True)
class ArchiveName:
    """The last part of a name: when the session was read (Unix seconds), the digest's first eight hex digits."""

    time: int
    digest8: str
    encrypted: bool = True

    def __str__(self) -> str:
        suffix = ENCRYPTED_SUFFIX if self.encrypted else PLAIN_SUFFIX
        return f"{datetime.fromtimestamp(self.time, UTC):{_TIME_FORMAT}}-{self.digest8}{suffix}"


@dataclass(frozen=True, slots=True, order=True)
class ArchivePath:
    """A whole name below a repository's URL."""

    namespace: str
    tenant: str
    name: ArchiveName

    def __str__(self) -> str:
        return f"{self.namespace}/{self.tenant}/{self.name}"


def name_of(time: float, digest: str, *, encrypted: bool) -> ArchiveName:
    """Return the name of an archive that was read at `time` (Unix seconds), by the digest of its list of files."""
    assert _DIGEST.fullmatch(digest), "a digest is hexadecimal"
    return ArchiveName(int(time), digest[:DIGEST_DIGITS], encrypted)


def parse_name(text: str) -> ArchiveName | None:
    """Return the fields of the last part of a name; None for any text that is not an archive's name."""
    found = _NAME.fullmatch(text)
    if found is None:
        return None
    try:
        moment = datetime.strptime(found["time"], _TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
    encrypted = found["suffix"] == ENCRYPTED_SUFFIX
    name = ArchiveName(int(moment.timestamp()), found["digest"], encrypted)
    return name if str(name) == text else None


def parse_path(text: str) -> ArchivePath | None:
    """Return the fields of a whole name; None for any other text."""
    if len(text) > PATH_MOST:
        return None
    parts = text.split("/")
    if len(parts) != 3 or not (is_namespace(parts[0]) and is_tenant(parts[1])):
        return None
    name = parse_name(parts[2])
    return None if name is None else ArchivePath(parts[0], parts[1], name)


def is_namespace(text: str) -> bool:
    """Return whether a text can be the namespace: a DNS label."""
    return _NAMESPACE.fullmatch(text) is not None


def is_tenant(text: str) -> bool:
    """Return whether a text can be the tenant: a DNS name, as resources have."""
    return _TENANT.fullmatch(text) is not None and ".." not in text


def tenant_of(directory: str) -> str:
    """Return the tenant's part of the name for a session directory's name or path below its root.

    A name that is a slug is not changed. Any other is cut down to one, with eight hex digits of its hash behind it,
    so that two directories never share a tenant. One that may hold a phone number is replaced by the hash alone:
    names are not encrypted. Anybody who can list the store can still check a guessed number.
    """
    private = _holds_number(directory) and not _UUID.fullmatch(directory)
    if is_namespace(directory) and not private:
        return directory
    digest = sha256(directory.encode("utf-8", "surrogateescape")).hexdigest()[:_HASH_DIGITS]
    slug = "" if private else _NOT_SLUG.sub("-", directory.lower()).strip("-")
    return f"{slug[:_SLUG_MOST].strip('-') or 'tenant'}-{digest}"


def tenant_of_store(store: str) -> str:
    """Return the prefix of the names of all sessions of a cluster's key store; `store` is the resource's name.

    `main.keystore.acme` is the session acme of the store main: a tenant is unlikely to have such a name.
    """
    if len(store) > _STORE_MOST:
        digest = sha256(store.encode()).hexdigest()[:_HASH_DIGITS]
        store = f"{store[:_STORE_MOST].rstrip('.-')}-{digest}"
    return f"{store}.{KEY_STORE}"


def session_part(tenant: str) -> str:
    """Return the output of `tenant_of` for a session's name: the tenant, without the prefix of its key store."""
    return tenant.rpartition(".")[2]


def _holds_number(text: str) -> bool:
    """Return whether a text may contain a phone number, written together or in groups."""
    return _PHONE.search(re.sub(r"[\s()+./_-]", "", text)) is not None

"""The credentials of a store: from a directory of files (a mounted Secret), from one file, else the environment.

In all three the keys have the names of the stores' own environment variables. They are read again each time a
repository is opened, so that a changed Secret needs no restart. No value is ever shown.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Final

from baileys_janitor.backup.errors import (
    CREDENTIALS_MALFORMED,
    CREDENTIALS_MISSING,
    CREDENTIALS_UNREADABLE,
    BackupProblem,
)
from baileys_janitor.backup.stores.location import AZURE, GCS, S3

if TYPE_CHECKING:
    from collections.abc import Mapping

# By store, the ways to authenticate: each a set of keys that belong together. The first complete one is used.
_WAYS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    S3: (
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
        ("AWS_METADATA_ENDPOINT",),
    ),
    GCS: (
        ("GOOGLE_SERVICE_ACCOUNT_KEY",),
        ("GOOGLE_APPLICATION_CREDENTIALS",),
        ("GCE_METADATA_HOST",),
    ),
    AZURE: (
        ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY"),
        ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_SAS_KEY"),
        ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"),
        ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE",
         "AZURE_TENANT_ID"),
    ),
}  # fmt: skip
_WITH: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"): ("AWS_SESSION_TOKEN",),
    ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"): ("AWS_ROLE_SESSION_NAME",),
}
_MORE: Final = {
    S3: ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE"),
    GCS: (),
    AZURE: (),
}  # fmt: skip
_NAMED_FIRST: Final = {
    S3: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    GCS: "GOOGLE_SERVICE_ACCOUNT_KEY",
    AZURE: "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z][A-Za-z0-9_]{0,63})\s*=\s*(.*)", re.ASCII)
_SECTION: Final = re.compile(r"\[\s*(?:profile\s+)?([^\]]*?)\s*\]")
_FILE_MOST: Final = 65_536
_VALUE_MOST: Final = 8192
# A whole system's CAs, with one added, take a quarter of this.
_BUNDLE_MOST: Final = 1024 * 1024
CA_FILE: Final = "ca.crt"
"""The file in a credentials directory with the CA of a store that has a private one."""


class StoreCredentials:
    """The keys of one store: `values` by the names of its environment variables.

    `ca` is a CA in PEM, `endpoint` and `region` are from the same source as the keys; None if missing.
    """

    def __init__(
        self,
        values: Mapping[str, str],
        ca: str | None = None,
        endpoint: str | None = None,
        region: str | None = None,
    ) -> None:
        self.values = values
        self.ca = ca
        self.endpoint = endpoint
        self.region = region

    def __repr__(self) -> str:
        return "StoreCredentials()"


def credentials_for(
    scheme: str, source: str | None, environ: Mapping[str, str]
) -> StoreCredentials:
    """Return the credentials of a store of this scheme.

    Args:
        scheme: s3, gs or az.
        source: a directory with a file for each key, or a file of lines `KEY=value` (with or without a section
            [default], in capitals or not), or a service account's JSON. None: `environ`.
        environ: the environment.

    Raises BackupProblem: SecretMissing, SecretInvalid, SecretUnreadable.
    """
    found = dict(environ) if source is None else _read(scheme, source)
    ca = found.pop(CA_FILE, None)
    way = next((keys for keys in _WAYS[scheme] if all(found.get(key) for key in keys)), None)
    if way is None:
        raise BackupProblem(CREDENTIALS_MISSING, names=_NAMED_FIRST[scheme])
    taken = (*way, *_WITH.get(way, ()), *_MORE[scheme])
    values = {key: found[key].strip() for key in taken if found.get(key, "").strip()}
    for key, value in values.items():
        if key != "GOOGLE_SERVICE_ACCOUNT_KEY" and not _is_plain(value):
            raise BackupProblem(CREDENTIALS_MALFORMED, name=key)
    places = [values.pop(key, None) for key in _MORE[S3]]
    *regions_and_endpoints, bundle = places
    region, default_region, s3_endpoint, endpoint = regions_and_endpoints
    if bundle is not None and ca is None:
        ca = _bundle(bundle)
    if ca is not None and "-----BEGIN CERTIFICATE-----" not in ca:
        raise BackupProblem(CREDENTIALS_MALFORMED, name="AWS_CA_BUNDLE" if bundle else CA_FILE)
    return StoreCredentials(values, ca, s3_endpoint or endpoint, region or default_region)


def _is_plain(value: str) -> bool:
    return (
        len(value) <= _VALUE_MOST and value.isascii() and value.isprintable() and " " not in value
    )


def _read(scheme: str, source: str) -> dict[str, str]:
    try:
        is_directory = stat.S_ISDIR(os.stat(source).st_mode)  # noqa: PTH116 - a path as it was configured
    except (OSError, ValueError):
        raise BackupProblem(CREDENTIALS_UNREADABLE) from None
    if is_directory:
        keys = {key for way in _WAYS[scheme] for key in way} | {CA_FILE, *_MORE[scheme]}
        keys |= {key for more in _WITH.values() for key in more}
        paths = {key: os.path.join(source, key) for key in keys}  # noqa: PTH118
        return {key: _text(path) for key, path in paths.items() if os.path.exists(path)}  # noqa: PTH110
    text = _text(source)
    if text.lstrip().startswith("{"):
        return {"GOOGLE_SERVICE_ACCOUNT_KEY": text}
    return _lines(text)


def _bundle(path: str) -> str:
    try:
        return _text(path, _BUNDLE_MOST)
    except BackupProblem:
        raise BackupProblem(CREDENTIALS_MALFORMED, name="AWS_CA_BUNDLE") from None


def _text(path: str, most: int = _FILE_MOST) -> str:
    """Return the content of a regular file up to a size limit."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise BackupProblem(CREDENTIALS_UNREADABLE)
            data = os.read(file, most + 1)
        finally:
            os.close(file)
        if len(data) > most:
            raise BackupProblem(CREDENTIALS_UNREADABLE)
        return data.decode()
    except (OSError, ValueError):
        raise BackupProblem(CREDENTIALS_UNREADABLE) from None


def _lines(text: str) -> dict[str, str]:
    """Return the keys of a file in the format of shells and the `aws` command; of its sections, only `default`."""
    found: dict[str, str] = {}
    counts = True
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        section = _SECTION.fullmatch(line)
        if section is not None:
            counts = section[1] == "default"
            continue
        pair = _LINE.fullmatch(line)
        if pair is None:
            raise BackupProblem(CREDENTIALS_MALFORMED, name=f"line {number}")
        if counts:
            found[pair[1].upper()] = _unquoted(pair[2].strip())
    return found


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value

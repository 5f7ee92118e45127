"""The beginning of every manifest, whatever the archive holds: format version, owner, and time.

Version 1 is an archive of files (`manifest`), version 2 one of a database's rows (`rows_manifest`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final, Protocol

from baileys_janitor.backup.archive.tar_headers import TIME_MAX
from baileys_janitor.backup.errors import (
    ARCHIVE_OF_FILES,
    ARCHIVE_OF_ROWS,
    ARCHIVE_VERSION,
    MANIFEST_INVALID,
    NAME_INVALID,
    BackupProblem,
)
from baileys_janitor.backup.names import is_namespace, is_tenant
from baileys_janitor.policy.files.strict_json import JsonError, parse

FILES_VERSION: Final = 1
ROWS_VERSION: Final = 2
NUMBER_MOST: Final = 2**63 - 1

_OTHER_FORMS: Final = {FILES_VERSION: ARCHIVE_OF_FILES, ROWS_VERSION: ARCHIVE_OF_ROWS}
_CLUSTER_MOST: Final = 253
_COUNTER_MOST: Final = 10**9
# Every version has this beginning, so that an older program can report a newer version.
_BEGINNING: Final = re.compile(rb'\{"version":([1-9][0-9]{0,8}),', re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DIGEST: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)

#: JSON in the fixed form of manifests.
as_json: Final[Callable[[object], str]] = json.JSONEncoder(separators=(",", ":")).encode


class Head(Protocol):
    """The facts that every manifest has."""

    @property
    def cluster(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def tenant(self) -> str: ...
    @property
    def time(self) -> int: ...
    @property
    def quiesced(self) -> bool: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def pairing(self) -> str: ...
    @property
    def next_pre_key_id(self) -> int: ...
    @property
    def first_unuploaded_pre_key_id(self) -> int: ...


def require_names(cluster: str, namespace: str, tenant: str) -> None:
    """Raise BackupProblem if a name is not allowed in a manifest."""
    for field, valid in (
        ("cluster", _is_cluster(cluster)),
        ("namespace", is_namespace(namespace)),
        ("tenant", is_tenant(tenant)),
    ):
        if not valid:
            raise BackupProblem(NAME_INVALID, field=field)


def head_text(version: int, head: Head) -> str:
    """Return the JSON of the facts, without the closing bracket."""
    text = as_json(
        {
            "version": version,
            "cluster": head.cluster,
            "namespace": head.namespace,
            "tenant": head.tenant,
            "time": head.time,
            "quiesced": head.quiesced,
            "fingerprint": head.fingerprint,
            "pairing": head.pairing,
            "nextPreKeyId": head.next_pre_key_id,
            "firstUnuploadedPreKeyId": head.first_unuploaded_pre_key_id,
        }
    )
    return text[:-1]


def require_version(beginning: bytes, version: int) -> None:
    """Raise BackupProblem unless a manifest begins with this version."""
    begins = _BEGINNING.match(beginning)
    if begins is None:
        raise invalid("its beginning")
    found = int(begins[1])
    if found != version and found in _OTHER_FORMS:
        raise BackupProblem(_OTHER_FORMS[found])
    if found != version:
        raise BackupProblem(ARCHIVE_VERSION, version=found)


def checked_head(found: object) -> dict[str, object]:
    """Return the facts in a document, by their names in `Head`. Raises BackupProblem."""
    if not isinstance(found, dict):
        raise invalid("its beginning")
    head = {
        "cluster": found.get("cluster"),
        "namespace": found.get("namespace"),
        "tenant": found.get("tenant"),
        "time": found.get("time"),
        "quiesced": found.get("quiesced"),
        "fingerprint": found.get("fingerprint"),
        "pairing": found.get("pairing"),
        "next_pre_key_id": found.get("nextPreKeyId"),
        "first_unuploaded_pre_key_id": found.get("firstUnuploadedPreKeyId"),
    }
    valid = (
        _is_cluster(head["cluster"]),
        _is_text(head["namespace"], is_namespace),
        _is_text(head["tenant"], is_tenant),
        is_number(head["time"], 0, TIME_MAX),
        type(head["quiesced"]) is bool,
        _is_text(head["fingerprint"], _DIGEST.fullmatch),
        _is_text(head["pairing"], _DIGEST.fullmatch),
        is_number(head["next_pre_key_id"], 1, _COUNTER_MOST),
        is_number(head["first_unuploaded_pre_key_id"], 1, _COUNTER_MOST),
    )
    for key, fits in zip(head, valid, strict=True):
        if not fits:
            raise invalid(f"its {key.replace('_', ' ')}")
    return head


def parsed(text: bytes) -> object:
    """Return parsed JSON; None if it is invalid."""
    try:
        return parse(text.decode("utf-8"))
    except (JsonError, UnicodeDecodeError):
        return None


def is_number(value: object, least: int, most: int) -> bool:
    """Return whether a value is a whole number within bounds."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_sha256(value: object) -> bool:
    """Return whether a value is a SHA-256 in hex digits."""
    return _is_text(value, _SHA256.fullmatch)


def invalid(what: str) -> BackupProblem:
    """Return the problem of a manifest that is not ours."""
    return BackupProblem(MANIFEST_INVALID, what=what)


def _is_cluster(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _CLUSTER_MOST and value.isprintable()


def _is_text(value: object, fits: Callable[[str], object]) -> bool:
    return isinstance(value, str) and bool(fits(value))

"""Validation of Secrets and ConfigMaps.

As in Kubernetes' pkg/apis/core/validation: keys that can be file names, 1 MiB of values, and immutable fields.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Final

from sandbox.server.failures import FieldError, RefusedError
from sandbox.server.store import Object

LARGEST: Final = 1 << 20
"""Bytes of all values of one object."""
_KEY: Final = re.compile(r"[-._a-zA-Z0-9]+")
_NO_KEY: Final = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_FIXED: Final = "field is immutable when `immutable` is set"
_NEEDED: Final = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
}
"""The required keys by the type of a Secret."""


def complete(secret: Object) -> None:
    """Fill in the type, and move `stringData` into `data`, where it takes precedence."""
    if not secret.get("type"):
        secret["type"] = "Opaque"
    if plain := secret.pop("stringData", None):
        data = secret["data"] = dict(secret.get("data") or {})
        data |= {k: base64.b64encode(str(v).encode()).decode() for k, v in plain.items()}


def errors(plural: str, new: Object, old: Object | None) -> list[FieldError]:
    """Return the errors of a Secret or a ConfigMap that is created, or changed (`old`).

    Raises:
        RefusedError: 400, when a value is not base64.
    """
    secret = plural == "secrets"
    encoded = new.get("data" if secret else "binaryData") or {}
    plain = {} if secret else new.get("data") or {}
    sizes = {name: _size(secret, value) for name, value in encoded.items()}
    sizes |= {name: len(str(value).encode()) for name, value in plain.items()}
    found = [error for name in sizes if (error := _key_error(name)) is not None]
    if sum(sizes.values()) > LARGEST:
        path = "data" if secret else ""
        found.append(FieldError("FieldValueTooLong", path, f"may not be more than {LARGEST} bytes"))
    if secret:
        found += _secret_errors(new, old)
    if old is not None and old.get("immutable"):
        found += [
            FieldError("FieldValueForbidden", name, _FIXED)
            for name in ("immutable", "data", *(() if secret else ("binaryData",)))
            if (new.get(name) or {}) != (old.get(name) or {})
        ]
    return found


def _size(secret: bool, value: Any) -> int:
    kind = "Secret" if secret else "ConfigMap"
    try:
        return len(base64.b64decode(value or "", validate=True))
    except (binascii.Error, TypeError, ValueError):
        text = f'{kind} in version "v1" cannot be handled as a {kind}: illegal base64 data'
        raise RefusedError(400, text) from None


def _key_error(name: str) -> FieldError | None:
    path = f"data[{name}]"
    if len(name) > 253:
        return FieldError("FieldValueInvalid", path, "must be no more than 253 characters", name)
    if not _KEY.fullmatch(name):
        return FieldError("FieldValueInvalid", path, _NO_KEY, name)
    if name == ".":
        return FieldError("FieldValueInvalid", path, "must not be '.'", name)
    if name.startswith(".."):
        detail = "must not be '..'" if name == ".." else "must not start with '..'"
        return FieldError("FieldValueInvalid", path, detail, name)
    return None


def _secret_errors(new: Object, old: Object | None) -> list[FieldError]:
    data = new.get("data") or {}
    found = [
        FieldError("FieldValueRequired", f"data[{key}]")
        for key in _NEEDED.get(new["type"], ())
        if key not in data
    ]
    for key in (".dockercfg", ".dockerconfigjson"):
        if key in data and key in _NEEDED.get(new["type"], ()) and not _is_object(data[key]):
            detail = "invalid character in JSON"
            shown = "<secret contents redacted>"
            found.append(FieldError("FieldValueInvalid", f"data[{key}]", detail, shown))
    if old is not None and new["type"] != old["type"]:
        found.append(FieldError("FieldValueInvalid", "type", "field is immutable", new["type"]))
    return found


def _is_object(encoded: str) -> bool:
    try:
        return isinstance(json.loads(base64.b64decode(encoded)), dict)
    except ValueError:
        return False

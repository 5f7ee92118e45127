"""The API server's refusals: Status objects with the wording that kubectl expects."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

OMITTED: Final = object()

_REASONS: Final = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}

_CAUSES: Final = {
    "FieldValueInvalid": "Invalid value",
    "FieldValueTypeInvalid": "Invalid value",
    "FieldValueRequired": "Required value",
    "FieldValueNotSupported": "Unsupported value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueDuplicate": "Duplicate value",
    "FieldValueTooLong": "Too long",
    "FieldValueTooMany": "Too many",
    "FieldValueNotFound": "Not found",
}
# These do not print the refused value.
_SILENT: Final = {"FieldValueRequired", "FieldValueForbidden", "FieldValueTooLong"}


class RefusedError(Exception):
    """A request that is refused.

    Args:
        code: the HTTP status.
        message: the sentence for a human.
        reason: metav1.StatusReason; by default the one of the code.
        details: metav1.StatusDetails, if any.
        retry_after: seconds, sent as the Retry-After header.
    """

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str | None = None,
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = _REASONS.get(code, "Unknown") if reason is None else reason
        self.message = message
        self.details = dict(details or {})
        self.retry_after = retry_after
        if retry_after is not None:
            self.details["retryAfterSeconds"] = retry_after

    def status(self) -> dict[str, Any]:
        """The metav1.Status that the response carries."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            body["details"] = self.details
        return body


class StrictDecodingError(RefusedError):
    """400: the body has unknown fields, and its writer has requested strict validation."""

    def __init__(self, kind: str, version: str, unknown: Sequence[str]) -> None:
        listed = ", ".join(f'unknown field "{path}"' for path in unknown)
        self.detail = f"strict decoding error: {listed}"
        super().__init__(
            400, f'{kind} in version "{version}" cannot be handled as a {kind}: {self.detail}'
        )


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field; `kind` is metav1.CauseType, `path` as in `spec.a[0].b`."""

    kind: str
    path: str
    detail: str = ""
    value: Any = OMITTED

    @property
    def body(self) -> str:
        """The message without the path, as apimachinery's field.Error prints it."""
        text = _CAUSES[self.kind]
        if self.kind not in _SILENT and self.value is not OMITTED:
            text += f": {_shown(self.value)}"
        return f"{text}: {self.detail}" if self.detail else text


def _shown(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def qualified(group: str, name: str) -> str:
    """`pods`, or `baileystenants.janitor.baileys.dev`."""
    return f"{name}.{group}" if group else name


def invalid(group: str, kind: str, name: str, errors: Sequence[FieldError]) -> RefusedError:
    """422, with a cause for each field."""
    texts = list(dict.fromkeys(f"{error.path}: {error.body}" for error in errors))
    together = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details: dict[str, Any] = {
        "name": name,
        "group": group,
        "kind": kind,
        "causes": [
            {"reason": error.kind, "message": error.body, "field": error.path} for error in errors
        ],
    }
    message = f'{qualified(group, kind)} "{name}" is invalid: {together}'
    return RefusedError(422, message, details=details)


def _about(group: str, plural: str, name: str) -> dict[str, Any]:
    details = {"name": name, "kind": plural}
    if group:
        details["group"] = group
    return details


def not_found(group: str, plural: str, name: str) -> RefusedError:
    """404 for an object."""
    message = f'{qualified(group, plural)} "{name}" not found'
    return RefusedError(404, message, details=_about(group, plural, name))


def no_such_path() -> RefusedError:
    """Return 404 for a URL, in the wording that kubectl recognises."""
    return RefusedError(404, "the server could not find the requested resource", details={})


def already_exists(group: str, plural: str, name: str) -> RefusedError:
    """409: the name is taken."""
    message = f'{qualified(group, plural)} "{name}" already exists'
    return RefusedError(409, message, reason="AlreadyExists", details=_about(group, plural, name))


def conflict(group: str, plural: str, name: str, why: str) -> RefusedError:
    """Return 409: the object is not in the state that the writer expects."""
    message = f'Operation cannot be fulfilled on {qualified(group, plural)} "{name}": {why}'
    return RefusedError(409, message, details=_about(group, plural, name))


def forbidden(group: str, plural: str, name: str, why: str) -> RefusedError:
    """Return 403, in the form of quota and admission."""
    message = f'{qualified(group, plural)} "{name}" is forbidden: {why}'
    return RefusedError(403, message, details=_about(group, plural, name))


def expired(oldest: int, asked: int) -> RefusedError:
    """Return 410: the requested history is compacted."""
    return RefusedError(410, f"too old resource version: {asked} ({oldest})")

"""A custom resource's structural schema: pruning, defaulting, validation."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any, Final

import jsonschema
from jsonschema.protocols import Validator

from sandbox.server import times
from sandbox.server.failures import FieldError
from sandbox.server.rules import Rules
from sandbox.server.store import Object

PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING: Final = "x-kubernetes-int-or-string"
# Errors after which the API server evaluates no rules.
_BLOCKING: Final = {
    "FieldValueNotSupported",
    "FieldValueRequired",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
}
_UNCHECKED: Final = FieldError(
    "FieldValueInvalid",
    "<nil>",
    "some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation",
    None,
)
_META: Final[dict[str, Any]] = {"type": "object", PRESERVE: True}


def _nullable_type(validator: Any, types: Any, value: Any, schema: Any) -> Iterator[Any]:
    if value is None and schema.get("nullable"):
        return
    if value is not None and schema.get(INT_OR_STRING):
        return
    if not validator.is_type(value, types):
        yield jsonschema.ValidationError(f"must be of type {types}")


def _skip_null(name: str) -> Any:
    plain = jsonschema.Draft4Validator.VALIDATORS[name]

    def check(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[Any]:
        if not (value is None and schema.get("nullable")):
            yield from plain(validator, wanted, value, schema) or ()

    return check


_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _date_time(value: object) -> bool:
    if isinstance(value, str) and times.parse(value).tzinfo is None:
        raise ValueError(value)
    return True


@_FORMATS.checks("duration")
def _duration(value: object) -> bool:
    # Go's time.ParseDuration; days and weeks are strfmt's own addition.
    units = r"ns|us|µs|ms|s|m|h|d|w"
    return not isinstance(value, str) or bool(re.fullmatch(rf"(\d+(\.\d+)?({units}))+", value))


_Validator: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft4Validator, {"type": _nullable_type, "enum": _skip_null("enum")}
)


class Schema:
    """The schema of one version of a definition.

    Args:
        openapi: `openAPIV3Schema` of the definition.

    Raises:
        ValueError: a rule cannot be compiled.
    """

    def __init__(self, openapi: dict[str, Any]) -> None:
        self.openapi = openapi
        root = {**openapi, "properties": {**openapi.get("properties", {})}}
        # The API server defines these, whatever a definition contains.
        root["properties"] |= {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": _META,
        }
        self._root = root
        self._validator: Validator = _Validator(root, format_checker=_FORMATS)
        self._rules = Rules(root)

    def prune(self, value: Object) -> list[str]:
        """Remove unknown fields in place. Return their paths."""
        unknown: list[str] = []
        _prune(value, self._root, "", unknown)
        return unknown

    def default(self, value: Object) -> None:
        """Fill in defaults in place."""
        _default(value, self._root)

    def validate(self, new: Object, old: Object | None) -> list[FieldError]:
        """Return the errors by the schema and, unless these prevent it, by the CEL rules.

        Values that an update does not change are not validated again, as since Kubernetes 1.33.
        """
        if old is not None and all(new.get(k) == old.get(k) for k in {*new, *old} - {"metadata"}):
            return []
        errors = list(self._schema_errors(new))
        if errors and old is not None:
            before = {(e.path, e.body) for e in self._schema_errors(old)}
            errors = [e for e in errors if (e.path, e.body) not in before]
        if not any(error.kind in _BLOCKING for error in errors):
            return errors + self._rules.check(new, old)
        if self._rules.any:
            errors.append(_UNCHECKED)
        return errors

    def list_keys(self, path: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return the merge keys of the list at a path of field names."""
        node: Any = self._root
        for name in path:
            while "items" in node:
                node = node["items"]
            inner = node.get("properties", {}).get(name)
            node = inner if inner is not None else node.get("additionalProperties")
            if not isinstance(node, dict):
                return ("uid",) if path == ("metadata", "ownerReferences") else None
        keys = node.get("x-kubernetes-list-map-keys")
        return tuple(keys) if keys and node.get("x-kubernetes-list-type") == "map" else None

    def _schema_errors(self, value: Object) -> Iterator[FieldError]:
        seen: set[str] = set()
        found = sorted(self._validator.iter_errors(value), key=lambda e: e.validator != "type")
        for error in found:
            path = _path(error.absolute_path)
            if path in seen and error.validator != "required":
                continue
            if error.validator == "type":
                seen.add(path)
            yield _translate(error, path)


def _path(parts: Any) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


_LIMITS: Final = {
    "minimum": "greater than or equal to",
    "maximum": "less than or equal to",
}


def _translate(error: Any, path: str) -> FieldError:
    where = path or "<nil>"
    inside = f"{path} in body" if path else "in body"
    value, limit = error.instance, error.validator_value
    match error.validator:
        case "required":
            missing = next(
                name for name in limit if name not in value and f"'{name}'" in error.message
            )
            return FieldError("FieldValueRequired", f"{path}.{missing}" if path else missing)
        case "enum":
            listed = ", ".join(f'"{v}"' if isinstance(v, str) else str(v) for v in limit)
            return FieldError("FieldValueNotSupported", where, f"supported values: {listed}", value)
        case "type":
            shown = _json_type(value)
            wrong = f'{inside} must be of type {limit}: "{shown}"'
            return FieldError("FieldValueTypeInvalid", where, wrong, shown)
        case "maxLength":
            unit = "byte" if limit == 1 else "bytes"
            return FieldError("FieldValueTooLong", where, f"may not be more than {limit} {unit}")
        case "maxItems" | "maxProperties":
            unit = "item" if limit == 1 else "items"
            most = f"must have at most {limit} {unit}"
            return FieldError("FieldValueTooMany", where, most, len(value))
        case "format":
            other = f'{inside} must be of type {limit}: "{value}"'
            return FieldError("FieldValueInvalid", where, other, value)
    detail: str | None = {
        "pattern": f"should match '{limit}'",
        "minLength": f"should be at least {limit} chars long",
        "minItems": f"should have at least {limit} items",
        "minProperties": f"should have at least {limit} properties",
        "uniqueItems": "shouldn't contain duplicates",
        "multipleOf": f"should be a multiple of {limit}",
    }.get(error.validator)
    if error.validator in _LIMITS:
        exclusive = error.schema.get(f"exclusive{error.validator.capitalize()}")
        words = _LIMITS[error.validator]
        detail = f"should be {words.split(' or ')[0] if exclusive else words} {limit}"
    return FieldError("FieldValueInvalid", where, f"{inside} {detail or error.message}", value)


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {dict: "object", list: "array", str: "string", int: "integer", float: "number"}
    return names.get(type(value), "null")


def _prune(value: Any, schema: dict[str, Any], path: str, unknown: list[str]) -> None:
    if isinstance(value, list):
        for at, item in enumerate(value):
            _prune(item, schema.get("items") or {}, f"{path}[{at}]", unknown)
    if not isinstance(value, dict):
        return
    properties = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    embedded = schema.get("x-kubernetes-embedded-resource")
    for name in list(value):
        here = f"{path}.{name}" if path else name
        if name in properties:
            _prune(value[name], properties[name], here, unknown)
        elif isinstance(extra, dict):
            _prune(value[name], extra, here, unknown)
        elif not (extra is True or schema.get(PRESERVE) or embedded):
            del value[name]
            unknown.append(here)


def _default(value: Any, schema: dict[str, Any]) -> None:
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for item in value:
            _default(item, schema["items"])
    if not isinstance(value, dict):
        return
    properties = schema.get("properties") or {}
    for name, inner in properties.items():
        if "default" not in inner:
            pass
        elif name not in value or (value[name] is None and not inner.get("nullable")):
            value[name] = copy.deepcopy(inner["default"])
        if name in value:
            _default(value[name], inner)
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        for name in value:
            if name not in properties:
                _default(value[name], extra)

"""Reads values that others can write into the cluster, with a type and bounds for each value. Pure.

The API server checks a status against its CRD, but that may be another version, and a CRD cannot express everything.
Labels, annotations, messages and exit codes of pods can be anything. Invalid values are dropped here, so that no other
module has to expect them. It loads no library: `kubectl baileys` runs without any.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from baileys_janitor.api.values.timestamps import from_rfc3339

Object = dict[str, Any]
Reader = Callable[[object], Any]

NAME_MAX = 253
"""Maximum characters of an object's name, and so of every name that is read."""
SAID_MAX = 512
"""Maximum characters of a message that somebody else wrote."""
LISTED_MAX = 1000
"""Maximum number of entries that are read of a list in a pod or a Job."""
_KEY_MAX = 64
_MISSING: Final = object()


def mapping(value: object) -> Object:
    """Return a JSON object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def part(value: object, *names: str) -> Object:
    """Return the JSON object at a path of names, an empty one if there is none."""
    for name in names:
        value = mapping(value).get(name)
    return mapping(value)


def objects(value: object) -> list[Object]:
    """Return the JSON objects of a list, at most LISTED_MAX; empty if it is no list."""
    listed = value[:LISTED_MAX] if isinstance(value, list | tuple) else ()
    return [one for one in listed if isinstance(one, dict)]


def text(value: object, most: int = NAME_MAX) -> str:
    """Return a text, cut to at most `most` characters; empty for anything else."""
    return value[:most] if isinstance(value, str) else ""


def said(value: object) -> str:
    """Return a message as one line of at most SAID_MAX printable characters; empty for anything else."""
    words = text(value, 4 * SAID_MAX).split()
    line = "".join(c for c in " ".join(words) if c.isprintable())
    return line if len(line) <= SAID_MAX else f"{line[: SAID_MAX - 3]}..."


def whole(value: object, least: int, most: int) -> int | None:
    """Return a whole number within its bounds; None for anything else."""
    fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    return value if fits else None  # type: ignore[return-value]  # told by `fits`


def annotation(meta: object, name: str, most: int) -> str | None:
    """Return an annotation's value of at most `most` characters; None if there is none."""
    return text(part(meta, "annotations").get(name), most) or None


class SchemaReader:
    """Reads JSON objects by a structural schema, in the form of a CRD, with types and bounds for every value."""

    def __init__(self, schema: Object) -> None:
        self._fields = {name: _reader(node) for name, node in schema["properties"].items()}
        self._whole = _reader(schema)

    def read(self, stored: object) -> Object:
        """Return the part of a stored object with the types and bounds of the schema."""
        fitted = self._whole(stored)
        return {} if fitted is _MISSING else fitted

    def field(self, stored: object, name: str) -> Any:
        """Return one field of a stored object as `read` does; None if it is missing or invalid."""
        fields, reads = mapping(stored), self._fields.get(name)
        fitted = reads(fields[name]) if reads is not None and name in fields else None
        return None if fitted is _MISSING else fitted


def _reader(node: Object) -> Reader:
    """Return the reader of the values of one node of a structural schema."""
    kind = node.get("type")
    if kind == "object":
        return _reads_object(node)
    if kind == "array":
        return _reads_array(node)
    if kind == "string":
        return _reads_text(node)
    return _reads_number(node)


def _reads_object(node: Object) -> Reader:
    fields = {name: _reader(child) for name, child in (node.get("properties") or {}).items()}
    required = tuple(node.get("required") or ())
    others = node.get("additionalProperties")
    other = _reader(others) if isinstance(others, dict) else None
    most = node.get("maxProperties", LISTED_MAX)

    def read(value: object) -> Any:
        if not isinstance(value, dict):
            return _MISSING
        found: Object = {}
        for name, one in value.items():
            reads = fields.get(name, other)
            if reads is None or len(found) >= most or (name not in fields and len(name) > _KEY_MAX):
                continue
            fitted = reads(one)
            if fitted is not _MISSING:
                found[name] = fitted
        return found if all(name in found for name in required) else _MISSING

    return read


def _reads_array(node: Object) -> Reader:
    reads, most = _reader(node["items"]), node.get("maxItems", LISTED_MAX)

    def read(value: object) -> Any:
        if not isinstance(value, list):
            return _MISSING
        fitted = [reads(one) for one in value[:most]]
        return [one for one in fitted if one is not _MISSING]

    return read


def _reads_text(node: Object) -> Reader:
    least, most = node.get("minLength", 0), node.get("maxLength", SAID_MAX)
    allowed = frozenset(node["enum"]) if "enum" in node else None
    is_time = node.get("format") == "date-time"

    def read(value: object) -> Any:
        if not isinstance(value, str):
            return _MISSING
        if is_time:
            return _MISSING if from_rfc3339(value) is None else value
        fits = least <= len(value) <= most and (allowed is None or value in allowed)
        return value if fits else _MISSING

    return read


def _reads_number(node: Object) -> Reader:
    kinds: Any = int if node.get("type") == "integer" else int | float
    least, most = node.get("minimum", -(2**63)), node.get("maximum", 2**63 - 1)

    def read(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, kinds):
            return _MISSING
        # NaN is within no bounds.
        return value if least <= value <= most else _MISSING

    return read

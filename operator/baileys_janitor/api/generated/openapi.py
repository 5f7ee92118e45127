"""Turns a model's JSON schema into the structural schema of a CRD.

The API server requires every node in full: no references, no unions, one type each. An optional field of pydantic, a
union with null, becomes the field itself, which may be absent.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from baileys_janitor.api.values.base import rule
from baileys_janitor.api.values.patterns import IN_WORDS

_DROPPED = ("title", "default", "x-bounds", "propertyNames")
"""Keys that a structural schema does not permit, or that the CRD has elsewhere."""

Node = dict[str, Any]


def structural(model: type[BaseModel]) -> Node:
    """Return the structural schema of a model, with patterns; raise `ValueError` if a CRD cannot express it."""
    schema = model.model_json_schema(by_alias=True)
    return _node(schema, schema.pop("$defs", {}))


def in_sentences(node: Node) -> Node:
    """Return a structural schema with a CEL rule in place of each pattern.

    For a pattern, the API server's error shows the pattern; for a rule, it shows the rule's message, a sentence.
    """
    found = dict(node)
    pattern = found.pop("pattern", None)
    if pattern is not None:
        if found.get("x-kubernetes-int-or-string"):
            check = f"type(self) == int ? self >= 0 : self.matches({literal(pattern)})"
        else:
            check = f"size(self) >= {found.pop('minLength', 1)} && self.matches({literal(pattern)})"
        others = found.get("x-kubernetes-validations", [])
        found["x-kubernetes-validations"] = [rule(check, IN_WORDS[pattern]), *others]
    if "properties" in found:
        found["properties"] = {k: in_sentences(v) for k, v in found["properties"].items()}
    for inner in ("items", "additionalProperties"):
        if isinstance(found.get(inner), dict):
            found[inner] = in_sentences(found[inner])
    return _ordered(found)


def literal(pattern: str) -> str:
    """Return a regular expression as a CEL literal."""
    if "'" in pattern:
        raise ValueError(f"{pattern} holds a quote")
    return f"r'{pattern}'"


def _node(node: Node, definitions: Node) -> Node:
    """Convert one node; keys beside a reference or a union override those of its target."""
    beside = {key: value for key, value in node.items() if key not in ("$ref", "anyOf", *_DROPPED)}
    if "$ref" in node:
        return _ordered(_node(definitions[node["$ref"].rsplit("/", 1)[-1]], definitions) | beside)
    if "anyOf" in node:
        choices = [choice for choice in node["anyOf"] if choice != {"type": "null"}]
        if len(choices) != 1:
            raise ValueError(f"a CRD knows no union of {len(choices)} types")
        if "x-bounds" in choices[0]:
            beside["description"] += f" {choices[0]['x-bounds']}"
        return _ordered(_node(choices[0], definitions) | beside)
    if "description" in beside:
        beside["description"] = " ".join(beside["description"].split())
    if "properties" in node:
        beside["properties"] = {
            name: _node(child, definitions) for name, child in node["properties"].items()
        }
    for inner in ("items", "additionalProperties"):
        if isinstance(node.get(inner), dict):
            beside[inner] = _node(node[inner], definitions)
    if node.get("type") == "integer":
        beside["format"] = "int64"
    return _ordered(beside)


_FIRST = ("description", "type", "format", "enum", "pattern", "minLength", "maxLength", "minimum")
_LAST = ("properties", "items", "additionalProperties")


def _ordered(node: Node) -> Node:
    """Put the description first and nested nodes last, so that the file is readable."""
    first = {key: node[key] for key in _FIRST if key in node}
    last = {key: node[key] for key in _LAST if key in node}
    return first | {key: value for key, value in node.items() if key not in last} | last

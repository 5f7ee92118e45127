"""CEL rules of a schema (`x-kubernetes-validations`)."""

from __future__ import annotations

import functools
import itertools
import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError

from sandbox.server.failures import FieldError
from sandbox.server.quantities import QUANTITY, amount

_REASONS: Final = {
    "FieldValueInvalid",
    "FieldValueForbidden",
    "FieldValueRequired",
    "FieldValueDuplicate",
}
_ABSENT: Final = object()
_REMEMBERED: Final = 4096


def _extensions() -> dict[str, Any]:
    """Return the few functions of Kubernetes' CEL library that celpy lacks."""
    text, integer = celtypes.StringType, celtypes.IntType
    return {
        "lowerAscii": lambda s: text(s.lower()),
        "upperAscii": lambda s: text(s.upper()),
        "trim": lambda s: text(s.strip()),
        "split": lambda s, by: celtypes.ListType([text(part) for part in s.split(by)]),
        "join": lambda items, by="": text(by.join(items)),
        "indexOf": lambda s, part: integer(s.find(part)),
        "replace": lambda s, old, new: text(s.replace(old, new)),
        "substring": lambda s, start, end=None: text(s[start:end]),
        "quantity": lambda s: celtypes.DoubleType(amount(str(s))),
        "isQuantity": lambda s: celtypes.BoolType(QUANTITY.fullmatch(str(s)) is not None),
        "compareTo": lambda a, b: integer((a > b) - (a < b)),
        "isSorted": lambda items: celtypes.BoolType(
            all(a <= b for a, b in itertools.pairwise(items))
        ),
    }


_ENVIRONMENT = celpy.Environment()
_FUNCTIONS = _extensions()


@dataclass(frozen=True, slots=True)
class _Rule:
    """A compiled rule.

    `reads` are the members of `self` that it uses, None for all of it. Evaluation takes milliseconds, and ten thousand
    tenants of a fleet differ little, so verdicts are cached.
    """

    program: Any
    message: str
    message_program: Any
    reason: str
    field_path: str
    transition: bool
    reads: frozenset[str] | None
    verdicts: dict[str, str] = field(default_factory=dict)

    def verdict(self, new: Any, old: Any, schema: dict[str, Any]) -> str:
        """Return an empty string when the rule holds, else the message."""
        if self.transition:
            return self._evaluate(new, old, schema)
        seen = new
        if self.reads is not None and isinstance(new, dict):
            seen = {name: new[name] for name in self.reads if name in new}
        known = json.dumps(seen, sort_keys=True)
        if known not in self.verdicts:
            if len(self.verdicts) >= _REMEMBERED:
                self.verdicts.clear()
            self.verdicts[known] = self._evaluate(new, old, schema)
        return self.verdicts[known]

    def _evaluate(self, new: Any, old: Any, schema: dict[str, Any]) -> str:
        names = {"self": _to_cel(new, schema)}
        if self.transition:
            names["oldSelf"] = _to_cel(old, schema)
        try:
            if self.program.evaluate(names):
                return ""
            if self.message_program is not None:
                return str(self.message_program.evaluate(names))
        except CELEvalError as error:
            return f"{_cause(error)} evaluating rule: {self.message}"
        return self.message


def _cause(error: CELEvalError) -> str:
    """Return the message that Go would print: celpy wraps the cause of a failed function in its own text."""
    said = str(error.args[2][0]) if len(error.args) > 2 and error.args[2] else str(error.args[0])
    zone = re.fullmatch(r"Unparsable timezone: StringType\('(.*)'\)", said)
    return f"unknown time zone {zone[1]}" if zone else said


def _reads(text: str) -> frozenset[str] | None:
    uses = re.findall(r"\bself\b(?:\.(\w+)\b(?!\())?", text)
    return None if "" in uses else frozenset(uses)


class _Node:
    """A part of the schema: the rules on it, and the parts beneath that have any."""

    __slots__ = ("items", "properties", "rules", "schema", "values")

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema
        self.rules = [_compiled(rule) for rule in schema.get("x-kubernetes-validations") or ()]
        properties = {k: _Node(v) for k, v in (schema.get("properties") or {}).items()}
        self.properties = {k: node for k, node in properties.items() if node.any}
        self.items = _below(schema.get("items"))
        self.values = _below(schema.get("additionalProperties"))

    @property
    def any(self) -> bool:
        return bool(self.rules or self.properties or self.items or self.values)


def _below(schema: Any) -> _Node | None:
    if not isinstance(schema, dict):
        return None
    node = _Node(schema)
    return node if node.any else None


def _program(text: str) -> Any:
    try:
        return _ENVIRONMENT.program(_parsed(text), functions=_FUNCTIONS)
    except CELParseError as error:
        raise ValueError(f"{text}: {error}") from error


@functools.lru_cache(_REMEMBERED)
def _parsed(text: str) -> Any:
    """Parse a rule, the slowest step, and cache it: many definitions have the same rules."""
    return _ENVIRONMENT.compile(text)


def _compiled(rule: dict[str, Any]) -> _Rule:
    text = rule["rule"]
    expression = rule.get("messageExpression")
    default = f"failed rule: {' '.join(text.split())}"
    reason = rule.get("reason", "FieldValueInvalid")
    return _Rule(
        program=_program(text),
        message=rule.get("message") or default,
        message_program=_program(expression) if expression else None,
        reason=reason if reason in _REASONS else "FieldValueInvalid",
        field_path=rule.get("fieldPath", ""),
        transition="oldSelf" in text,
        reads=_reads(f"{text} {expression or ''}"),
    )


class Rules:
    """All rules of a schema, compiled.

    Raises:
        ValueError: a rule is not CEL.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self._root = _Node(schema)

    @property
    def any(self) -> bool:
        """Whether there are any rules."""
        return self._root.any

    def check(self, new: Any, old: Any | None) -> list[FieldError]:
        """Return the violated rules. Rules on an unchanged value are not evaluated again."""
        errors: list[FieldError] = []
        _check(self._root, new, _ABSENT if old is None else old, "", errors)
        return errors


def _check(node: _Node, new: Any, old: Any, path: str, errors: list[FieldError]) -> None:
    if new is None or (old is not _ABSENT and new == old):
        return
    shown: dict[str, Any] = {} if isinstance(new, dict | list) else {"value": new}
    for rule in node.rules:
        if rule.transition and old is _ABSENT:
            continue
        if said := rule.verdict(new, old, node.schema):
            where = f"{path}{rule.field_path}" if path else rule.field_path.removeprefix(".")
            errors.append(FieldError(rule.reason, where or "<nil>", said, **shown))
    if isinstance(new, dict):
        before = old if isinstance(old, dict) else {}
        for name, value in new.items():
            below = node.properties.get(name) or node.values
            if below is not None:
                inner = f"{path}.{name}" if path else name
                _check(below, value, before.get(name, _ABSENT), inner, errors)
    elif isinstance(new, list) and node.items is not None:
        for at, item in enumerate(new):
            _check(node.items, item, _counterpart(item, old, node.schema), f"{path}[{at}]", errors)


def _counterpart(item: Any, old: Any, schema: dict[str, Any]) -> Any:
    """Return the old item; lists correlate by their keys alone: an atomic list has no old items."""
    keys = schema.get("x-kubernetes-list-map-keys")
    if not isinstance(old, list) or not keys:
        return _ABSENT
    same = (o for o in old if all(o.get(k) == item.get(k) for k in keys))
    return next(same, _ABSENT)


def _escaped(name: str) -> str:
    """Return a property's name, escaped for CEL."""
    for sign, word in (("__", "underscores"), (".", "dot"), ("-", "dash"), ("/", "slash")):
        name = name.replace(sign, f"__{word}__")
    return name


def _to_cel(value: Any, schema: dict[str, Any]) -> Any:
    """Convert a value by the schema: a `number` is a double even where JSON wrote an integer."""
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        extra = schema.get("additionalProperties")
        other = extra if isinstance(extra, dict) else {}
        return celtypes.MapType(
            {
                celtypes.StringType(_escaped(k) if k in properties else k): _to_cel(
                    v, properties.get(k) or other
                )
                for k, v in value.items()
            }
        )
    if isinstance(value, list):
        return celtypes.ListType([_to_cel(item, schema.get("items") or {}) for item in value])
    if schema.get("type") == "number" and not isinstance(value, bool) and value is not None:
        return celtypes.DoubleType(value)
    if schema.get("format") == "date-time" and isinstance(value, str):
        return celtypes.TimestampType(value)
    return json_to_cel(value)

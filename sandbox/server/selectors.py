"""Label and field selectors of query strings."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from sandbox.server.failures import RefusedError
from sandbox.server.store import Object

Matches = Callable[[Object], bool]

_SET = re.compile(r"^\s*(\S+)\s+(in|notin)\s*\(([^)]*)\)\s*$")
_PAIR = re.compile(r"^\s*([^=!\s]+)\s*(==|=|!=)\s*(\S*)\s*$")
_SPLIT = re.compile(r",(?![^(]*\))")

# In addition to metadata.name and metadata.namespace, by (group, plural) of the stored collection.
_FIELDS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("", "pods"): (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    ("", "events"): (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    ("", "namespaces"): ("status.phase",),
    ("", "secrets"): ("type",),
    ("", "nodes"): ("spec.unschedulable",),
    ("batch", "jobs"): ("status.successful",),
}


def _requirement(text: str) -> Matches:
    if match := _SET.match(text):
        key, operator, listed = match.groups()
        values = {value.strip() for value in listed.split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _PAIR.match(text):
        key, operator, value = match.groups()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    text = text.strip()
    if text.startswith("!"):
        absent = text[1:].strip()
        return lambda labels: absent not in labels
    if not text or re.search(r"[\s()=]", text):
        raise RefusedError(400, f"unable to parse requirement: {text!r}")
    return lambda labels: text in labels


_NAME = re.compile(r"(?:^|,)metadata\.name={1,2}([^,]+)")


def by_labels(selector: str) -> Matches:
    """Return the filter of a label selector such as `a=b,c!=d,e in (f,g),h,!i`.

    Raises:
        RefusedError: 400, when it cannot be parsed.
    """
    tests = [_requirement(part) for part in _SPLIT.split(selector)]

    def matches(value: Object) -> bool:
        labels = value["metadata"].get("labels") or {}
        return all(test(labels) for test in tests)

    return matches


def labels_match(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Return whether a metav1.LabelSelector matches labels; an empty selector matches everything."""
    if any(labels.get(k) != v for k, v in (selector.get("matchLabels") or {}).items()):
        return False
    for rule in selector.get("matchExpressions") or ():
        value, values = labels.get(rule["key"]), rule.get("values") or []
        if not {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }[rule["operator"]]:
            return False
    return True


def _field(value: Object, path: str) -> str:
    found: Any = value
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, bool):
        return str(found).lower()
    return "" if found is None else str(found)


def by_fields(selector: str, collection: tuple[str, str], selectable: tuple[str, ...]) -> Matches:
    """Return the filter of a field selector such as `metadata.name=a,status.phase!=Running`.

    Raises:
        RefusedError: 400, for a field that this resource cannot be selected by.
    """
    known = ("metadata.name", "metadata.namespace", *_FIELDS.get(collection, ()), *selectable)
    tests: list[tuple[str, bool, str]] = []
    for part in selector.split(","):
        match = _PAIR.match(part)
        if match is None:
            raise RefusedError(400, f"invalid selector: '{selector}'; can't understand '{part}'")
        path, operator, value = match.groups()
        if path not in known:
            raise RefusedError(400, f"field label not supported: {path}")
        tests.append((path, operator != "!=", value))

    def matches(value: Object) -> bool:
        return all((_field(value, path) == wanted) is equal for path, equal, wanted in tests)

    return matches


def one_name(selector: str) -> str:
    """Return the name in a field selector, empty without one: rights may be granted by name."""
    match = _NAME.search(selector)
    return match[1] if match else ""


def both(first: Matches | None, second: Matches | None) -> Matches | None:
    """Return the filter of objects that pass both; None means no selector."""
    if first is None or second is None:
        return first or second
    one, two = first, second
    return lambda value: one(value) and two(value)

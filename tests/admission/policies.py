"""Evaluates ValidatingAdmissionPolicies as an API server does: celpy, and the functions of Kubernetes that they use."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel

from tests.admission.cases import Request
from tests.admission.jobs import Object
from tests.chart.rendering import render

GROUPS = {
    "pods": "",
    "secrets": "",
    "jobs": "batch",
    "cronjobs": "batch",
    "baileysoperations": "janitor.baileys.dev",
}


def _same(asked: Any, _: Any) -> Any:
    return asked


def _check(asked: Any, verb: Any) -> Any:
    """What `authorizer....check(verb)` stands for here: whether it is among the verbs that the user has."""
    return celtypes.MapType({celtypes.StringType("allowed"): celtypes.BoolType(verb in asked)})


OF_KUBERNETES = {
    "group": _same,
    "resource": _same,
    "namespace": _same,
    "check": _check,
    "allowed": lambda found: found[celtypes.StringType("allowed")],
    "lowerAscii": lambda text: celtypes.StringType(text.lower()),
}
"""Functions that Kubernetes adds to CEL, as far as the chart's policies use them."""


def rendered(**values: Any) -> list[Object]:
    """The policies of the chart."""
    return [each for each in render(**values) if each["kind"] == "ValidatingAdmissionPolicy"]


class Variables(celtypes.MapType):
    """The variables of a policy, each computed when it is first asked for."""

    def __init__(self, texts: Iterable[Object], names: dict[str, Any]) -> None:
        super().__init__()
        self._texts = {each["name"]: each["expression"] for each in texts}
        self._names = names

    def __contains__(self, name: object) -> bool:
        return name in self._texts

    def __getitem__(self, name: Any) -> Any:
        if not super().__contains__(name):
            super().__setitem__(name, evaluated(self._texts[name], self._names))
        return super().__getitem__(name)

    def get(self, name: Any, default: Any = None) -> Any:
        """The value of a variable."""
        return self[name]


@functools.cache
def _program(text: str) -> Any:
    environment = celpy.Environment()
    return environment.program(environment.compile(text), functions=OF_KUBERNETES)


def evaluated(text: str, names: dict[str, Any]) -> Any:
    """The value of an expression; CELEvalError where it has none."""
    return _program(text).evaluate(names)


def _matches(policy: Object, request: Request) -> bool:
    rules = policy["spec"]["matchConstraints"]["resourceRules"]
    return any(
        request.resource in rule["resources"]
        and GROUPS[request.resource] in rule["apiGroups"]
        and request.operation in rule["operations"]
        for rule in rules
    )


def said(policies: list[Object], request: Request) -> Iterator[str]:
    """The messages of the validations that fail, one by one: a validation takes tens of milliseconds here."""
    about = {
        "operation": request.operation,
        "namespace": request.namespace,
        "resource": {
            "group": GROUPS[request.resource],
            "version": "v1",
            "resource": request.resource,
        },
        "userInfo": {"username": request.user, "groups": [*request.groups, "system:authenticated"]},
    }
    names: dict[str, Any] = {
        "object": json_to_cel(request.object or None),
        "oldObject": json_to_cel(request.old),
        "request": json_to_cel(about),
        "authorizer": json_to_cel(list(request.may)),
    }
    for policy in policies:
        spec = policy["spec"]
        if not _matches(policy, request):
            continue
        if not all(evaluated(c["expression"], names) for c in spec.get("matchConditions") or ()):
            continue
        known = names | {}
        known["variables"] = Variables(spec.get("variables") or (), known)
        for each in spec["validations"]:
            if not evaluated(each["expression"], known):
                said_by = each.get("messageExpression")
                yield str(evaluated(said_by, known) if said_by else each["message"])

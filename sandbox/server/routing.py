"""Parsing of requests: path, query and the accepted form of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.server.failures import RefusedError
from sandbox.server.lifecycle import Options


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed path: the resource, and the object or subresource."""

    group: str
    version: str
    plural: str
    namespace: str | None = None
    name: str = ""
    sub: str = ""


def target(path: str) -> Target | None:
    """Parse `/api/v1/...` and `/apis/GROUP/VERSION/...`; None when it names no resource."""
    parts = [part for part in path.split("/") if part]
    if len(parts) > 2 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) > 3 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = None
    own = {"status", "finalize"}
    if rest[0] == "namespaces" and len(rest) > 2 and not (group == "" and rest[2] in own):
        namespace, rest = rest[1], rest[2:]
    if len(rest) > 3:
        return None
    name = rest[1] if len(rest) > 1 else ""
    return Target(group, version, rest[0], namespace, name, rest[2] if len(rest) > 2 else "")


_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def verb(method: str, target: Target, query: Mapping[str, str]) -> str:
    """Return the verb of a request, in the terms of RBAC rules and metrics."""
    if method != "GET":
        return _VERBS.get(method, method.lower())
    if flag(query, "watch"):
        return "watch"
    return "get" if target.name else "list"


def options(query: Mapping[str, str], agent: str, body: Any = None) -> Options:
    """Return the options of a write from the query; DeleteOptions have them in the body."""
    dry_run = query.get("dryRun", "")
    if isinstance(body, dict) and isinstance(body.get("dryRun"), list):
        dry_run = dry_run or ",".join(body["dryRun"])
    if dry_run not in ("", "All"):
        raise RefusedError(422, f'dryRun: Unsupported value: "{dry_run}": supported values: "All"')
    return Options(
        dry_run=dry_run == "All",
        strict=query.get("fieldValidation") or "Warn",
        manager=query.get("fieldManager") or agent.partition("/")[0] or "unknown",
    )


def shape(accept: str) -> str:
    """Return `Table`, `PartialObjectMetadata`, `PartialObjectMetadataList`, or empty for the object.

    The first JSON alternative decides, as clients that ask for these expect.
    """
    for alternative in accept.split(","):
        kind, *parameters = (part.strip() for part in alternative.split(";"))
        if kind not in ("application/json", "*/*"):
            continue
        values = dict(parameter.partition("=")[::2] for parameter in parameters)
        return values.get("as", "")
    return ""


def seconds(query: Mapping[str, str], default: float) -> float:
    """Return timeoutSeconds of a watch."""
    text = query.get("timeoutSeconds", "")
    return float(text) if text.isdigit() and int(text) > 0 else default


def flag(query: Mapping[str, str], name: str) -> bool:
    """Return a boolean of the query."""
    return query.get(name, "").lower() in ("1", "true")


def number(query: Mapping[str, str], name: str) -> int:
    """Return a number of the query; 0 when it is absent.

    Raises:
        RefusedError: 400.
    """
    text = query.get(name) or "0"
    if not text.isdigit():
        raise RefusedError(400, f'invalid {name}: Invalid value: "{text}"')
    return int(text)

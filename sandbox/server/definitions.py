"""CustomResourceDefinitions: validation, and the resources that they add."""

from __future__ import annotations

from typing import Any, Final

from sandbox.server import failures, times
from sandbox.server.failures import FieldError
from sandbox.server.resources import Resource
from sandbox.server.schema import Schema
from sandbox.server.store import Object

CLEANUP: Final = "customresourcecleanup.apiextensions.k8s.io"
_AGE: Final = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def check(definition: Object) -> None:
    """Refuse a definition that the server could not serve.

    Raises:
        RefusedError: 422.
    """
    spec, name = definition.get("spec") or {}, definition["metadata"].get("name", "")
    errors = []
    expected = f"{(spec.get('names') or {}).get('plural')}.{spec.get('group')}"
    if name != expected:
        detail = 'must be spec.names.plural+"."+spec.group'
        errors.append(FieldError("FieldValueInvalid", "metadata.name", detail, name))
    versions = spec.get("versions") or []
    if sum(bool(version.get("storage")) for version in versions) != 1:
        detail = "must have exactly one version marked as storage version"
        errors.append(FieldError("FieldValueInvalid", "spec.versions", detail))
    for at, version in enumerate(versions):
        path = f"spec.versions[{at}].schema.openAPIV3Schema"
        openapi = (version.get("schema") or {}).get("openAPIV3Schema")
        if not openapi:
            errors.append(FieldError("FieldValueRequired", path, "schemas are required"))
            continue
        try:
            Schema(openapi)
        except ValueError as error:
            errors.append(FieldError("FieldValueInvalid", path, f"compilation failed: {error}"))
    if errors:
        group, kind = "apiextensions.k8s.io", "CustomResourceDefinition"
        raise failures.invalid(group, kind, name, errors)


def complete(definition: Object) -> None:
    """Add defaults, and the conditions of an established definition, in place.

    A real server takes some milliseconds to establish one; here it is served at once.
    """
    spec = definition["spec"]
    names = spec["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    spec.setdefault("conversion", {"strategy": "None"})
    status = definition.setdefault("status", {})
    status["acceptedNames"] = names
    stored = status.setdefault("storedVersions", [])
    stored += [v["name"] for v in spec["versions"] if v.get("storage") and v["name"] not in stored]
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    since = times.now()
    for kind, reason, message in (
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ):
        condition = {"type": kind, "status": "True", "reason": reason, "message": message}
        conditions.setdefault(kind, {**condition, "lastTransitionTime": since})
    status["conditions"] = list(conditions.values())
    finalizers = definition["metadata"].setdefault("finalizers", [])
    if CLEANUP not in finalizers and not definition["metadata"].get("deletionTimestamp"):
        finalizers.append(CLEANUP)


def resources(definition: Object) -> list[Resource]:
    """Return one resource for each served version."""
    spec, names = definition["spec"], definition["spec"]["names"]
    return [_resource(spec, names, version) for version in spec["versions"] if version["served"]]


def _resource(spec: Object, names: Object, version: dict[str, Any]) -> Resource:
    return Resource(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        kind=names["kind"],
        singular=names["singular"],
        list_kind=names["listKind"],
        namespaced=spec["scope"] == "Namespaced",
        short=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=frozenset(version.get("subresources") or ()),
        custom=True,
        schema=Schema(version["schema"]["openAPIV3Schema"]),
        columns=tuple(version.get("additionalPrinterColumns") or (_AGE,)),
        selectable=tuple(
            field["jsonPath"].lstrip(".") for field in version.get("selectableFields") or ()
        ),
    )

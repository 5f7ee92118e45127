"""Discovery: the groups, versions and resources, and a minimal OpenAPI."""

from __future__ import annotations

from typing import Any, Final

from sandbox.server.resources import REVIEWS, VERBS, Registry, Resource
from sandbox.server.store import Object

VERSION: Final = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.0+sandbox",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}
_SUB_KINDS: Final = {"eviction": "Eviction", "binding": "Binding", "scale": "Scale"}
_SUB_VERBS: Final = {
    "status": ["get", "patch", "update"],
    "scale": ["get", "patch", "update"],
    "finalize": ["update"],
}
_SUB_GROUPS: Final = {"eviction": "policy", "scale": "autoscaling"}
_PATCHES: Final = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
)


def _versions(group: str, versions: list[str]) -> list[Object]:
    return [{"groupVersion": f"{group}/{v}" if group else v, "version": v} for v in versions]


def groups(registry: Registry) -> Object:
    """/apis: APIGroupList."""
    listed = [group(registry, name) for name in registry.groups() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def group(registry: Registry, name: str) -> Object | None:
    """/apis/GROUP: APIGroup, without kind when listed."""
    versions = registry.groups().get(name)
    if not versions or not name:
        return None
    found = _versions(name, versions)
    return {"name": name, "versions": found, "preferredVersion": found[0]}


def _entry(resource: Resource) -> Object:
    entry: Object = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(VERBS),
    }
    if resource.short:
        entry["shortNames"] = list(resource.short)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    return entry


def resources(registry: Registry, group_name: str, version: str) -> Object | None:
    """/apis/GROUP/VERSION: APIResourceList; None when there is no such version."""
    if version not in registry.groups().get(group_name, ()):
        return None
    listed = []
    for resource in registry:
        if (resource.group, resource.version) != (group_name, version):
            continue
        entry = _entry(resource)
        listed.append(entry)
        for sub in sorted(resource.subresources):
            kind = _SUB_KINDS.get(sub, resource.kind)
            listed.append(
                {
                    "name": f"{resource.plural}/{sub}",
                    "singularName": "",
                    "namespaced": resource.namespaced,
                    "kind": kind,
                    "verbs": _SUB_VERBS.get(sub, ["create"]),
                }
            )
            if sub in _SUB_GROUPS:
                listed[-1] |= {"group": _SUB_GROUPS[sub], "version": "v1"}
    for (review_group, plural), kind in REVIEWS.items():
        if review_group == group_name:
            listed.append(
                {
                    "name": plural,
                    "singularName": kind.lower(),
                    "namespaced": False,
                    "kind": kind,
                    "verbs": ["create"],
                }
            )
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group_name}/{version}" if group_name else version,
        "resources": listed,
    }


def aggregated(registry: Registry, *, core: bool) -> Object:
    """/api or /apis in one document: apidiscovery.k8s.io/v2 APIGroupDiscoveryList."""
    items = []
    for name, versions in registry.groups().items():
        if bool(name) == core:
            continue
        described = [_described(registry, name, version) for version in versions]
        metadata: Object = {"name": name} if name else {}
        metadata["creationTimestamp"] = None
        items.append({"metadata": metadata, "versions": described})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _described(registry: Registry, group_name: str, version: str) -> Object:
    plain = resources(registry, group_name, version) or {"resources": []}
    found: dict[str, Object] = {}
    for entry in plain["resources"]:
        name, _, sub = entry["name"].partition("/")
        kind = {
            "group": entry.get("group", group_name),
            "version": entry.get("version", version),
            "kind": entry["kind"],
        }
        if sub:
            subs = found[name].setdefault("subresources", [])
            subs.append({"subresource": sub, "responseKind": kind, "verbs": entry["verbs"]})
            continue
        found[name] = {
            "resource": name,
            "responseKind": kind,
            "scope": "Namespaced" if entry["namespaced"] else "Cluster",
            "singularResource": entry["singularName"],
            "verbs": entry["verbs"],
        }
        for field in ("shortNames", "categories"):
            if field in entry:
                found[name][field] = entry[field]
    return {"version": version, "resources": list(found.values()), "freshness": "Current"}


def openapi_index(registry: Registry) -> Object:
    """/openapi/v3: the location of each version's document."""
    paths = {}
    for name, versions in registry.groups().items():
        for version in versions:
            path = f"apis/{name}/{version}" if name else f"api/{version}"
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}"}
    return {"paths": paths}


def openapi(registry: Registry, group_name: str, version: str) -> Object | None:
    """Return one version's document: it leaves validation to the server, and has the fields of custom resources.

    Strategic merge is not offered here, so that kubectl uses its built-in types.
    """
    if version not in registry.groups().get(group_name, ()):
        return None
    root = f"/apis/{group_name}/{version}" if group_name else f"/api/{version}"
    paths: dict[str, Any] = {}
    schemas: dict[str, Object] = {}
    for resource in registry:
        if (resource.group, resource.version) != (group_name, version):
            continue
        if resource.schema is not None:
            schemas[f"{resource.group}.{version}.{resource.kind}"] = _schema(resource)
        scope = "/namespaces/{namespace}" if resource.namespaced else ""
        paths[f"{root}{scope}/{resource.plural}/{{name}}"] = {"patch": _operation(resource)}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes sandbox", "version": VERSION["gitVersion"]},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _schema(resource: Resource) -> Object:
    """Return the schema of a custom resource for `kubectl explain`, with the fields that every object has."""
    assert resource.schema is not None
    openapi = resource.schema.openapi
    metadata = {"type": "object", "description": "Standard object's metadata."}
    fields = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        **openapi.get("properties", {}),
        "metadata": metadata,
    }
    return {**openapi, "properties": fields, "x-kubernetes-group-version-kind": [_kind(resource)]}


def _kind(resource: Resource) -> Object:
    return {"group": resource.group, "kind": resource.kind, "version": resource.version}


def _operation(resource: Resource) -> Object:
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
        for name in ("dryRun", "fieldManager", "fieldValidation", "force")
    ]
    return {
        "operationId": f"patch{resource.kind}",
        "parameters": parameters,
        "requestBody": {"content": {kind: {"schema": {"type": "object"}} for kind in _PATCHES}},
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": _kind(resource),
    }

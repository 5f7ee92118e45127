"""metav1.Table, the server-side rendering for `kubectl get`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sandbox.server import columns, jsonpath
from sandbox.server.resources import Resource
from sandbox.server.store import Object
from sandbox.server.times import age

_NAME: Final = {
    "name": "Name",
    "type": "string",
    "format": "name",
    "description": "",
    "priority": 0,
}


def _custom_definition(column: dict[str, Any]) -> Object:
    return {
        "name": column["name"],
        "type": column["type"],
        "format": column.get("format", ""),
        "description": column.get("description", ""),
        "priority": column.get("priority", 0),
    }


def _builtin_definition(column: columns.Column) -> Object:
    name, kind, wide, _ = column
    return {
        "name": name,
        "type": kind,
        "format": "name" if name == "Name" else "",
        "description": "",
        "priority": int(wide),
    }


def _custom_cell(value: Object, column: dict[str, Any]) -> Any:
    try:
        found = jsonpath.first(value, column["jsonPath"])
    except ValueError:
        return None
    if found is None:
        return None
    kind = column["type"]
    if kind == "date":
        return age(found) if isinstance(found, str) else "<invalid>"
    if kind == "string":
        return found if isinstance(found, str) else _text(found)
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _builtin_columns(resource: Resource) -> tuple[columns.Column, ...]:
    return columns.BUILTIN.get(resource.collection, columns.PLAIN)


def definitions(resource: Resource) -> list[Object]:
    """Return the columns of a resource."""
    if resource.custom:
        return [_NAME, *map(_custom_definition, resource.columns)]
    return list(map(_builtin_definition, _builtin_columns(resource)))


def cells(resource: Resource, value: Object) -> list[Any]:
    """Return one object's cells."""
    if resource.custom:
        name = value["metadata"]["name"]
        return [name, *(_custom_cell(value, column) for column in resource.columns)]
    return [column[3](value) for column in _builtin_columns(resource)]


def partial(value: Object) -> Object:
    """Return the metadata of an object, as a PartialObjectMetadata."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": value["metadata"],
    }


def table(
    resource: Resource,
    values: Iterable[Object],
    metadata: Object,
    include: str,
    *,
    header: bool = True,
) -> Object:
    """Return a Table.

    Args:
        include: the content of each row besides its cells: None, Metadata or Object.
        header: False omits the columns, as in all but the first event of a watch.
    """
    rows = []
    for value in values:
        row: Object = {"cells": cells(resource, value)}
        if include == "Object":
            row["object"] = value
        elif include != "None":
            row["object"] = partial(value)
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions(resource) if header else [],
        "rows": rows,
    }

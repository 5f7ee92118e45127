"""Writes the tables of docs/resource.md from the models.

``python -m baileys_janitor.api.reference docs/resource.md`` puts them between their marks; a test
fails when the page and the models differ.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import durations
from .builtin import BUILT_IN
from .columns import printer_columns
from .config import OperatorConfig
from .status import TenantStatus
from .structural import Node, structural
from .tenant import tenant_schema

_WHEN_UNSET = {"companyId": "metadata.name", "volume": {"path": "."}, "suspend": False}


def tables() -> dict[str, str]:
    """The generated tables as Markdown, by the name of their mark."""
    built_in = BUILT_IN.model_dump(mode="json", by_alias=True, exclude_none=True)
    config = OperatorConfig().model_dump(mode="json", by_alias=True, exclude_none=True)
    own = structural(OperatorConfig)
    # What a tenant may set is in the table of the spec.
    own["properties"]["defaults"].pop("properties")
    return {
        "spec": _table(tenant_schema(), built_in | _WHEN_UNSET),
        "status": _table(structural(TenantStatus), None),
        "configuration": _table(own, config | {"defaults": None}),
        "columns": _columns(),
    }


def with_tables(page: str) -> str:
    """The page with every table between its marks written anew."""
    for name, table in tables().items():
        begin, end = f"<!-- {name}: generated -->", "<!-- end -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n\n{table}\n\n{end}{after}"
    return page


def _table(schema: Node, defaults: dict[str, Any] | None) -> str:
    head = ["| Field | Type | Meaning |", "|---|---|---|"]
    if defaults is not None:
        head = ["| Field | Type | Default | Meaning |", "|---|---|---|---|"]
    rows = []
    for path, node, required in _leaves(schema, ""):
        cells = [f"`{path}`", _type(node)]
        if defaults is not None:
            cells.append("required" if required else _default(defaults, path))
        rows.append(f"| {' | '.join([*cells, _escaped(node['description'])])} |")
    return "\n".join(head + rows)


def _leaves(schema: Node, path: str) -> Iterator[tuple[str, Node, bool]]:
    """The fields that hold values, in order; a group is told by its fields' paths."""
    for name, node in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        items = node.get("items", {})
        if node.get("properties"):
            yield from _leaves(node, here)
            continue
        yield here, node, name in schema.get("required", ())
        # The items of history repeat lastCleanup.
        if items.get("properties") and name != "history":
            yield from _leaves(items, f"{here}[]")


def _type(node: Node) -> str:
    if "enum" in node:
        return " \\| ".join(node["enum"])
    if node.get("pattern") == durations.PATTERN:
        return "duration"
    if node.get("x-kubernetes-int-or-string"):
        return "quantity"
    if node.get("format") == "date-time":
        return "time"
    kind = str(node.get("type", "any"))
    if kind == "array":
        return f"list of {node['items'].get('type', 'value')}s"
    if kind == "integer" and node.get("maximum", 2**31) <= 1_000_000:
        return f"integer, {node['minimum']} to {node['maximum']}"
    if kind == "object" and isinstance(node.get("additionalProperties"), dict):
        return "map"
    return kind


def _default(defaults: dict[str, Any], path: str) -> str:
    here: Any = defaults
    for part in path.split("."):
        here = here.get(part) if isinstance(here, dict) else None
    if here in (None, "", [], {}):
        return ""
    return f"`{str(here).lower() if isinstance(here, bool) else here}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _columns() -> str:
    rows = [
        f"| {column['name'].upper()} | {'`-o wide`' if column.get('priority') else 'always'} "
        f"| `{column['jsonPath']}` | {column['description']} |"
        for column in printer_columns()
    ]
    return "\n".join(["| Column | Shown | From | Meaning |", "|---|---|---|---|", *rows])


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.write_text(with_tables(place.read_text(encoding="utf-8")), encoding="utf-8")

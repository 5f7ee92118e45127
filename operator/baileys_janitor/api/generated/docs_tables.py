"""Writes the tables of the docs that come from the models and from the registry of conditions.

`python -m baileys_janitor.api.reference docs` puts them between their markers. With `--check` nothing is written, and
the exit code is 1 if a page is not current.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from baileys_janitor.api.backup.backup_settings import WHEN_UNSET
from baileys_janitor.api.conditions import condition_tables
from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.defaults import BUILT_IN
from baileys_janitor.api.generated.openapi import Node, structural
from baileys_janitor.api.generated.printer_columns import (
    key_store_columns,
    operation_columns,
    printer_columns,
    tenant_set_columns,
)
from baileys_janitor.api.keystores.merge import BUILT_IN as STORE_BUILT_IN
from baileys_janitor.api.keystores.spec import KeyStoreSpec
from baileys_janitor.api.keystores.status import KeyStoreStatus
from baileys_janitor.api.operations.spec import OperationSpec
from baileys_janitor.api.operations.status import OperationStatus
from baileys_janitor.api.spec import tenant_schema
from baileys_janitor.api.status import TenantStatus
from baileys_janitor.api.tenant_sets import spec as set_spec
from baileys_janitor.api.tenant_sets.spec import TenantSetSpec
from baileys_janitor.api.tenant_sets.status import TenantSetStatus
from baileys_janitor.api.values.patterns import DURATION

_WHEN_UNSET = {
    "companyId": "metadata.name",
    "volume": {"path": "."},
    "suspend": False,
    "backup": WHEN_UNSET,
}


def tables() -> dict[str, str]:
    """Return the tables of docs/resource.md as Markdown, by the name of their marker."""
    built_in = BUILT_IN.model_dump(mode="json", by_alias=True, exclude_none=True)
    config = OperatorConfig().model_dump(mode="json", by_alias=True, exclude_none=True)
    own = structural(OperatorConfig)
    # The tenant's settings are in the table of the spec.
    own["properties"]["defaults"].pop("properties")
    return {
        "spec": _table(tenant_schema(), built_in | _WHEN_UNSET),
        "status": _table(structural(TenantStatus), None),
        "configuration": _table(own, config | {"defaults": None}),
        "columns": _columns(printer_columns()),
        "conditions": condition_tables.conditions(),
        "backup conditions": condition_tables.backup_conditions(),
    }


def store_tables() -> dict[str, str]:
    """Return the tables of docs/keystore.md."""
    defaults = dict(STORE_BUILT_IN) | {
        "connection": {"key": "url", "caKey": "ca.crt"},
        "keys": {"preset": "KeyTypeColumn"},
        "suspend": False,
    }
    return {
        "spec": _table(structural(KeyStoreSpec), defaults),
        "status": _table(structural(KeyStoreStatus), None),
        "columns": _columns(key_store_columns()),
        "conditions": condition_tables.store_conditions(),
    }


def operation_tables() -> dict[str, str]:
    """Return the tables of docs/operations.md."""
    return {
        "spec": _table(structural(OperationSpec), {"dryRun": False}),
        "status": _table(structural(OperationStatus), None),
        "columns": _columns(operation_columns()),
    }


def set_tables() -> dict[str, str]:
    """Return the tables of docs/tenant-sets.md."""
    schema = structural(TenantSetSpec)
    # A tenant's settings are in docs/resource.md.
    schema["properties"]["template"].pop("properties")
    defaults = {
        "limit": set_spec.DEFAULT_LIMIT,
        "newPerDay": set_spec.DEFAULT_PER_DAY,
        "whenGone": "Keep",
        "interval": set_spec.DEFAULT_INTERVAL,
        "confirm": False,
        "suspend": False,
        "source": {"directories": {"path": "."}, "claims": {"path": "."}},
    }
    return {
        "spec": _table(schema, defaults),
        "status": _table(structural(TenantSetStatus), None),
        "columns": _columns(tenant_set_columns()),
        "conditions": condition_tables.set_conditions(),
    }


PAGES: Mapping[str, Callable[[], dict[str, str]]] = {
    "resource.md": tables,
    "keystore.md": store_tables,
    "operations.md": operation_tables,
    "tenant-sets.md": set_tables,
    "events.md": lambda: {"conditions": condition_tables.events()},
    "notifications.md": lambda: {"reasons": condition_tables.incidents()},
}
"""The pages with their tables."""


def with_tables(page: str, tables: Mapping[str, str]) -> str:
    """Return the page with every table between its markers rewritten."""
    for name, table in tables.items():
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
    """Return the fields that hold values, in order; a group appears only in its fields' paths."""
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
    if node.get("pattern") == DURATION:
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


def _columns(columns: list[dict[str, Any]]) -> str:
    rows = [
        f"| {column['name'].upper()} | {'`-o wide`' if column.get('priority') else 'always'} "
        f"| `{column['jsonPath']}` | {column['description']} |"
        for column in columns
    ]
    return "\n".join(["| Column | Shown | From | Meaning |", "|---|---|---|---|", *rows])


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them."""
    stale = 0
    for name, tables_of in PAGES.items():
        place = Path(arguments[0]) / name
        page = place.read_text(encoding="utf-8")
        fresh = with_tables(page, tables_of())
        if "--check" not in arguments:
            place.write_text(fresh, encoding="utf-8")
        elif fresh != page:
            sys.stderr.write(f"{place} is not current\n")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

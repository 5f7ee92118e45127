"""Writes the generated parts of the chart: values.yaml, its schema, the README's tables, the CRD's template,
Grafana's dashboard, the alert rules of conditions.

`python -m charts.generate` writes, `python -m charts.generate --check` fails if a file is not current.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.defaults import BUILT_IN
from baileys_janitor.api.generated.crd import crd_yaml
from baileys_janitor.api.generated.openapi import structural
from charts import checks
from charts.alerts import with_condition_rules
from charts.dashboard.page import dashboard
from charts.values import Values

CHART = Path(__file__).resolve().parent / "baileys-janitor"
Node = dict[str, Any]

_NOT_IN_CONFIG = (
    "watchNamespaces",
    "leaderElection.enabled",
    "leaderElection.namespace",
    "probes.enabled",
    "probes.address",
)
"""Fields of the configuration that only the chart sets: its roles and probes depend on them."""


def values_schema() -> Node:
    """Return the JSON schema of the values, which refuses unknown names."""
    schema, forms = _own_schema(), _configuration_fields()
    list(checks.checked(schema))
    list(checks.checked(forms))
    told = {"description": Values.model_fields["config"].description}
    schema["properties"]["config"] = _closed(forms, {}) | told
    checks.with_aliases(schema, checks.aliases(schema))
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values"} | schema


def checks_json() -> str:
    """Return the checks of the values in the templates."""
    schema = _own_schema()
    forms = [*checks.checked(schema), *checks.checked(_configuration_fields(), "config")]
    return checks.checks_json(forms, checks.aliases(schema))


def _own_schema() -> Node:
    """Return the schema of the values without `config`, with patterns."""
    schema = Values.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})
    schema["properties"]["config"] = {}
    found = _closed(schema, definitions)
    del found["properties"]["global"]["additionalProperties"]
    return found


def _configuration_fields() -> Node:
    node = structural(OperatorConfig)
    for path in _NOT_IN_CONFIG:
        *above, name = path.split(".")
        group = node
        for part in above:
            group = group["properties"][part]
        del group["properties"][name]
    return node


def _closed(node: Node, definitions: Node) -> Node:
    """Return a node without references that refuses unknown names."""
    if "$ref" in node:
        node = definitions[node["$ref"].rsplit("/", 1)[-1]] | {
            key: value for key, value in node.items() if key not in ("$ref", "default")
        }
    node = {
        key: value
        for key, value in node.items()
        if key not in ("title", "default", "format") and not key.startswith("x-")
    } | ({"type": ["integer", "string"]} if node.get("x-kubernetes-int-or-string") else {})
    if "anyOf" in node:
        node["anyOf"] = [_closed(choice, definitions) for choice in node["anyOf"]]
    if "properties" in node:
        node["properties"] = {
            name: _closed(child, definitions) for name, child in node["properties"].items()
        }
        node.setdefault("additionalProperties", False)
    if isinstance(node.get("items"), dict):
        node["items"] = _closed(node["items"], definitions)
    return node


def values_yaml() -> str:
    """Return values.yaml: every value with its default, below its description."""
    head = "# Written from charts/values.py; do not edit. Typing errors are refused (values.schema.json)."
    return "\n".join([head, *_values(Values, 0)]) + "\n"


def _values(model: type[BaseModel], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for field in model.model_fields.values():
        assert field.alias is not None
        if field.alias == "global":
            continue
        default = field.get_default(call_default_factory=True)
        group = isinstance(default, BaseModel) and not isinstance(default, OperatorConfig)
        told = (type(default).__doc__ if group else field.description) or ""
        if depth == 0:
            yield ""
        yield from (f"{indent}# {line}" for line in _folded(told, 110 - 2 * depth))
        if group:
            yield f"{indent}{field.alias}:"
            yield from _values(type(default), depth + 1)
        elif isinstance(default, OperatorConfig):
            yield f"{indent}{field.alias}: {{}}"
        elif isinstance(default, dict) and default:
            yield f"{indent}{field.alias}:"
            dumped = yaml.safe_dump(default, sort_keys=False)
            yield from (f"{indent}  {line}" for line in dumped.splitlines())
        else:
            yield f"{indent}{field.alias}: {json.dumps(default)}"


def _folded(text: str, width: int) -> Iterator[str]:
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = ""
        line = f"{line} {word}".strip()
    yield line


def tables() -> dict[str, str]:
    """Return the README's tables by the name of their mark."""
    own = ["| Value | Default | Meaning |", "|---|---|---|"]
    own += [_row(*each) for each in _own(Values, "")]
    built_in = BUILT_IN.model_dump(mode="json", by_alias=True, exclude_none=True)
    defaults = OperatorConfig().model_dump(mode="json", by_alias=True, exclude_none=True)
    defaults["defaults"] = built_in
    node = _configuration_fields()
    config = ["| Value | Default | Meaning |", "|---|---|---|"]
    config += [_row(*each) for each in _leaves(node, "config", {"config": defaults})]
    return {"values": "\n".join(own), "configuration": "\n".join(config)}


def _own(model: type[BaseModel], path: str) -> Iterator[tuple[str, Any, str]]:
    for field in model.model_fields.values():
        assert field.alias is not None
        default = field.get_default(call_default_factory=True)
        here = f"{path}{field.alias}"
        if isinstance(default, BaseModel) and not isinstance(default, OperatorConfig):
            yield from _own(type(default), f"{here}.")
        else:
            shown = {} if isinstance(default, OperatorConfig) else default
            yield here, shown, field.description or ""


def _leaves(node: Node, path: str, defaults: Any) -> Iterator[tuple[str, Any, str]]:
    for name, child in node["properties"].items():
        here = f"{path}.{name}"
        if child.get("properties"):
            yield from _leaves(child, here, defaults)
            continue
        found: Any = defaults
        for part in here.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        yield here, found, child["description"]


def _row(path: str, default: Any, told: str) -> str:
    shown = "" if default is None else f"`{json.dumps(default)}`"
    return f"| `{path}` | {shown} | {' '.join(told.split())} |".replace("||", "\\|\\|")


def readme() -> str:
    """Return the chart's README with its tables regenerated."""
    page = (CHART / "README.md").read_text(encoding="utf-8")
    for name, table in tables().items():
        begin, end = f"<!-- {name}: generated -->", "<!-- end -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n\n{table}\n\n{end}{after}"
    return page


def crd_template() -> str:
    """Return the CRDs as a template: behind `crds.enabled`, kept behind `crds.keep`, with the chart's labels.

    Fields that only newer API servers accept are rendered only for those.
    """
    _, _, text = crd_yaml(field_selectors=True).partition("\n")
    if "{{" in text:
        raise ValueError("the CRDs hold what Helm would take for a template")
    return (
        "{{/* Written from the models by charts/generate.py; do not edit. */}}\n"
        "{{- if .Values.crds.enabled }}\n"
        + "---\n".join(_where_known(_with_metadata(each)) for each in text.split("---\n"))
        + "{{- end }}\n"
    )


def _with_metadata(definition: str) -> str:
    name = definition.index("  name: ")
    end = definition.index("\n", name) + 1
    return (
        definition[:end]
        + "  labels:\n"
        + '    {{- include "janitor.labels" . | nindent 4 }}\n'
        + "  {{- if .Values.crds.keep }}\n"
        + "  annotations:\n    helm.sh/resource-policy: keep\n"
        + "  {{- end }}\n"
        + definition[end:]
    )


def _where_known(definition: str) -> str:
    """Leave `selectableFields` out where the API server does not serve them: before 1.31."""
    new_enough = '{{- if semverCompare ">=1.31.0-0" .Capabilities.KubeVersion.Version }}'
    return re.sub(
        r"^    selectableFields:\n(?:    - .*\n)+",
        lambda found: f"    {new_enough}\n{found[0]}    {{{{- end }}}}\n",
        definition,
        flags=re.MULTILINE,
    )


def written() -> dict[Path, str]:
    """Return every generated file by path."""
    return {
        CHART / "values.yaml": values_yaml(),
        CHART / "values.schema.json": json.dumps(values_schema(), indent=2) + "\n",
        CHART / "README.md": readme(),
        CHART / "templates" / "crd.yaml": crd_template(),
        CHART / "files" / "checks.json": checks_json(),
        CHART / "files" / "dashboard.json": dashboard(),
        CHART / "files" / "alerts.yaml": with_condition_rules(),
    }


def main() -> int:
    """Write the files, or compare them with the existing ones."""
    stale = [
        path
        for path, text in written().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(CHART.parent.parent)} is not current\n")
        return 1 if stale else 0
    for path in stale:
        path.write_text(written()[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

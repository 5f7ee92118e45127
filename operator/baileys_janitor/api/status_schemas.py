"""Writes the schemas of the statuses to a file, for programs that read them without the models.

`python -m baileys_janitor.api.status_schemas` writes `schema/statuses.json`; with `--check` it compares the two.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from baileys_janitor.api import names
from baileys_janitor.api.generated.openapi import structural
from baileys_janitor.api.operations.status import OperationStatus
from baileys_janitor.api.status import TenantStatus

PATH: Final = Path(__file__).with_name("schema") / "statuses.json"
MODELS: Final[dict[str, type[BaseModel]]] = {
    names.KIND: TenantStatus,
    names.OPERATION_KIND: OperationStatus,
}


def schemas() -> str:
    """Return the structural schema of each kind's status as JSON, one line for each field of the status."""
    kinds = []
    for kind, model in MODELS.items():
        schema = _bare(structural(model))
        fields = [
            f"    {json.dumps(name)}: {json.dumps(node)}"
            for name, node in schema["properties"].items()
        ]
        body = ",\n".join(fields)
        kinds.append(f'  {json.dumps(kind)}: {{"type": "object", "properties": {{\n{body}\n  }}}}')
    return "{\n" + ",\n".join(kinds) + "\n}\n"


def _bare(node: Any) -> Any:
    """Return a schema without the parts that only people or the API server need."""
    if isinstance(node, list):
        return [_bare(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: _bare(one) for name, one in value.items()}
        if key == "properties"
        else _bare(value)
        for key, value in node.items()
        if key != "description" and not key.startswith("x-kubernetes-")
    }


def main(argv: list[str]) -> int:
    """Write or check the file; return the exit code."""
    text = schemas()
    if argv == ["--check"]:
        current = PATH.read_text(encoding="utf-8") if PATH.exists() else None
        if current != text:
            sys.stderr.write(f"{PATH} is not what the models make\n")
        return int(current != text)
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Writes the reasons into schema/message.v1.json: `python -m baileys_janitor.notify.reference`.

With `--check` nothing is written, and the exit code is 1 if the schema is not current.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS

SCHEMA = Path(__file__).parent / "schema" / "message.v1.json"


def with_reasons(text: str) -> str:
    """Return the schema with every list of reasons updated."""
    schema = json.loads(text)
    parts = schema["$defs"]
    for place in (parts["group"]["properties"]["reason"], parts["tenant"]["properties"]["was"]):
        place["enum"] = list(INCIDENT_KINDS)
    return json.dumps(schema, indent=2) + "\n"


def main(arguments: list[str]) -> int:
    """Write the schema, or compare it."""
    text = SCHEMA.read_text(encoding="utf-8")
    if "--check" not in arguments:
        SCHEMA.write_text(with_reasons(text), encoding="utf-8")
    elif text != with_reasons(text):
        sys.stderr.write(f"{SCHEMA.name} is not current\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The corpus of resources, as parameters of tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

CORPUS = Path(__file__).parent / "corpus"
ROOT = CORPUS.parents[2]

SCHEMA = "expect.test/schema"
OPERATOR = "expect.test/operator"


def resources(folder: str) -> dict[str, dict[str, Any]]:
    """The resources of `accepted` or `refused`, by file name."""
    return {
        path.stem: yaml.load(path.read_text(), yaml.CSafeLoader)
        for path in sorted((CORPUS / folder).glob("*.yaml"))
    }


def expected(resource: dict[str, Any], side: str) -> str | None:
    """Part of the message with which that side refuses; None when it accepts."""
    found: str | None = resource["metadata"].get("annotations", {}).get(side)
    return found


ACCEPTED = resources("accepted")
REFUSED = resources("refused")

"""Reads stored statuses within their bounds without the models: a kubectl plugin lacks the library that they need."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from baileys_janitor.api.bounded import SchemaReader


@cache
def reader_of(kind: str) -> SchemaReader:
    """Return the reader of the statuses of a kind, such as BaileysTenant."""
    return SchemaReader(_schemas()[kind])


@cache
def _schemas() -> dict[str, Any]:
    text = (files("baileys_janitor.api") / "schema" / "statuses.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found

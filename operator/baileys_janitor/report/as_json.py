"""A complete report as JSON, one session a line, so that a large report can be read in pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from baileys_janitor.report.model import SCHEMA, ReportDocument

MARK: Final = f'{{"schema": "{SCHEMA}"'


def pieces(report: ReportDocument) -> Iterator[str]:
    """Yield the text of the document in pieces of bounded size."""
    yield "{"
    for place, (key, value) in enumerate(report.items()):
        comma = ", " if place == 1 else ",\n "
        yield f"{comma if place else ''}{json.dumps(key)}: "
        if key == "sessions":
            yield from _lines(report)
        else:
            yield json.dumps(value)
    yield "}\n"


def _lines(report: ReportDocument) -> Iterator[str]:
    yield "["
    for place, session in enumerate(report["sessions"]):
        yield f"{',' if place else ''}\n  {json.dumps(session)}"
    yield "]"

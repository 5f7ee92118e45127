"""The dashboard as data: its panels and marks, and what they ask."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.alerts.rules import FILES

BOARD = json.loads((FILES / "dashboard.json").read_text(encoding="utf-8"))
VARIABLE = re.compile(r"\$\{?(\w+)\}?")


@dataclass(frozen=True)
class Query:
    """One query of a panel."""

    panel: str
    expr: str
    legend: str
    instant: bool

    def given(self, **variables: str) -> str:
        """The query with the dashboard's variables in it."""
        return VARIABLE.sub(lambda found: variables[found[1]], self.expr)


def panels() -> Iterator[Any]:
    """Every panel that shows something."""
    return (panel for panel in BOARD["panels"] if panel["type"] != "row")


def queries() -> Iterator[Query]:
    """Every query of every panel."""
    for panel in panels():
        for target in panel["targets"]:
            instant = bool(target.get("instant"))
            yield Query(panel["title"], target["expr"], target.get("legendFormat", ""), instant)
    for marked in annotations():
        yield Query(marked["name"], marked["expr"], marked["titleFormat"], instant=False)


def annotations() -> list[Any]:
    """What is marked on every graph."""
    return list(BOARD["annotations"]["list"])

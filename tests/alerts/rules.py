"""The alert rules as data, and the runbooks that they link to."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "charts" / "baileys-janitor" / "files"
ALERTS = FILES / "alerts.yaml"
RUNBOOKS = ROOT / "docs" / "runbooks"
INDEX = RUNBOOKS / "README.md"
PAGES = sorted(page for page in RUNBOOKS.glob("*.md") if page != INDEX)


@dataclass(frozen=True)
class Rule:
    """One alert: `labels` and `annotations` as written, `wait` its `for`."""

    alert: str
    expr: str
    wait: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def severity(self) -> str:
        return self.labels["severity"]

    @property
    def runbook(self) -> str:
        """The name of its runbook."""
        found = re.search(r"/([a-z-]+)\.md$", self.annotations["runbook_url"])
        assert found, self.annotations["runbook_url"]
        return found[1]


@functools.cache
def document() -> Any:
    """The file as data; shared, not to be changed."""
    return yaml.safe_load(ALERTS.read_text(encoding="utf-8"))


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Every alert of the file."""
    return tuple(
        Rule(
            each["alert"],
            each["expr"],
            each.get("for", "0s"),
            each.get("labels", {}),
            each.get("annotations", {}),
        )
        for group in document()["groups"]
        for each in group["rules"]
    )


def rule(alert: str) -> Rule:
    """One alert by its name."""
    (found,) = (each for each in rules() if each.alert == alert)
    return found

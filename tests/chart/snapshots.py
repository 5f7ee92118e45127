"""Keeps what the chart renders: `python -m tests.chart.snapshots` writes it anew, for review as a diff."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.chart.rendering import VARIANTS, Object, render

PLACE = Path(__file__).parent / "snapshots"


def path(name: str) -> Path:
    """Where a variant's rendering is kept."""
    return PLACE / f"{name}.yaml"


def kept(objects: list[Object]) -> str:
    """Rendered objects as they are kept: sorted, without comments."""
    return yaml.safe_dump_all(objects, sort_keys=True, width=110)


if __name__ == "__main__":
    PLACE.mkdir(exist_ok=True)
    for name, values in VARIANTS.items():
        path(name).write_text(kept(render(**values)))

"""Draws benchmarks/results/operator.json as docs/benchmarks.svg: the cost of up to ten thousand tenants."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Object = dict[str, Any]
HERE = Path(__file__).resolve().parent
RESULTS, PICTURE = HERE / "results/operator.json", HERE.parent / "docs/benchmarks.svg"
PANELS = (
    ("Jobs a minute", "jobsPerMinute"),
    ("API requests a minute, all clients", "allRequestsPerMinute"),
    ("Operator memory, MiB", "rssMiB"),
)
WHO = {
    "cronjobs": ("a CronJob each", "#b45309", "s"),
    "timers": ("naive Kopf timers", "#7c3aed", "^"),
    "namespaced": ("janitor, a namespace each", "#0891b2", "D"),
    "shared": ("janitor, one namespace", "#15803d", "o"),
}


def points(cells: dict[str, Object], who: str, figure: str) -> dict[int, float]:
    """Return the measurements of one contender, by number of tenants."""
    return {
        cell["plan"]["tenants"]: cell[figure]
        for name, cell in cells.items()
        if name.startswith(f"{who}-") and figure in cell
    }


def further(measured: dict[int, float], sizes: list[int]) -> dict[int, float]:
    """Extrapolate in proportion from the largest measured size, for the dotted lines."""
    largest = max(measured)
    beyond = [size for size in sizes if size > largest]
    return {size: measured[largest] * size / largest for size in [largest, *beyond]}


def main() -> int:
    """Draw the figure."""
    try:
        import matplotlib as mpl
        import matplotlib.pyplot as plt
    except ModuleNotFoundError:
        print("matplotlib is not installed: `make plot` installs it", file=sys.stderr)
        return 1
    cells = json.loads(RESULTS.read_text())["cells"]
    # Text stays text, and the same results give the same file.
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 9}
    mpl.rcParams |= {"font.family": "sans-serif"}
    figure, axes = plt.subplots(1, len(PANELS), figsize=(11, 3.4), layout="constrained")
    for axis, (title, key) in zip(axes, PANELS, strict=True):
        for who, (label, colour, marker) in WHO.items():
            found = points(cells, who, key)
            if not found:
                continue
            axis.plot(
                *zip(*sorted(found.items()), strict=True), marker, ls="-", c=colour, label=label
            )
            # Memory has a constant part, so it cannot be extrapolated from smaller fleets.
            if who in {"cronjobs", "timers"} and key != "rssMiB":
                axis.plot(
                    *zip(*sorted(further(found, [10_000]).items()), strict=True), ls=":", c=colour
                )
        axis.set(title=title, xscale="log", yscale="log", xlabel="tenants")
        axis.grid(visible=True, alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )
    figure.savefig(PICTURE, metadata={"Date": None, "Creator": None}, facecolor="white")
    print("Drawn: docs/benchmarks.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())

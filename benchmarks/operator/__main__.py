"""`python -m benchmarks.operator`: the operator's bench alone."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

from rich.console import Console

from benchmarks.operator import steady
from benchmarks.operator.plan import Plan


def main() -> int:
    """Measure steady states."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operator", description=__doc__)
    parser.add_argument("--sizes", default="100,1000", help="numbers of tenants, by commas")
    parser.add_argument("--minutes", type=float, default=3.0, help="how long each is measured")
    parser.add_argument("--layout", choices=["shared", "namespaced"], default="shared")
    parser.add_argument("--fixed", action="store_true", help="adaptive: false")
    arguments = parser.parse_args()
    console = Console()
    found: list[dict[str, Any]] = []
    for size in map(int, arguments.sizes.split(",")):
        plan = Plan(size, arguments.layout, adaptive=not arguments.fixed)
        found.append(asyncio.run(steady.measure(plan, arguments.minutes, console.print)))
        console.print_json(json.dumps(found[-1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""One cell by its name, in this process: `python -m benchmarks.operator NAME`; figures as JSON on standard output."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time

from benchmarks.operator import catalogue, suite
from benchmarks.operator.servers import BrokenError


def main() -> int:
    """Measure one cell; return the exit code."""
    cells = catalogue.named([*catalogue.full(), *catalogue.large(), *catalogue.quick()])
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operator", description=__doc__)
    parser.add_argument("cell", choices=cells, metavar="NAME", help=", ".join(cells))
    parser.add_argument("--quick", action="store_true", help="as `make bench QUICK=1` measures it")
    arguments = parser.parse_args()
    stages = catalogue.quick() if arguments.quick else catalogue.full()
    cell = (cells | catalogue.named(stages))[arguments.cell]

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    begun = time.time()
    try:
        found = asyncio.run(cell.run(tell, suite.assets(os.environ.get("KUBEBUILDER_ASSETS"))))
    except (BrokenError, TimeoutError) as error:
        tell(f"broken: {error or 'took too long'}")
        return 1
    except KeyboardInterrupt:
        return 130
    print(json.dumps(found | {"tookSeconds": round(time.time() - begun)}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())

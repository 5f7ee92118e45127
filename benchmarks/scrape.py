"""`python -m benchmarks.scrape`: the operator's cost of a Prometheus scrape, and the delay of other tasks meanwhile.

The fleet is in memory, the HTTP is real, and the scraper is another process. CPU is that of this process between the
request and the end of the answer; the median of some scrapes is reported. The delay of other tasks is measured in
separate scrapes: a task that yields all the time records its longest wait.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from typing import Any, cast

from rich.console import Console
from rich.table import Table

from baileys_janitor.api.config.config import Metrics, OperatorConfig
from baileys_janitor.controller.app import job_pod
from baileys_janitor.controller.clock import WallClock
from baileys_janitor.controller.kube.client import Kube
from baileys_janitor.controller.metrics.process import OperatorMetrics
from baileys_janitor.controller.metrics.server import served
from baileys_janitor.controller.reconciler import Reconciler
from baileys_janitor.job.result import CleanResult, ScanResult
from baileys_janitor.schedule.context import Intervals
from baileys_janitor.status import compose
from baileys_janitor.status.advice import Limits
from baileys_janitor.status.compose import StatusContext
from baileys_janitor.tenants import record_result
from benchmarks.machine import described

DAY = 86_400
SCRAPER = """
import http.client, json, sys, zlib
there = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
there.request("GET", "/metrics", headers={"Accept-Encoding": sys.argv[2]})
answer = there.getresponse()
body = answer.read()
text = zlib.decompress(body, 31) if answer.headers.get("Content-Encoding") == "gzip" else body
lines = sum(not line.startswith(b"#") for line in text.splitlines())
print(json.dumps({"wire": len(body), "text": len(text), "series": lines}))
"""


def furnish(engine: Reconciler, tenants: int, now: float) -> None:
    """Add tenants that have been scanned twice and cleaned once."""
    around = StatusContext(
        now - DAY, Intervals(1800.0, DAY, 3600.0), None, Limits.of(OperatorConfig())
    )
    for number in range(tenants):
        meta = {
            "namespace": f"company-{number % 100}",
            "name": f"tenant-{number}",
            "uid": f"{number:032x}",
            "resourceVersion": "1",
            "generation": 1,
        }
        spec = {
            "companyId": str(900_000 + number),
            "volume": {"claimName": f"baileys-{number}", "path": f"company_{number}"},
        }
        body = {"metadata": meta, "spec": spec, "status": {"observedGeneration": -1}}
        tenant = engine.cache.observe(body, now - DAY)
        record_result.scanned(tenant, look(100 + number % 60, now), now - DAY, used=True)
        tenant.cleanup.run = {"id": f"run-{number}", "reason": "Daily"}
        found = CleanResult(f"run-{number}", "Completed", removed=9, before=109, after=100)
        record_result.cleaned(tenant, found, now - DAY, used=True)
        record_result.scanned(tenant, look(105 + number % 90, now), now, used=True)
        tenant.take_stored(compose.compose(tenant, now, around))


def look(counted: int, now: float) -> ScanResult:
    """Return the scan of a session of the current library version."""
    return ScanResult(
        total=counted + 770,
        counted=counted,
        protected=60,
        reclaimable=9,
        gain=9,
        floor=90,
        identity_state="Paired",
        fingerprint="f00d",
        newest_activity=int(now) - 60,
        by_kind=[1, 6, 40, 812, counted - 50, 4, 3, 2, 1, 1, 0],
        bytes=1000 * counted,
        free_bytes=10**9,
        free_inodes=10**5,
        trash_runs=0,
    )


async def scrape(port: int, encoding: str) -> dict[str, Any]:
    """Let another process scrape once."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRAPER, str(port), encoding, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate()
    found: dict[str, Any] = json.loads(out)
    return found


async def longest_turn(port: int) -> float:
    """Return the longest time in seconds that another task waited for the event loop during one scrape."""
    longest = 0.0

    async def others() -> None:
        nonlocal longest
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    running = asyncio.create_task(others())
    try:
        await scrape(port, "gzip")
    finally:
        running.cancel()
    return longest


async def measure(tenants: int, per_tenant: str, runs: int) -> dict[str, Any]:
    """Measure scrapes of a fleet of that size."""
    config, clock = OperatorConfig(), WallClock()
    engine = Reconciler(cast(Kube, None), config, job_pod(config.job), clock, cast(Any, None))
    furnish(engine, tenants, clock.now())
    process = OperatorMetrics(clock)
    process.leads(engine)
    metrics = Metrics.model_validate(
        {"address": "127.0.0.1", "port": 9090, "perTenant": per_tenant}
    ).model_copy(update={"port": 0})
    async with served(metrics, process, clock) as port:
        seen: dict[str, Any] = {}
        cpu: dict[str, float] = {}
        for encoding in ("identity", "gzip"):
            spent = []
            for _ in range(runs):
                before = time.process_time()
                seen = await scrape(port, encoding)
                spent.append(time.process_time() - before)
            cpu[encoding] = statistics.median(spent)
        turns = [await longest_turn(port) for _ in range(runs)]
    return {
        "tenants": tenants,
        "perTenant": per_tenant,
        "series": seen["series"],
        "textMB": round(seen["text"] / 1e6, 2),
        "wireMB": round(seen["wire"] / 1e6, 2),
        "cpuMs": round(cpu["gzip"] * 1000),
        "cpuMsPlain": round(cpu["identity"] * 1000),
        "longestTurnMs": round(statistics.median(turns) * 1000, 1),
    }


def main() -> int:
    """Measure every value of `metrics.perTenant`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scrape", description=__doc__)
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=7, help="scrapes of each kind")
    arguments = parser.parse_args()
    table = Table(box=None, pad_edge=False)
    found = [
        asyncio.run(measure(arguments.tenants, per_tenant, arguments.runs))
        for per_tenant in ("Full", "Brief", "None")
    ]
    for heading in found[0]:
        table.add_column(heading, justify="right")
    for each in found:
        table.add_row(*(str(value) for value in each.values()))
    Console().print(described(), table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

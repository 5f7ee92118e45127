"""Adds all tenants at once to a running operator: measures how soon each has a status, and the other writes."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.operator import counting
from benchmarks.operator.cell import Cell
from benchmarks.operator.furnishing import TENANTS, declare
from benchmarks.operator.plan import Plan
from benchmarks.operator.steady import Tell, first_round, shown, started
from sandbox import kubeconfig
from sandbox.client import Client

Object = dict[str, Any]
AFTER = 75.0
"""Seconds after the last tenant's first status: every tenant is scanned once more."""


async def measure(plan: Plan, tell: Tell, assets: Path | None = None) -> Object:
    """Run one cell; return its figures."""
    plan = replace(plan, now=time.time(), seeded=False, declared=False)
    async with Cell(plan, assets) as cell:
        async with (
            cell.operator() as process,
            Client(kubeconfig.read(cell.kubeconfig), "bench") as client,
        ):
            await started(cell, process, time.time())
            before = await cell.server.calls()
            begun = time.time()
            await declare(client, plan)
            declared = time.time() - begun
            tell(f"all are declared after {declared:.1f} s")
            async with asyncio.timeout(300):
                await _known(client)
            known = time.time() - begun
            tell(f"each has a level after {known:.1f} s")
            await asyncio.sleep(AFTER)
            mine = counting.tested(counting.since(before, await cell.server.calls()))
        cell.check()
        complaints = process.complaints()
        rounds = first_round(cell, begun)
    written = counting.writes(mine, "baileystenants", "baileystenants/status")
    return {
        "plan": shown(plan),
        "complaints": complaints,
        "declaredSeconds": round(declared, 1),
        "firstRoundSeconds": rounds,
        "allKnownSeconds": round(known, 1),
        "tenantWrites": written,
        "writesBeyondFirst": written - plan.tenants,
        "requestsByResource": counting.by_resource(mine),
    }


async def _known(client: Client) -> None:
    while True:
        found, _ = await client.snapshot(TENANTS, metadata_only=False)
        if all((each.get("status") or {}).get("lastScanTime") for each in found):
            return
        await asyncio.sleep(1.0)

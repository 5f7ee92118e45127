"""Runs cells, each in a separate process, so that none waits for another's simulation."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from benchmarks.operator.catalogue import Cell, Stages
from benchmarks.operator.servers import ROOT, environment
from benchmarks.operator.steady import Tell

Object = dict[str, Any]


async def run(stages: Stages, tell: Tell, *, quick: bool) -> dict[str, Object]:
    """Return each cell's figures by name; for a broken one, `{"broken": why}`."""
    found: dict[str, Object] = {}

    async def lane(cells: list[Cell]) -> None:
        for cell in cells:
            found[cell.name] = await _one(cell, tell, quick)

    async with asyncio.TaskGroup() as throughout:
        for lanes in stages:
            async with asyncio.TaskGroup() as stage:
                for cells in lanes:
                    lingers = any(cell.lingers for cell in cells)
                    (throughout if lingers else stage).create_task(lane(cells))
    order = [cell.name for lanes in stages for cells in lanes for cell in cells]
    return {name: found[name] for name in order}


async def _one(cell: Cell, tell: Tell, quick: bool) -> Object:
    command = [sys.executable, "-m", "benchmarks.operator", cell.name]
    process = await asyncio.create_subprocess_exec(
        *(*command, "--quick") if quick else command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=2**24,
        cwd=ROOT,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    last = ""
    try:
        async for line in process.stderr:
            last = line.decode(errors="replace").strip() or last
            tell(f"{cell.name}: {last}")
        answer = await process.stdout.read()
    finally:
        if process.returncode is None:
            # Like Ctrl-C: the cell ends the processes that it has started.
            process.send_signal(signal.SIGINT)
        await process.wait()
    try:
        found: Object = json.loads(answer)
    except ValueError:
        return {"broken": last or f"ended with {process.returncode}"}
    return found


def assets(value: str | None) -> Path | None:
    """Return the directory in `KUBEBUILDER_ASSETS`, if set."""
    return Path(value) if value else None

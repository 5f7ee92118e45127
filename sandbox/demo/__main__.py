"""`make demo`: shows the operator at work; `--once` plays one full cycle and judges its end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from shlex import quote

from rich.console import Console
from rich.live import Live
from rich.text import Text

from sandbox.demo import report
from sandbox.demo.cast import CAST, NAMESPACE, REQUESTED
from sandbox.demo.cycle import Cycle
from sandbox.demo.picture import Picture
from sandbox.demo.stage import ROOT, Stage, StageError

HOME = ROOT / ".demo"


def introduce(console: Console, stage: Stage) -> None:
    """Introduce the tenants, and suggest commands to try."""
    console.print("\n[bold]Tenants[/] (sessions written by the real Baileys library)")
    for player in CAST:
        console.print(f"  {player.name:9}{player.story}", highlight=False)
    get = f"kubectl -n {NAMESPACE}"
    lines = (
        f'export KUBECONFIG={quote(str(stage.kubeconfig))} PATH={quote(str(ROOT / ".tools"))}:"$PATH"',
        f"{get} get baileystenants -w                # bt for short; -o wide shows more",
        f"{get} describe bt depot                    # why this level, what was removed, what comes next",
        f'{get} annotate bt {REQUESTED} janitor.baileys.dev/emergency-cleanup="$(date +%s)" --overwrite',
        f'{get} patch bt acme --type merge -p \'{{"spec":{{"thresholds":{{"warning":100}}}}}}\'',
        f"{get} edit bt acme                         # or any other setting",
        f"{get} get jobs,pods -w                     # short-lived Jobs that scan and clean",
        f"{get} logs -l app.kubernetes.io/managed-by=baileys-janitor",
        "kubectl explain bt.spec.retention          # every field has its description",
        f"curl -s localhost:{stage.metrics_port}/metrics | grep baileys_session_level",
        f"ls {quote(str(stage.volumes / NAMESPACE))}/*/*          # the directories themselves",
        f"tail -f {quote(str(stage.log))}",
    )
    console.print("\n[bold]In another terminal[/]")
    for line in lines:
        console.print(f"  {line}", highlight=False, soft_wrap=True, markup=False)


async def show(console: Console, stage: Stage, stopped: asyncio.Event) -> None:
    """Keep printing the table until `stopped`: live in a terminal, on change in a pipe."""
    console.print("\n[bold]kubectl get baileystenants[/] (Ctrl-C ends the demo)")
    with (
        Live(console=console, auto_refresh=False)
        if console.is_terminal
        else contextlib.nullcontext() as live
    ):
        shown: list[list[str]] = []
        while not stopped.is_set():
            table = await stage.table()
            if live is not None:
                live.update(Text(table.rstrip()), refresh=True)
            elif (levels := [line.split()[:3] for line in table.splitlines()]) != shown:
                shown = levels
                console.print(table, highlight=False, markup=False)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), 1)


async def once(console: Console, stage: Stage, drawn: Path | None) -> int:
    """Play one cycle, print its result, and return the exit code."""
    picture = Picture()

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    cycle = Cycle(stage, say, picture)
    try:
        await cycle.play()
        await cycle.judge()
    except StageError as problem:
        cycle.faults.append(str(problem))
    if drawn is not None and not cycle.faults:
        picture.save(drawn)
    tenants = await stage.tenants()
    shown = await stage.table("-o", "wide")
    if max(map(len, shown.splitlines()), default=0) > console.width:
        # A table must not wrap.
        shown = await stage.table()
    console.print(shown, highlight=False, markup=False, soft_wrap=True)
    console.print(report.cleanups(tenants), soft_wrap=not console.is_terminal)
    report.messages(console, tenants)
    for fault in cycle.faults:
        console.print(f"[red]Not as expected:[/] {fault}", highlight=False)
    if cycle.faults:
        console.print(f"The operator's log is {stage.log}", highlight=False)
        return 1
    console.print(
        "\n[green]The end state is the expected one.[/] Every creds.json, app-state key and LID "
        "mapping is byte for byte as before."
    )
    return 0


async def main(play_once: bool, drawn: Path | None) -> int:
    """Start the stage, and show or play."""
    console = Console(width=None if sys.stdout.isatty() else 200)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    console.print("Setting the stage: a sandbox cluster and real session directories ...")
    async with Stage.open(HOME) as stage:
        introduce(console, stage)
        if not play_once:
            await show(console, stage, stopped)
            return 0
        playing = asyncio.create_task(once(console, stage, drawn))
        await asyncio.wait(
            {playing, asyncio.create_task(stopped.wait())}, return_when=asyncio.FIRST_COMPLETED
        )
        if playing.done():
            return playing.result()
        playing.cancel()
        return 130


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="one full cycle, then exit")
    parser.add_argument(
        "--picture", type=Path, help="with --once: draw the tables into this SVG file"
    )
    chosen = parser.parse_args()
    try:
        sys.exit(asyncio.run(main(chosen.once, chosen.picture)))
    except StageError as problem:
        sys.exit(f"demo: {problem}")

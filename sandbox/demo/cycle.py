"""One full cycle: scans, an Emergency, a Trigger, a request by annotation; then the end state is checked."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sandbox.demo.cast import CAST, NAMESPACE, REQUESTED, Player
from sandbox.demo.picture import Picture
from sandbox.demo.stage import Stage, StageError

Object = dict[str, Any]
Condition = Callable[[dict[str, Object]], bool]

GET: Final = "kubectl get baileystenants"
PRECIOUS: Final = ("creds.json", "app-state-sync-", "lid-mapping-")
UNTOUCHED: Final = ("florist", "garage", "hotel", "acme")
"""Tenants from which no file may be removed."""


def fingerprints(directory: Path) -> dict[str, str]:
    """Return a hash of every session file in a directory, by name."""
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in directory.iterdir()
        if file.is_file() and file.name != ".cleanup.lock"
    }


class Cycle:
    """Runs the cycle and collects its errors."""

    def __init__(self, stage: Stage, say: Callable[[str], None], picture: Picture) -> None:
        self._stage = stage
        self._say = say
        self._picture = picture
        self._players = [player for player in CAST if player.scenario is not None]
        self.before = {p.name: fingerprints(stage.directory(p)) for p in self._players}
        self.faults: list[str] = []

    async def play(self) -> None:
        """Run every act; StageError when one does not finish."""
        await self._until("every tenant has been looked at", 60, _all_looked_at)
        table = await self._stage.table()
        self._say(table)
        self._picture.prompt(GET, table)
        await self._until("depot's Emergency cleanup is done", 60, _cleaned("depot", "Emergency"))
        self._say(f"Asking for an emergency cleanup of {REQUESTED}, as someone on call would:")
        token = str(int(time.time()))
        annotation = f"janitor.baileys.dev/emergency-cleanup={token}"
        command = (
            "annotate",
            "baileystenant",
            REQUESTED,
            "-n",
            NAMESPACE,
            annotation,
            "--overwrite",
        )
        self._say(f"  kubectl {' '.join(command)}")
        asked = f"kubectl annotate bt {REQUESTED} {annotation} --overwrite"
        self._picture.prompt(asked, await self._stage.kubectl(*command))
        await self._until("the request is handled", 60, _cleaned(REQUESTED, "Requested"))
        await self._until("clinic's Trigger cleanup is done", 120, _cleaned("clinic", "Trigger"))
        await self._until("garage's creds.json is called corrupt", 90, _corrupt("garage"))
        await self._until("no cleanup is under way", 60, _idle)
        self._picture.prompt(GET, await self._stage.table())

    async def judge(self) -> None:
        """Compare the end state with the expected one, and fill `faults`."""
        tenants = await self._stage.tenants()
        for player in self._players:
            gone, lost = self._compare(player)
            recorded = sum(
                e.get("removed", 0) for e in tenants[player.name]["status"].get("history", ())
            )
            self._expect(not lost, f"{player.name}: precious files were changed or lost")
            self._expect(
                gone == recorded, f"{player.name}: {gone} files are gone, {recorded} recorded"
            )
            if player.name in UNTOUCHED:
                self._expect(gone == 0, f"{player.name}: files were removed")
        for name in ("depot", "clinic", REQUESTED):
            status = tenants[name]["status"]
            self._expect(status["lastCleanup"]["removed"] > 0, f"{name}: nothing was removed")
            self._expect(len(status["history"]) == 1, f"{name}: more than one cleanup")
            self._expect(
                status["level"] in {"Healthy", "Warning"}, f"{name}: still {status['level']}"
            )
        self._expect(
            _condition(tenants["kiosk"], "Ready") == ("False", "ClaimMissing"), "kiosk: Ready"
        )
        for name in set(tenants) - {"kiosk"}:
            self._expect(_condition(tenants[name], "Ready")[0] == "True", f"{name}: not Ready")

    def _compare(self, player: Player) -> tuple[int, bool]:
        before, after = self.before[player.name], fingerprints(self._stage.directory(player))
        gone = [name for name in before if name not in after]
        precious = [name for name in before if name.startswith(PRECIOUS)]
        return len(gone), any(after.get(name) != before[name] for name in precious)

    def _expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.faults.append(otherwise)

    async def _until(self, what: str, seconds: float, holds: Condition) -> None:
        self._say(f"Waiting until {what} ...")
        deadline = time.monotonic() + seconds
        while not holds(await self._stage.tenants()):
            if time.monotonic() > deadline:
                raise StageError(f"After {seconds:.0f} s it still is not so that {what}.")
            await asyncio.sleep(0.5)


def _condition(tenant: Object, kind: str) -> tuple[str, str]:
    for condition in tenant["status"].get("conditions") or ():
        if condition["type"] == kind:
            return condition["status"], condition["reason"]
    return "", ""


def _all_looked_at(tenants: dict[str, Object]) -> bool:
    return all(_condition(tenant, "Ready")[0] in {"True", "False"} for tenant in tenants.values())


def _cleaned(name: str, reason: str) -> Condition:
    def holds(tenants: dict[str, Object]) -> bool:
        last = tenants[name]["status"].get("lastCleanup") or {}
        return last.get("reason") == reason and last.get("outcome") == "Completed"

    return holds


def _corrupt(name: str) -> Condition:
    return lambda tenants: _condition(tenants[name], "CredentialsCorrupt")[0] == "True"


def _idle(tenants: dict[str, Object]) -> bool:
    return not any(tenant["status"].get("run") for tenant in tenants.values())

"""What `kubectl describe` and `kubectl get -o yaml` tell of a tenant, read as whoever is on call reads it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
import pytest_asyncio

from baileys_janitor.api.values.timestamps import from_rfc3339
from sandbox import Cluster
from sandbox.tools import kubectl_path
from tests.controller.live.conftest import configured
from tests.controller.live.described import compare, kubectl, masked
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import World, until
from tests.real import sessions

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(kubectl_path() is None, reason="no kubectl: `make setup` unpacks one"),
]

TENANTS = (
    "healthy",
    "warning",
    "cleaned",
    "cooling",
    "unreachable",
    "dry-run",
    "suspended",
    "missing",
    "anew",
    "stopped",
    "corrupt",
    "risen",
)
AS_YAML = ("cooling", "missing")


# Of the session: these tests may be spread over the run, and the namespace can be made once.
@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def told(cluster: Cluster) -> dict[tuple[str, str], str]:
    """What kubectl shows of a tenant in each state: by its name, and describe or yaml."""
    await cluster.client.create("v1/namespaces", "", {"metadata": {"name": "described"}})
    world = World(cluster, "described")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        found = await _story(world)
    world.check_sessions()
    return found


async def _story(world: World) -> dict[tuple[str, str], str]:
    for name in ("healthy", "warning", "stopped", "corrupt"):
        await world.company(name, name)
    cleaned = await world.company(
        "cleaned", "critical", thresholds={"trigger": 171}, schedule={"triggerInterval": "1m"}
    )
    cooling = await world.company("cooling", "emergency")
    risen = await world.company("risen", "healthy", schedule={"triggerInterval": "7d"})
    low = {"warning": 80, "critical": 85, "trigger": 90, "emergency": 100, "danger": 150}
    await world.company("unreachable", "healthy", thresholds=low)
    await world.company("dry-run", "emergency", mode="DryRun")
    await world.company("suspended", "healthy", suspend=True)
    await world.tenant("missing", "nowhere")
    anew = sessions.unpack("healthy", await world.claim("anew"))
    await world.workload("anew")
    await world.tenant("anew", "anew")
    # Due half a day from now, whenever that is.
    hour = (time.gmtime().tm_hour + 12) % 24
    daily = {"schedule": {"dailyCleanup": f"30 {hour} * * *", "adaptive": False}}
    # Each look is written, so that what is shown is of the last one.
    # When a copy of creds.json is kept hangs on the namespace.
    defaults = {**daily, "credentialsCopies": {"keep": 0}}
    settings = {"defaults": defaults, "statusInterval": "1m"}
    async with LocalOperator(configured(world, settings), knows=len(TENANTS)) as running:
        for name in ("cleaned", "cooling", "unreachable"):
            with running.hurry():
                await world.cleaned(name)
        await world.cleaned("dry-run", "DryRun")
        await world.ready("missing", "ClaimMissing")
        await world.ready("suspended", "Suspended")
        _pile_up(cleaned, 14)
        _pile_up(cooling, 14)
        await world.scanned("anew")
        _pair_anew(anew)
        with running.hurry():
            # Through every level: 128 files, 153, 173, 183, and what an emergency cleanup leaves.
            for files, level in ((25, "Warning"), (20, "Critical"), (10, "Emergency")):
                await until(lambda: _holds(world, "risen", "Ready"), "risen is counted")
                _pile_up(risen, files, level)
                await until(lambda level=level: _reached(world, "risen", level), f"risen: {level}")
            await world.cleaned("risen")
            for name, kind in (
                ("cleaned", "Critical"),
                ("cooling", "Emergency"),
                ("anew", "IdentityChanged"),
                ("corrupt", "CredentialsCorrupt"),
            ):
                await until(
                    lambda name=name, kind=kind: _holds(world, name, kind), f"{name}: {kind}"
                )
            since = running.clock.now()
            for name in set(TENANTS) - {"suspended", "missing"}:
                await until(lambda name=name: _scanned_since(world, name, since), f"{name} is seen")
        await until(running.idle, "the operator is idle")
        await world.quiet()
    found = {(name, "describe"): await kubectl(world, "describe", "bt", name) for name in TENANTS}
    for name in AS_YAML:
        found[name, "yaml"] = await kubectl(world, "get", "bt", name, "-o", "yaml")
    return {key: masked(text) for key, text in found.items()}


async def _reached(world: World, name: str, level: str) -> bool:
    """Whether the level holds, or the cleanup that it called for has begun."""
    status = await world.status(name)
    return bool(status.get("level") == level or status.get("run") or status.get("lastCleanup"))


def _pile_up(directory: Path, files: int, mark: str = "") -> None:
    """Add memory files that have lost their key, which go at any age; sessions would count anew."""
    for number in range(files):
        stale = directory / f"sender-key-memory-1203637{len(mark)}{number:03}@g.us.json"
        stale.write_text("{}")
        os.utime(stale, (time.time() - 3600,) * 2)


def _pair_anew(directory: Path) -> None:
    creds = json.loads((directory / "creds.json").read_text())
    creds["me"]["id"] = "12015550199:1@s.whatsapp.net"
    creds["registrationId"] += 1
    (directory / "creds.json").write_text(json.dumps(creds))


async def _holds(world: World, name: str, kind: str) -> bool:
    return bool((await world.condition(name, kind)).get("status") == "True")


async def _scanned_since(world: World, name: str, since: float) -> bool:
    return (from_rfc3339((await world.status(name)).get("lastScanTime")) or 0.0) >= since


@pytest.mark.parametrize("name", TENANTS)
async def test_describe_tells_why_since_when_and_what_comes_next(
    name: str, told: dict[tuple[str, str], str]
) -> None:
    compare(f"{name}.txt", told[name, "describe"])


@pytest.mark.parametrize("name", AS_YAML)
async def test_yaml_tells_the_same(name: str, told: dict[tuple[str, str], str]) -> None:
    compare(f"{name}.yaml", told[name, "yaml"])


async def test_no_phone_number_and_no_file_name_is_shown(told: dict[tuple[str, str], str]) -> None:
    for text in told.values():
        assert "1555" not in text
        assert ".json" not in text.replace("creds.json", "")
